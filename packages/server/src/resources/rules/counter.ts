import type { Rules } from "../rule.ts";
import { keepsPricedProduct } from "./priced-product.ts";

export const counterRules: Rules = { follow: keepsPricedProduct("counterId") };
