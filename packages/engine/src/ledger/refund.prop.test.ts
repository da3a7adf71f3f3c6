import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import type { Authorization } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import {
  fundedLedger,
  sampleCharge,
  sampleHold,
  sampleRefund,
  sampleSettle,
  sampleTrueUp,
  usedAmount,
} from "./sample-request.ts";
import { isUnused, usesOf } from "./use.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const standing = ({ settled, refunded }: Authorization): bigint => settled - refunded;
const left = ({ settledQuantity, refundedQuantity }: Authorization): bigint =>
  settledQuantity - refundedQuantity;

const share = fc.nat({ max: 100 });
const small = fc.nat({ max: 60 });

const step = fc.oneof(
  fc.record({ kind: fc.constant("charge" as const), amount: small, quantity: small }),
  fc.record({ kind: fc.constant("refund" as const), of: small, percent: share }),
  fc.record({ kind: fc.constant("close" as const), percent: share }),
);

test("a refund leaves what a unit that stands has cost, whatever closes gave back (I18)", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 20, size: "max" }), (steps) => {
      const ledger = fundedLedger("1");
      for (const [nth, one] of steps.entries()) {
        const rows = [...ledger.state.authorizations.values()];
        const used = rows.map(left);
        if (one.kind === "charge") {
          const quantity = BigInt(one.quantity);
          ledger.run(sampleCharge(`c${nth}`, BigInt(one.amount), { quantity }));
        } else if (one.kind === "close") {
          // At most what was paid: it gives money back, and usage stays as it is.
          const { debited } = ledger.paid();
          ledger.run(sampleTrueUp(ledger, (debited * BigInt(one.percent)) / 100n));
          expect([...ledger.state.authorizations.values()].map(left)).toEqual(used);
        } else {
          const row = rows[one.of % Math.max(1, rows.length)];
          if (row === undefined) continue;
          const amount = (standing(row) * BigInt(one.percent)) / 100n;
          ledger.run(sampleRefund(`r${nth}`, row.id, amount));
          const after = ledger.authorization(row.id);
          if (standing(row) === 0n) expect(after).toEqual(row);
          // left′ ÷ standing′ = left ÷ standing, in favour of what stands by less than an atom.
          else {
            const tooMuch = left(after) * standing(row) - left(row) * standing(after);
            expect(tooMuch >= 0n && tooMuch < standing(row)).toBe(true);
          }
        }
        const metered = ledger.events.reduce((total, { quantity }) => total + quantity, 0n);
        const kept = [...ledger.state.authorizations.values()].map(left);
        expect(kept.reduce((total, quantity) => total + quantity, 0n)).toBe(metered);
        expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
      }
    }),
    { numRuns },
  );
});

const part = fc.record({ amount: small, quantity: small, isUndone: fc.boolean(), rank: fc.nat() });

test("parts of a hold that are undone leave what the others used, in any order (I18)", () => {
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), share, (parts, percent) => {
      const ledger = fundedLedger("1");
      ledger.run(sampleHold("h", 100n, { quantity: 100n }));
      for (const [sequence, { amount, quantity }] of parts.entries()) {
        const isFinal = sequence === parts.length - 1;
        const used = usedAmount(BigInt(amount), BigInt(quantity));
        ledger.run(sampleSettle("h", 0n, { sequence, used, isFinal }));
      }
      const { debited } = ledger.paid();
      ledger.run(sampleTrueUp(ledger, (debited * BigInt(percent)) / 100n));
      for (const { amount, quantity, rank } of undone(parts)) {
        const stands = standing(ledger.authorization("h"));
        const own = BigInt(amount);
        ledger.run({
          ...sampleRefund(`undo-${rank}`, "h", own < stands ? own : stands),
          quantities: [BigInt(quantity)],
          isMetered: false,
        });
      }
      const row = ledger.authorization("h");
      const kept = parts.filter(({ isUndone }) => !isUndone);
      expect(left(row)).toBe(kept.reduce((total, { quantity }) => total + BigInt(quantity), 0n));
      ledger.run(sampleRefund("rest", "h", null));
      if (standing(row) > 0n) expect(left(ledger.authorization("h"))).toBe(0n);
      expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
    }),
    { numRuns },
  );
});

const pairs = fc.array(fc.record({ amount: small, quantity: small, other: small }), {
  minLength: 1,
  maxLength: 4,
});
const takenBack = fc.record({ part: fc.option(fc.nat({ max: 3 })), percent: share });

test("parts that are undone after refunds leave metered what stands, of every quantity (I18)", () => {
  fc.assert(
    fc.property(pairs, fc.array(takenBack, { maxLength: 6 }), (parts, steps) => {
      const ledger = fundedLedger("1");
      const further = [{ quantity: 100n, unit: null, position: null }];
      const price = { kind: "amount", amount: 100n, asset: "USD", further } as const;
      ledger.run(sampleHold("h", 100n, { quantity: 100n, price }));
      for (const [sequence, { amount, quantity, other }] of parts.entries()) {
        const used = { ...usedAmount(BigInt(amount), BigInt(quantity)), further: [BigInt(other)] };
        const isFinal = sequence === parts.length - 1;
        ledger.run(sampleSettle("h", 0n, { sequence, used, isFinal }));
      }
      const corrected = new Set<number>();
      for (const [nth, { part: place, percent }] of steps.entries()) {
        const row = ledger.authorization("h");
        const stands = standing(row);
        const own = place === null ? undefined : parts[place];
        if (place === null)
          ledger.run(sampleRefund(`r${nth}`, "h", (stands * BigInt(percent)) / 100n));
        else if (own !== undefined && !corrected.has(place)) {
          corrected.add(place);
          const amount = BigInt(own.amount);
          ledger.run({
            ...sampleRefund(`undo${nth}`, "h", amount < stands ? amount : stands),
            quantities: [BigInt(own.quantity), BigInt(own.other)],
            isMetered: false,
          });
        }
        // From then on the usage store has none of its measurements.
        if (isUnused(ledger.authorization("h"))) return;
        const back = ledger.events.filter(({ undoes }) => undoes !== null);
        const standingParts = parts.filter((_part, at) => !corrected.has(at));
        const metered = [
          ...standingParts.map(({ quantity, other }) => [BigInt(quantity), BigInt(other)]),
          ...back.map((event) => [event.quantity, ...event.further]),
        ];
        expect(usesOf(ledger.authorization("h")).map((use) => use.settled - use.refunded)).toEqual(
          [0, 1].map((at) => metered.reduce((total, each) => total + (each[at] ?? 0n), 0n)),
        );
        expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
      }
    }),
    { numRuns },
  );
});

interface Undone {
  readonly isUndone: boolean;
  readonly rank: number;
}

/** In their random order, each under a name of its own. */
const undone = <Part extends Undone>(parts: readonly Part[]): Part[] =>
  parts
    .filter(({ isUndone }) => isUndone)
    .toSorted((a, b) => a.rank - b.rank)
    .map((each, rank) => ({ ...each, rank }));
