import { decimal } from "../exact/decimal.ts";
import { parseAtoms, quantityScale } from "./asset.ts";
import type {
  Authorize,
  CreditGrant,
  OfferedTerms,
  Extend,
  RecordUsage,
  Refund,
  Request,
  Settle,
  TrueUp,
  Update,
  Used,
} from "./request.ts";
import { furtherQuantities, type Price, type Rateable, type Tariff } from "./price.ts";
import { SampleLedger, type Setup } from "./sample-ledger.ts";
import { ladderTariff } from "./tariff.ts";

/** Reads an amount of a test: USD has six decimals here, every other asset none. */
export const money = (text: string, scale = 6): bigint => {
  const atoms = parseAtoms(text, scale);
  if (atoms === undefined) throw new Error(`not an amount: ${text}`);
  return atoms;
};

export const units = (text: string): bigint => money(text, quantityScale);

const plainTerms: OfferedTerms = {
  amount: 0n,
  priority: 100,
  effectiveAt: 0,
  expiresAt: null,
  purpose: "promotional",
  appliesTo: null,
  costBasis: 0n,
  rollover: null,
  source: "test",
};

export const sampleGrant = (
  id: string,
  amount: bigint,
  more: Partial<OfferedTerms> & { readonly asset?: string; readonly account?: string } = {},
): CreditGrant => {
  const { asset = "USD", account = "acme", ...terms } = more;
  return {
    kind: "grant",
    id,
    fingerprint: `grant ${id} ${amount}`,
    account,
    asset,
    terms: { ...plainTerms, ...terms, amount },
  };
};

export const sampleRequest = (id: string, more: Partial<Authorize>): Authorize => ({
  kind: "authorize",
  id,
  fingerprint: `authorize ${id}`,
  mode: "charge",
  account: "acme",
  meter: "calls",
  scope: {},
  unit: null,
  quantity: units("1"),
  price: { kind: "amount", amount: 0n, asset: "USD", further: [] },
  assets: [],
  occurredAt: 0,
  maxAmount: null,
  ttlMs: 60_000,
  idleTimeoutMs: null,
  onExpiry: "release",
  settleOverage: "debt",
  partial: "never",
  expectedPriceVersion: null,
  isDryRun: false,
  fields: null,
  ...more,
});

export const sampleCharge = (
  id: string,
  amount: bigint,
  more: Partial<Authorize> = {},
): Authorize =>
  sampleRequest(id, { price: { kind: "amount", amount, asset: "USD", further: [] }, ...more });

export const sampleHold = (id: string, amount: bigint, more: Partial<Authorize> = {}): Authorize =>
  sampleCharge(id, amount, { mode: "hold", ...more });

export const usedAmount = (amount: bigint, quantity = units("1")): Used => ({
  quantity,
  further: [],
  price: { kind: "amount", amount, asset: "USD", further: [] },
  occurredAt: 0,
  isMeasured: true,
});

export const sampleSettle = (id: string, amount: bigint, more: Partial<Settle> = {}): Settle => ({
  kind: "settle",
  id,
  fingerprint: `settle ${id} ${amount} ${more.sequence ?? 1}`,
  sequence: 1,
  used: usedAmount(amount),
  isFinal: true,
  ...more,
});

/** Usage that nobody authorized. */
export const sampleRecord = (request: Authorize, more: Partial<RecordUsage> = {}): RecordUsage => ({
  ...request,
  kind: "record",
  settleOverage: "debt",
  unverified: false,
  isMetered: true,
  insteadOf: null,
  ...more,
});

export const sampleUpdate = (
  id: string,
  sequence: number,
  parts: Pick<Update, "used" | "request">,
): Update => ({ kind: "update", id, fingerprint: `update ${id} ${sequence}`, sequence, ...parts });

/** The true-up of all that the account has used of the meter so far. */
export const sampleTrueUp = (
  ledger: SampleLedger,
  rated: bigint,
  more: Partial<TrueUp> = {},
): TrueUp => ({
  kind: "trueUp",
  id: `true-up-${ledger.state.authorizations.size}`,
  fingerprint: "true-up",
  account: "acme",
  meters: ["calls"],
  product: null,
  asset: "USD",
  accounts: ["acme"],
  period: { start: 0, end: 1_000 },
  onlyForPlan: false,
  rated,
  paid: ledger.paid(),
  settleOverage: "debt",
  authorizations: [...ledger.state.authorizations.keys()].toReversed(),
  ...more,
});

export const sampleExtend = (id: string, addAmount: bigint, sequence = 1): Extend => ({
  kind: "extend",
  id,
  fingerprint: `extend ${id} ${addAmount} ${sequence}`,
  sequence,
  ttlMs: 60_000,
  addAmount,
});

export const sampleVoid = (id: string): Request => ({
  kind: "void",
  id,
  fingerprint: `void ${id}`,
});

export const sampleRefund = (id: string, of: string, amount: bigint | null): Refund => ({
  kind: "refund",
  id,
  fingerprint: `refund ${id} ${amount}`,
  of,
  amount,
  quantities: null,
  isMetered: true,
  undoes: "inProportion",
  fields: null,
});

export const sampleDebtLimit = (
  debtLimit: bigint,
  more: { readonly mode?: "hard" | "soft"; readonly asset?: string } = {},
): Request => {
  const { mode = "hard", asset = "USD" } = more;
  return {
    kind: "setWallet",
    id: asset,
    fingerprint: `${mode} ${debtLimit}`,
    account: "acme",
    asset,
    mode,
    debtLimit,
  };
};

/** One grant of USD for acme. */
export const fundedLedger = (amount: string, setup: Setup = {}): SampleLedger => {
  const ledger = new SampleLedger(setup);
  ledger.run(sampleGrant("g", money(amount)));
  return ledger;
};

export const sampleRateable = (tariff: Tariff): Rateable => ({
  kind: "rateable",
  tariff,
  asset: "USD",
  scale: 6,
  position: "acme/calls/2026-11",
  further: [],
});

type Band = [from: string, unitPrice: string, fixedPrice?: string];

export const sampleTariff = (cumulative: boolean, ...bands: Band[]): Tariff =>
  ladderTariff(
    "v1",
    {
      cumulative,
      bands: bands.map(([from, unitPrice, fixedPrice = "0"]) => ({
        lowerLimit: decimal(from),
        fixedPrice: decimal(fixedPrice),
        unitPrice: decimal(unitPrice),
      })),
    },
    { rounding: "NONE", quantityPerUnit: decimal(1) },
  );

export const sampleUsed = (price: Price, quantity: string): Used => ({
  price,
  quantity: units(quantity),
  further: furtherQuantities(price),
  occurredAt: 0,
  isMeasured: true,
});
