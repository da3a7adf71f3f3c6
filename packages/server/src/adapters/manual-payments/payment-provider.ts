import type { PaymentProvider } from "../../ports/payment-provider.ts";

/** Somebody sees to the money and confirms or fails the top-up over the API. */
export const manualPayments: PaymentProvider = {
  request: async () => ({ kind: "pending" }),
};
