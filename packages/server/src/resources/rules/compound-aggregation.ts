import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import { lookupCodes, typed } from "../../records/lookup.ts";
import { readCalculation } from "../calculations.ts";
import type { Read, Rules, Write } from "../rule.ts";
import { referencedAggregations, segmentsOfCompound } from "./compound-segments.ts";

const namesAggregationsThatExist = async ({ transaction, orgId, document }: Write) => {
  const { calculation } = compoundAggregation.fields.parse(document);
  readCalculation("calculation", calculation);
  const codes = referencedAggregations(calculation);
  const found = await lookupCodes(transaction, aggregation, { orgId, codes });
  const missing = codes.find((code) => !found.some((known) => known.code === code));
  if (missing === undefined) return document;
  throw fieldProblem("RULE_VIOLATED", "calculation", `names no aggregation: ${missing}`);
};

/** The segments that can be priced follow the referenced aggregations as they are now. */
const withSegments = async ({ reader, orgId, rows }: Read): Promise<Map<string, Document>> => {
  const found = new Map<string, Document>();
  for (const row of rows) {
    const { calculation } = typed(compoundAggregation, row);
    const segments = await segmentsOfCompound(reader, { orgId, calculation });
    if (segments.length > 0) found.set(row.id, { segments });
  }
  return found;
};

export const compoundAggregationRules: Rules = {
  write: namesAggregationsThatExist,
  compute: withSegments,
};
