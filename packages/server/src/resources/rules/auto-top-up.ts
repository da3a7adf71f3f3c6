import type { Rules } from "../rule.ts";
import { keepFields } from "./kept-fields.ts";

/** A top-up in flight is of the account and asset that it was started for, and lands with a batch of that account. */
export const autoTopUpRules: Rules = {
  write: async (write) => {
    keepFields(write, ["account", "asset"]);
    return write.document;
  },
};
