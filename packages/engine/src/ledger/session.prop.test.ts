import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import { availableOf } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import {
  sampleGrant,
  sampleRateable,
  sampleRequest,
  sampleTariff,
  sampleUpdate,
  sampleUsed,
  units,
} from "./sample-request.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const slice = fc.integer({ min: 1, max: 12 });

test("each report grants min(request, unused hold + available) and keeps the invariants (W6)", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 4 }),
      slice,
      fc.array(fc.tuple(fc.nat({ max: 14 }), slice), { maxLength: 12, size: "max" }),
      (granted, first, reports) => {
        // One unit costs one atom, so quantities and money are the same numbers.
        const price = sampleRateable(sampleTariff(true, ["0", "0.000001"]));
        const ledger = new SampleLedger();
        for (const [index, amount] of granted.entries())
          ledger.run(sampleGrant(`g${index}`, BigInt(amount), { expiresAt: 3 + index }));
        const open = { mode: "session", price, quantity: units(`${first}`) } as const;
        ledger.run(sampleRequest("s", { ...open, partial: "allow" }));
        for (const [number, [used, request]] of reports.entries()) {
          ledger.now = number;
          ledger.run();
          const before = ledger.authorization("s");
          const funds = availableOf(ledger.wallet()) - BigInt(used) + before.held;
          const outcome = ledger.one(
            sampleUpdate("s", number, {
              used: sampleUsed(price, `${used}`),
              request: { price, quantity: units(`${request}`) },
            }),
          );
          expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
          if (before.state !== "HELD") {
            expect(outcome).toMatchObject({ kind: "conflict", code: "WRONG_STATE" });
            continue;
          }
          const most = funds > 0n ? funds : 0n;
          const expected = BigInt(request) < most ? BigInt(request) : most;
          expect(outcome).toMatchObject({ held: expected, isFinal: expected < BigInt(request) });
          expect(ledger.authorization("s").state).toBe(expected === 0n ? "SETTLED" : "HELD");
        }
      },
    ),
    { numRuns },
  );
});
