import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import type { ExchangeRate } from "./asset.ts";
import { movements } from "./book.ts";
import { brokenInvariants } from "./invariants.ts";
import type { Request } from "./request.ts";
import { decisionOf, SampleLedger } from "./sample-ledger.ts";
import {
  money,
  sampleCharge,
  sampleGrant,
  sampleHold,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleVoid,
} from "./sample-request.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const grantsOf = (amounts: readonly number[]): Request[] =>
  amounts.map((amount, index) =>
    sampleGrant(`g${index}`, BigInt(amount), { expiresAt: index % 2 === 0 ? null : 1000 + index }),
  );

const amounts = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });

test("n charges of p on A: min(n, ⌊A/p⌋) allowed, in whatever batches (I16)", () => {
  fc.assert(
    fc.property(
      amounts,
      fc.integer({ min: 1, max: 30 }),
      fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 8, size: "max" }),
      (granted, price, batches) => {
        const ledger = new SampleLedger();
        ledger.run(...grantsOf(granted));
        let sent = 0;
        let allowed = 0;
        for (const size of batches) {
          const batch = Array.from({ length: size }, (_, i) =>
            sampleCharge(`c${sent + i}`, BigInt(price)),
          );
          sent += size;
          allowed += ledger.run(...batch).filter((each) => decisionOf(each) === "allow").length;
        }
        const funds = granted.reduce((total, amount) => total + amount, 0);
        expect(allowed).toBe(Math.min(sent, Math.floor(funds / price)));
      },
    ),
    { numRuns },
  );
});

test("hold then void is the identity on every grant (I8)", () => {
  fc.assert(
    fc.property(amounts, fc.nat({ max: 100 }), (granted, amount) => {
      const ledger = new SampleLedger();
      ledger.run(...grantsOf(granted));
      const before = new Map(ledger.state.grants);
      ledger.run(sampleHold("h", BigInt(amount), { partial: "allow" }), sampleVoid("h"));
      expect(ledger.state.grants).toEqual(before);
    }),
    { numRuns },
  );
});

test("hold and settle x equals a charge of x; refunding it all is the identity (I8, I9)", () => {
  fc.assert(
    fc.property(amounts, fc.nat({ max: 100 }), fc.nat({ max: 100 }), (granted, held, share) => {
      const funds = granted.reduce((total, amount) => total + amount, 0);
      const hold = BigInt(Math.min(held, funds));
      const used = (hold * BigInt(share)) / 100n;
      const bySettling = new SampleLedger();
      const byCharging = new SampleLedger();
      bySettling.run(...grantsOf(granted), sampleHold("h", hold), sampleSettle("h", used));
      byCharging.run(...grantsOf(granted));
      const before = new Map(byCharging.state.grants);
      byCharging.run(sampleCharge("c", used));
      expect(bySettling.state.grants).toEqual(byCharging.state.grants);
      byCharging.run(sampleRefund("r", "c", null));
      expect(byCharging.state.grants).toEqual(before);
    }),
    { numRuns },
  );
});

test("a denial writes its own row and nothing else, and more is denied too (I14, I15)", () => {
  fc.assert(
    fc.property(
      amounts,
      fc.integer({ min: 1, max: 50 }),
      fc.nat({ max: 50 }),
      (granted, over, more) => {
        const ledger = new SampleLedger({
          rateLimits: [{ id: "r", code: "r", scope: {}, limit: 5, windowMs: 1000, burst: 0 }],
          concurrencyLimits: [{ id: "c", code: "c", scope: {}, limit: 5 }],
        });
        ledger.run(...grantsOf(granted));
        const funds = granted.reduce((total, amount) => total + amount, 0);
        const before = { ...ledger.state, authorizations: new Map() };
        for (const [id, amount] of [
          ["a", funds + over],
          ["b", funds + over + more],
        ] as const)
          expect(decisionOf(ledger.one(sampleHold(id, BigInt(amount))))).toBe("deny");
        expect({ ...ledger.state, authorizations: new Map() }).toEqual(before);
        expect(ledger.events).toEqual([]);
      },
    ),
    { numRuns },
  );
});

