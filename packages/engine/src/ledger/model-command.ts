/** What is asked of the reference model, and what it answers. */
export type ModelCommand =
  | {
      kind: "grant";
      id: string;
      amount: number;
      priority: number;
      life: number | null;
      meter: string | null;
      paid: boolean;
      rollover: ModelRollover | null;
    }
  | Opening
  | { kind: "record"; id: string; amount: number; meter: string; policy: "cap" | "debt" }
  | { kind: "settle"; id: string; amount: number; quantity: number; final: boolean }
  | { kind: "void"; id: string }
  | { kind: "extend"; id: string; ttl: number; add: number }
  | { kind: "refund"; id: string; of: string; amount: number | null; quantity: number | null }
  | { kind: "voidGrant"; id: string }
  | { kind: "setWallet"; debtLimit: number; soft: boolean };

export interface ModelRollover {
  max: number;
  min: number;
  life: number;
}

export interface Opening {
  kind: "charge" | "hold";
  id: string;
  amount: number;
  meter: string;
  partial: boolean;
  ttl: number;
  onExpiry: "release" | "settle";
  policy: "reject" | "cap" | "debt";
}

export interface ModelLimits {
  readonly budget: number;
  readonly windowMs: number;
  readonly concurrency: number;
  readonly refundGrantMs: number;
}

export type History = readonly { readonly at: number; readonly command: ModelCommand }[];

/** What a call of so much money uses; its parts say themselves what they used. */
export const quantityFor = (amount: number): number => 3 * amount;

/** What the model says the outcome is: a decision with its reasons, an amount booked, or a conflict. */
export interface ModelOutcome {
  readonly answer: string;
  readonly reasons: readonly string[];
  readonly amount: number;
  readonly shortfall: number;
}
