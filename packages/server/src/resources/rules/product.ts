import { product } from "@turnpike/contract/catalog/product.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Rules } from "../rule.ts";
import { isNamedByLedger } from "./kept-records.ts";

export const productRules: Rules = {
  remove: async (write) => {
    if (await isNamedByLedger(write, { kind: product.kind, id: write.id }))
      throw fieldProblem("RECORD_IN_USE", "id", "is named by grants");
  },
};
