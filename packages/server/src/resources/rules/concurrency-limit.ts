import type { Rules } from "../rule.ts";
import { keepsWhatItCounts } from "./counted-limit.ts";

const counting = {
  table: "concurrency_count",
  limitId: "concurrency_limit_id",
  fields: ["scope"],
} as const;

export const concurrencyLimitRules: Rules = {
  write: async (write) => {
    await keepsWhatItCounts(write, counting);
    return write.document;
  },
};
