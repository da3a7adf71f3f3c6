import type { Authorized } from "@turnpike/engine/ledger/outcome.ts";
import type { AuthorizationTerms } from "@turnpike/engine/ledger/rows.ts";
import { authorizedFrom, authorizedJson, type Json } from "./wire.ts";

/**
 * The terms and the first answer of an authorization as its row holds them: what is as with a plain charge is left out, so
 * that less is printed, sent, logged and kept.
 */
const usualTerms = {
  settleOverage: "debt",
  onExpiry: "release",
  idleTimeoutMs: null,
  priceVersion: null,
  position: null,
  assetCounters: [],
  unitCounters: [],
  concurrencyLimits: [],
  unverified: false,
  fields: null,
} as const satisfies Partial<AuthorizationTerms>;

const usualSpender = { product: null, feature: null } as const;

const usualAnswer = {
  kind: "authorized",
  decision: "allow",
  reasons: [],
  held: "0",
  shortfall: "0",
  validUntil: null,
  isFinal: false,
  priceVersion: null,
  isReplayed: false,
} as const satisfies Partial<Json<Authorized>>;

/** Left out of the text where it is what it mostly is. */
const unless = <Value>(value: Value, usual: Value): Value | undefined =>
  value === usual ? undefined : value;
const unlessEmpty = <Item>(items: readonly Item[]): readonly Item[] | undefined =>
  items.length === 0 ? undefined : items;

export const termsText = (terms: AuthorizationTerms): string => {
  const { spender } = terms;
  return JSON.stringify({
    fingerprint: terms.fingerprint,
    mode: terms.mode,
    spender: {
      account: spender.account,
      asset: spender.asset,
      waterfall: spender.waterfall,
      product: unless(spender.product, usualSpender.product),
      feature: unless(spender.feature, usualSpender.feature),
      meter: spender.meter,
    },
    settleOverage: unless(terms.settleOverage, usualTerms.settleOverage),
    onExpiry: unless(terms.onExpiry, usualTerms.onExpiry),
    ttlMs: terms.ttlMs,
    idleTimeoutMs: unless(terms.idleTimeoutMs, usualTerms.idleTimeoutMs),
    authorizedAt: terms.authorizedAt,
    occurredAt: terms.occurredAt,
    priceVersion: unless(terms.priceVersion, usualTerms.priceVersion),
    position: unless(terms.position, usualTerms.position),
    assetCounters: unlessEmpty(terms.assetCounters),
    unitCounters: unlessEmpty(terms.unitCounters),
    concurrencyLimits: unlessEmpty(terms.concurrencyLimits),
    unverified: unless(terms.unverified, usualTerms.unverified),
    fields: unless(terms.fields, usualTerms.fields),
  } satisfies AllOf<AuthorizationTerms>);
};

/** Every field is named, as itself or as undefined: one that is new to the engine is not forgotten here. */
type AllOf<Row> = { readonly [Key in keyof Row]: unknown };

export const termsFrom = (text: string): AuthorizationTerms => {
  const kept: AuthorizationTerms = JSON.parse(text);
  return { ...usualTerms, ...kept, spender: { ...usualSpender, ...kept.spender } };
};

export const answerText = (answer: Authorized): string => {
  const all = authorizedJson(answer);
  return JSON.stringify({
    kind: undefined,
    id: all.id,
    decision: unless(all.decision, usualAnswer.decision),
    reasons: unlessEmpty(all.reasons),
    amount: all.amount,
    asset: all.asset,
    quantity: all.quantity,
    lines: all.lines,
    held: unless(all.held, usualAnswer.held),
    shortfall: unless(all.shortfall, usualAnswer.shortfall),
    remaining: all.remaining,
    validUntil: unless(all.validUntil, usualAnswer.validUntil),
    isFinal: unless(all.isFinal, usualAnswer.isFinal),
    priceVersion: unless(all.priceVersion, usualAnswer.priceVersion),
    isReplayed: unless(all.isReplayed, usualAnswer.isReplayed),
  } satisfies AllOf<Authorized>);
};

export const answerFrom = (text: string): Authorized => {
  const kept: Json<Authorized> = JSON.parse(text);
  return authorizedFrom({ ...usualAnswer, ...kept });
};
