import { counterPricing } from "@turnpike/contract/catalog/counter-pricing.ts";
import type { Rules, Write } from "../rule.ts";
import { refuseOverlap, withIds } from "./banded-price.ts";
import { refuseForeignPrice } from "./priced-product.ts";

const pricesOneCounterOnce = async (write: Write) => {
  const next = counterPricing.fields.parse(write.document);
  const isSame = (other: { counterId: string }): boolean => other.counterId === next.counterId;
  await refuseOverlap(write, next, { resource: counterPricing, isSame });
  await refuseForeignPrice(write, next);
  return { ...write.document, pricingBands: withIds(next.pricingBands) };
};

export const counterPricingRules: Rules = { write: pricesOneCounterOnce };
