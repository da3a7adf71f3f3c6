import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Authorized, Reason } from "@turnpike/engine/ledger/outcome.ts";
import type { AuthorizationTerms, Leg } from "@turnpike/engine/ledger/rows.ts";
import { answerFrom, answerText, termsFrom, termsText } from "./authorization-text.ts";
import { jsonText } from "./json-text.ts";
import { authorizedFrom, authorizedJson, legsFrom, legsJson } from "./wire.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const seed = process.env["TURNPIKE_SEED"];
const settings = {
  numRuns: runs,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

const name = fc.string({ unit: "grapheme", maxLength: 12 });
const atoms = fc.bigInt({ min: -(10n ** 38n), max: 10n ** 38n });
const at = fc.maxSafeNat();

const budget = fc.record({ id: name, code: name, unit: fc.option(name) });
const reason: fc.Arbitrary<Reason> = fc.oneof(
  fc.record({
    code: fc.constantFrom(
      "UNKNOWN_CUSTOMER" as const,
      "ACCOUNT_FROZEN" as const,
      "UNCONTROLLED" as const,
    ),
  }),
  fc.record({ code: fc.constant("NO_ENTITLEMENT" as const), feature: name }),
  fc.record({
    code: fc.constant("DENIED_POLICY" as const),
    policy: fc.constantFrom("PRICE_VERSION" as const, "MAX_AMOUNT" as const, "LINKED" as const),
  }),
  fc.record({ code: fc.constant("CANNOT_RATE" as const), why: name }),
  fc.record({
    code: fc.constant("CONCURRENCY_EXCEEDED" as const),
    limitId: name,
    limitCode: name,
    limit: fc.nat(),
  }),
  fc.record({
    code: fc.constant("RATE_LIMITED" as const),
    limitId: name,
    limitCode: name,
    retryAt: at,
  }),
  fc.record({
    code: fc.constant("BUDGET_EXCEEDED" as const),
    budget,
    scope: fc.record({ account: name, agent: name }, { requiredKeys: [] }),
    limit: atoms,
    used: atoms,
    requested: atoms,
  }),
  fc.record({ code: fc.constant("DEBT_OUTSTANDING" as const), debt: atoms, asset: name }),
  fc.record({ code: fc.constant("INSUFFICIENT_FUNDS" as const), shortfall: atoms, asset: name }),
);

const answer: fc.Arbitrary<Authorized> = fc.record({
  kind: fc.constant("authorized" as const),
  id: name,
  decision: fc.constantFrom("allow" as const, "partial" as const, "deny" as const),
  reasons: fc.array(reason, { maxLength: 3 }),
  amount: atoms,
  asset: name,
  quantity: atoms,
  lines: fc.array(fc.record({ walletAccount: name, amount: atoms }), { maxLength: 3 }),
  held: atoms,
  shortfall: atoms,
  remaining: fc.record({
    available: atoms,
    budgets: fc.array(fc.record({ budget, used: atoms, limit: atoms }), { maxLength: 3 }),
  }),
  validUntil: fc.option(at),
  isFinal: fc.boolean(),
  priceVersion: fc.option(name),
  isReplayed: fc.boolean(),
});

const slice = fc.record({ grant: name, held: atoms, consumed: atoms });
const leg: fc.Arbitrary<Leg> = fc.record({
  walletAccount: name,
  ratio: fc.record({ num: atoms, den: atoms }),
  pinned: atoms,
  settled: atoms,
  slices: fc.array(slice, { maxLength: 3 }),
});

test("an answer is stored as any value is, and read back as it was", () => {
  fc.assert(
    fc.property(answer, (one) => {
      const text = JSON.stringify(authorizedJson(one));
      expect(text).toBe(jsonText(one));
      expect(authorizedFrom(JSON.parse(text))).toEqual(one);
    }),
    settings,
  );
});

test("so are legs", () => {
  fc.assert(
    fc.property(fc.array(leg, { maxLength: 3 }), (legs) => {
      const text = JSON.stringify(legsJson(legs));
      expect(text).toBe(jsonText(legs));
      expect(legsFrom(JSON.parse(text))).toEqual(legs);
    }),
    settings,
  );
});

const terms: fc.Arbitrary<AuthorizationTerms> = fc.record({
  fingerprint: name,
  mode: fc.constantFrom("charge", "hold", "session", "lease", "record"),
  spender: fc.record({
    account: name,
    asset: name,
    waterfall: fc.array(name, { maxLength: 3 }),
    product: fc.option(name),
    feature: fc.option(name),
    meter: fc.option(name),
  }),
  settleOverage: fc.constantFrom("reject", "cap", "debt"),
  onExpiry: fc.constantFrom("release", "settle"),
  ttlMs: at,
  idleTimeoutMs: fc.option(at),
  authorizedAt: at,
  occurredAt: at,
  priceVersion: fc.option(name),
  position: fc.option(name),
  assetCounters: fc.array(name, { maxLength: 2 }),
  unitCounters: fc.array(name, { maxLength: 2 }),
  concurrencyLimits: fc.array(name, { maxLength: 2 }),
  unverified: fc.boolean(),
  fields: fc.option(
    fc.record(
      { what: fc.dictionary(name, name), measure: fc.dictionary(name, fc.integer()) },
      { requiredKeys: [] },
    ),
  ),
});

test("an authorization's row leaves out what is usual, and forgets nothing", () => {
  fc.assert(
    fc.property(terms, answer, (own, first) => {
      expect(termsFrom(termsText(own))).toEqual(own);
      expect(answerFrom(answerText(first))).toEqual(first);
      // Rows that were written in full say the same.
      expect(termsFrom(JSON.stringify(own))).toEqual(own);
      expect(answerFrom(jsonText(first))).toEqual(first);
    }),
    settings,
  );
});