test("a check changes nothing and answers as the charge that follows (I30)", () => {
  fc.assert(
    fc.property(amounts, fc.nat({ max: 200 }), fc.boolean(), (granted, amount, allowsPart) => {
      const ledger = new SampleLedger();
      ledger.run(...grantsOf(granted));
      const partial = allowsPart ? "allow" : "never";
      const before = structuredClone(ledger.state.walletAccounts);
      const check = ledger.one(sampleCharge("c", BigInt(amount), { mode: "check", partial }));
      expect(ledger.state.walletAccounts).toEqual(before);
      expect(ledger.state.authorizations.size).toBe(0);
      expect(ledger.one(sampleCharge("c", BigInt(amount), { partial }))).toEqual(check);
    }),
    { numRuns },
  );
});

test("a linked batch happens as a whole or not at all (f.3)", () => {
  fc.assert(
    fc.property(
      amounts,
      fc.array(fc.nat({ max: 60 }), { minLength: 1, maxLength: 4 }),
      (granted, wanted) => {
        const ledger = new SampleLedger();
        ledger.run(...grantsOf(granted));
        const funds = granted.reduce((total, amount) => total + amount, 0);
        const total = wanted.reduce((sum, amount) => sum + amount, 0);
        const before = new Map(ledger.state.grants);
        const commands = wanted.map((amount, index) => sampleCharge(`c${index}`, BigInt(amount)));
        const linked: Request = { kind: "linked", commands };
        const decisions = ledger.run(linked).map(decisionOf);
        expect(decisions).toEqual(wanted.map(() => (total <= funds ? "allow" : "deny")));
        if (total > funds) expect(ledger.state.grants).toEqual(before);
        const again = ledger.run(linked);
        expect(again.every((each) => each.kind === "authorized" && each.isReplayed)).toBe(true);
        expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
      },
    ),
    { numRuns },
  );
});

const rate = fc.record({
  num: fc.integer({ min: 1, max: 5000 }),
  den: fc.integer({ min: 1, max: 9 }),
});

/** What the exchange book of each asset holds. */
const exchangeBooks = (ledger: SampleLedger): { USD: bigint; TOK: bigint } => {
  const books = { USD: 0n, TOK: 0n };
  for (const { asset, kind, amount } of ledger.postings) {
    const name = asset === "USD" ? "USD" : "TOK";
    if (movements[kind].from === "exchange") books[name] -= amount;
    if (movements[kind].to === "exchange") books[name] += amount;
  }
  return books;
};

test("converting never creates value, and a full refund returns every atom (I26)", () => {
  fc.assert(
    fc.property(
      rate,
      fc.nat({ max: 300 }),
      fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 5 }),
      fc.nat({ max: 400 }),
      ({ num, den }, tokens, prices, back) => {
        const rates: ExchangeRate[] = [
          { from: "USD", to: "TOK", num: BigInt(num), den: BigInt(den), effectiveAt: 0 },
        ];
        const ledger = new SampleLedger({ rates });
        ledger.run(sampleGrant("usd", money("20")));
        if (tokens > 0) ledger.run(sampleGrant("tok", BigInt(tokens), { asset: "TOK" }));
        const before = new Map(ledger.state.grants);
        const check = (): void => {
          const books = exchangeBooks(ledger);
          // atoms of USD × num / (den × 10^6) is at least what was given out in TOK
          expect(books.USD * BigInt(num) >= -books.TOK * BigInt(den) * 1_000_000n).toBe(true);
          expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
        };
        for (const [index, amount] of prices.entries()) {
          const price = {
            kind: "amount",
            amount: BigInt(amount),
            asset: "TOK",
            further: [],
          } as const;
          const mode = index % 2 === 0 ? "charge" : "hold";
          ledger.run(sampleRequest(`c${index}`, { price, mode, assets: ["TOK", "USD"] }));
          const used = { price, quantity: 0n, further: [], occurredAt: 0, isMeasured: true };
          if (mode === "hold") ledger.run(sampleSettle(`c${index}`, 0n, { used }));
          check();
          ledger.run(sampleRefund(`part${index}`, `c${index}`, BigInt(Math.min(back, amount))));
          check();
          ledger.run(sampleRefund(`rest${index}`, `c${index}`, null));
          check();
        }
        expect(ledger.state.grants).toEqual(before);
      },
    ),
    { numRuns },
  );
});
