import type { RecordUsage } from "@turnpike/engine/ledger/request.ts";
import type { PricedUsage } from "../usage-request.ts";

type Own = Pick<
  RecordUsage,
  "id" | "fingerprint" | "account" | "meter" | "isMetered" | "fields" | "assets" | "insteadOf"
> & { readonly feature: string | null };

/** Usage that nobody authorized, charged as it is priced: it happened, so that what is short is owed. */
export const recordOf = (
  { productId, price, quantity, unit, occurredAt }: PricedUsage,
  { feature, ...own }: Own,
): RecordUsage => ({
  ...own,
  kind: "record",
  scope: {
    ...(productId === undefined ? {} : { product: productId }),
    ...(feature === null ? {} : { feature }),
  },
  unit,
  quantity,
  price,
  occurredAt,
  settleOverage: "debt",
  unverified: false,
});
