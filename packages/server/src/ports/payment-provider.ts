/** Money that an account is to pay: a top-up that waits for it. */
export interface PaymentRequest {
  readonly orgId: string;
  /** Names the payment for good: asking again must not charge again. */
  readonly topUpId: string;
  readonly account: string;
  readonly asset: string;
  /** Decimal text. */
  readonly chargeAmount: string;
  /** What an automatic top-up is to be charged to; null when somebody asked for the top-up. */
  readonly paymentMethod: string | null;
}

/** `pending`: the payment will be confirmed, or failed, through the API. */
export type PaymentOutcome =
  | { readonly kind: "pending" }
  | { readonly kind: "paid"; readonly payment: string }
  | { readonly kind: "failed" };

/** Where the money of top-ups comes from. */
export interface PaymentProvider {
  /**
   * May be called again for the same top-up, after a crash or when no answer came in time; then it says what has become
   * of the payment. Nobody waits for the answer any more once the signal is aborted, and an error says nothing of the
   * money either.
   */
  request(payment: PaymentRequest, signal: AbortSignal): Promise<PaymentOutcome>;
}
