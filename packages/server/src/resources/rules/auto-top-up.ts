import { autoTopUp } from "@turnpike/contract/authorization/auto-top-up.ts";
import type { Document } from "../../ports/database.ts";
import type { Rules, Write } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";
import { checkAmount, namedAccount, namedAsset } from "./named-records.ts";

/** An account and an asset that exist, and amounts no finer than it: others would never be asked for. */
const asksForMoney = async (write: Write): Promise<Document> => {
  // A top-up in flight is of the account and asset that it was started for, and lands with a batch of that account.
  await keepFields(write, ["account", "asset"]);
  const { account, threshold, creditAmount, ...fields } = autoTopUp.fields.parse(write.document);
  await namedAccount(write, { field: "account", code: account });
  const asset = await namedAsset(write, { field: "asset", code: fields.asset });
  checkAmount("threshold", threshold, asset);
  checkAmount("creditAmount", creditAmount, asset);
  return write.document;
};

export const autoTopUpRules: Rules = { write: asksForMoney };
