import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import type { Authorization } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import { fundedLedger, sampleCharge, sampleRefund, sampleTrueUp } from "./sample-request.ts";

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
