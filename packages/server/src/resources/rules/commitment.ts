import { commitment } from "@turnpike/contract/billing/commitment.ts";
import type { Rules, Write } from "../rule.ts";
import { checkContract } from "./contract-link.ts";
import { keepFields } from "./kept-fields.ts";

/** What bills took was this account's, in this currency. */
const keepsWhatWasSpent = (write: Write): Promise<void> =>
  keepFields(write, ["accountId", "currency"], {
    exists: async () => write.before?.["amountSpent"] !== 0,
    message: "cannot be changed: bills have drawn on the commitment",
  });

/** Nothing is spent at first; bills say what is (m3ter semantics 15.4). */
const startsUnspent = async (write: Write) => {
  await checkContract(write, commitment.fields.parse(write.document));
  await keepsWhatWasSpent(write);
  return { amountSpent: 0, ...write.document };
};

export const commitmentRules: Rules = { write: startsUnspent };
