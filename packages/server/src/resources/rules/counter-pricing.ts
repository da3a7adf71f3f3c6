import { counter } from "@turnpike/contract/catalog/counter.ts";
import { counterPricing } from "@turnpike/contract/catalog/counter-pricing.ts";
import { lookup } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { checkProduct, refuseOverlap, withIds } from "./banded-price.ts";

const pricesOneCounterOnce = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const next = counterPricing.fields.parse(document);
  const source = await lookup(transaction, counter, { orgId, id: next.counterId });
  await checkProduct(write, next, { field: "counterId", productId: source?.productId });
  const isSame = (other: { counterId: string }): boolean => other.counterId === next.counterId;
  await refuseOverlap(write, next, { resource: counterPricing, isSame });
  return { ...document, pricingBands: withIds(next.pricingBands) };
};

export const counterPricingRules: Rules = { write: pricesOneCounterOnce };
