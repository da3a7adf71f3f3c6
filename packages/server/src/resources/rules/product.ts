import { product } from "@turnpike/contract/catalog/product.ts";
import type { Rules } from "../rule.ts";
import { staysWhileInLedger } from "./kept-records.ts";

export const productRules: Rules = {
  remove: (write) => staysWhileInLedger(write, { kind: product.kind, by: "id" }),
};
