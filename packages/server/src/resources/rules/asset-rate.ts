import { assetRate } from "@turnpike/contract/authorization/asset-rate.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";
import { namedAsset } from "./named-records.ts";

/** Between two assets that exist. */
const convertsSomething = async (write: Write): Promise<Document> => {
  const { from, to } = assetRate.fields.parse(write.document);
  if (from === to) throw fieldProblem("VALIDATION_FAILED", "to", "must be another asset");
  await namedAsset(write, { field: "from", code: from });
  await namedAsset(write, { field: "to", code: to });
  return write.document;
};

export const assetRateRules: Rules = { write: convertsSomething };
