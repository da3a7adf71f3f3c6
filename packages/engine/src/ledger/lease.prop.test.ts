import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { Budget } from "./budget-window.ts";
import { brokenInvariants } from "./invariants.ts";
import type { Outcome } from "./outcome.ts";
import type { Request, Spend } from "./request.ts";
import { SampleLedger } from "./sample-ledger.ts";
import { fundedLedger, money, sampleCharge, sampleRefund, units } from "./sample-request.ts";

/** Leases beside charges under hard budgets by unit, with the counts kept once more, naively. */

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const hourMs = 3_600_000;
const limits = { token: 20, call: 5 } as const;
type Unit = keyof typeof limits;

const budget = (unit: Unit, product?: string): Budget => ({
  id: `${unit} of ${product ?? "all"}`,
  code: unit,
  scope: { account: "acme", ...(product === undefined ? {} : { product }) },
  counts: { unit },
  window: { kind: "hour" },
  zone: "UTC",
  anchor: null,
  limit: units(String(limits[unit])),
  mode: "hard",
  alertPercents: [50],
});

const budgets = [budget("token"), budget("call"), budget("token", "p")];

const use = fc.record({
  tokens: fc.nat({ max: 6 }),
  calls: fc.nat({ max: 1 }),
  product: fc.constantFrom("p", "q"),
  amount: fc.nat({ max: 9 }),
});
type Use = typeof use extends fc.Arbitrary<infer U> ? U : never;

const kinds = ["open", "charge", "report", "report", "renew", "refund"] as const;
const step = fc.record({
  wait: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.nat({ max: hourMs })),
  target: fc.nat({ max: 9 }),
  kind: fc.constantFrom(...kinds),
  uses: fc.array(use, { minLength: 1, maxLength: 3 }),
  isFinal: fc.boolean(),
  policy: fc.constantFrom("reject" as const, "cap" as const, "debt" as const),
});
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const limitOf = ({ limit }: Budget): number => Number(limit / units("1"));

/** What was used, and in the window of which hour it counts. */
interface Counted extends Use {
  readonly hour: number;
}

const usedOf = (counted: Iterable<Counted>, { scope, counts }: Budget, hour: number): number => {
  let total = 0;
  for (const each of counted)
    if (each.hour === hour && (scope.product ?? each.product) === each.product)
      total += "unit" in counts && counts.unit === "call" ? each.calls : each.tokens;
  return total;
};

const spendOf = (id: string, { tokens, calls, product, amount }: Use): Spend => ({
  id,
  meter: "calls",
  product,
  quantity: units(String(tokens)),
  further: [units(String(calls))],
  units: ["token", "call"],
  amount: money(String(amount)),
  occurredAt: 0,
  fields: null,
});

const requestOf = (id: string, named: string, { kind, uses, isFinal, policy }: Step): Request => {
  const [first] = uses;
  const about = { id: named, fingerprint: id, sequence: Number(id.slice(1)) };
  switch (kind) {
    case "open":
      return {
        kind: "openLease",
        id,
        fingerprint: id,
        account: "acme",
        key: "key",
        asset: "USD",
        amount: money("9"),
        ttlMs: hourMs,
        onExpiry: "release",
        settleOverage: policy,
      };
    case "report":
      return {
        kind: "reportLease",
        ...about,
        spends: uses.map((each, nth) => spendOf(`${id}.${nth}`, each)),
        isFinal,
      };
    case "renew":
      return { kind: "renewLease", ...about, ttlMs: hourMs };
    case "refund":
      return sampleRefund(id, named, null);
    case "charge": {
      const { tokens, calls, product, amount } = first ?? { tokens: 0, calls: 0, amount: 0 };
      return sampleCharge(id, 0n, {
        unit: "token",
        quantity: units(String(tokens)),
        scope: product === undefined ? {} : { product },
        price: {
          kind: "amount",
          amount: money(String(amount)),
          asset: "USD",
          further: [{ quantity: units(String(calls)), unit: "call", position: null }],
        },
      });
    }
  }
};

const isDone = (outcome: Outcome): boolean =>
  outcome.kind === "authorized" ? outcome.decision === "allow" : outcome.kind !== "conflict";

const isStopped = (outcome: Outcome): boolean =>
  outcome.kind === "authorized"
    ? outcome.reasons.some(({ code }) => code === "BUDGET_EXCEEDED")
    : outcome.kind === "conflict" && outcome.code === "BUDGET_EXCEEDED";

/** What a step counts, by its name. */
const usesOf = (
  id: string,
  { kind, uses: [first, ...others] }: Step,
  { opened, hour }: { readonly opened: number; readonly hour: number },
): [string, Counted][] => {
  if (first === undefined) return [];
  if (kind === "charge") return [[id, { ...first, hour }]];
  return kind === "report"
    ? [first, ...others].map((each, nth) => [`${id}.${nth}`, { ...each, hour: opened }])
    : [];
};

const expectCounts = ({ state }: SampleLedger, counted: ReadonlyMap<string, Counted>): void => {
  for (const { budget: id, windowStart, posted, held } of state.counters.values()) {
    const own = budgets.find((one) => one.id === id);
    const used = own && usedOf(counted.values(), own, windowStart / hourMs);
    expect([posted, held]).toEqual([units(String(used)), 0n]);
  }
};

test("what leases spend counts as what is charged, and what is used up stops what is next", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const ledger = fundedLedger("150", { budgets });
      const leases = new Map<string, number>();
      const counted = new Map<string, Counted>();
      for (const [number, each] of steps.entries()) {
        ledger.now += each.wait;
        const hour = Math.floor(ledger.now / hourMs);
        const id = `n${number}`;
        const known = [...(each.kind === "refund" ? counted : leases).keys()];
        const named = known[each.target % Math.max(1, known.length)] ?? "nothing";
        const opened = leases.get(named) ?? hour;
        const isOver = (at: number): boolean =>
          budgets.some(
            (one) =>
              one.scope.product === undefined && usedOf(counted.values(), one, at) >= limitOf(one),
          );
        const lease = ledger.state.authorizations.get(named);
        const wasHeld = lease?.state === "HELD";
        const outcome = ledger.one(requestOf(id, named, each));
        if (each.kind === "open") expect(isStopped(outcome)).toBe(isOver(hour));
        if (each.kind === "renew" && isDone(outcome)) expect(isOver(opened)).toBe(false);
        if (each.kind === "renew" && isStopped(outcome)) expect(isOver(opened)).toBe(true);
        if (each.kind === "report" && wasHeld && lease?.terms.settleOverage !== "reject")
          expect(isDone(outcome)).toBe(true);
        if (isDone(outcome)) {
          if (each.kind === "open") leases.set(id, hour);
          for (const [name, own] of usesOf(id, each, { opened, hour })) counted.set(name, own);
          if (each.kind === "refund") counted.delete(named);
        }
        expectCounts(ledger, counted);
        expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
      }
    }),
    { numRuns },
  );
});
