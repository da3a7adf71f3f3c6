import { commitment } from "@turnpike/contract/billing/commitment.ts";
import type { Rules, Write } from "../rule.ts";
import { checkContract } from "./contract-link.ts";

/** Nothing is spent at first; bills say what is (m3ter semantics 15.4). */
const startsUnspent = async (write: Write) => {
  await checkContract(write, commitment.fields.parse(write.document));
  return { amountSpent: 0, ...write.document };
};

export const commitmentRules: Rules = { write: startsUnspent };
