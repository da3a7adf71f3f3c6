import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { availableOf } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import { sampleCharge, sampleGrant } from "./sample-request.ts";
import { failuresBeforeSuspension } from "./top-up.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const step = fc.record({
  wait: fc.nat({ max: 300 }),
  what: fc.constantFrom("charge", "charge", "credit", "credit again", "fail", "change card"),
  amount: fc.integer({ min: 1, max: 60 }),
});

const windowMs = 1000;
const countMax = 3;

test("one top-up in flight, capped, none while suspended, credited once per payment (I25)", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40, size: "max" }), (steps) => {
      const ledger = new SampleLedger({
        topUpRules: [
          {
            id: "auto",
            walletAccount: "USD/acme",
            threshold: 20n,
            creditAmount: 100n,
            chargeAmount: "0.0001",
            paymentMethod: "card",
            windowMs,
            countMax,
            inFlight: null,
            startedAt: [],
            failures: 0,
            isSuspended: false,
          },
        ],
      });
      ledger.run(sampleGrant("g", 100n));
      const opened = new Map<string, number>();
      const payments: string[] = [];
      let failuresInRow = 0;
      let credited = 100n;
      for (const [number, { wait, what, amount }] of steps.entries()) {
        ledger.now += wait;
        const pending = [...ledger.state.topUps.values()].find((row) => row.state === "pending");
        const suspended = failuresInRow >= failuresBeforeSuspension;
        const known = opened.size;
        if (what === "charge") ledger.run(sampleCharge(`c${number}`, BigInt(amount)));
        if (what === "change card") {
          const change = { kind: "changePaymentMethod", id: "auto" } as const;
          ledger.run({ ...change, fingerprint: `${number}`, paymentMethod: `card ${number}` });
          failuresInRow = 0;
        }
        if (pending !== undefined && what.startsWith("credit")) {
          const repeats = what === "credit again" && payments.length > 0;
          const payment = repeats ? (payments.at(-1) ?? "") : `p${number}`;
          const credit = { kind: "creditTopUp", id: pending.id, fingerprint: payment } as const;
          const outcome = ledger.one({ ...credit, payment });
          expect(outcome.kind).toBe(repeats ? "conflict" : "booked");
          if (!repeats) {
            payments.push(payment);
            failuresInRow = 0;
            credited += 100n;
          }
        }
        if (pending !== undefined && what === "fail") {
          ledger.run({ kind: "failTopUp", id: pending.id, fingerprint: "f" });
          failuresInRow += 1;
        }
        for (const { id } of ledger.state.topUps.values())
          if (!opened.has(id)) opened.set(id, ledger.now);
        const all = [...ledger.state.topUps.values()];
        expect(all.filter((row) => row.state === "pending").length).toBeLessThanOrEqual(1);
        const recent = [...opened.values()].filter((at) => at > ledger.now - windowMs);
        expect(recent.length).toBeLessThanOrEqual(countMax);
        if (suspended && what === "charge") expect(opened.size).toBe(known);
        const isLow = availableOf(ledger.wallet()) < 20n;
        if (what === "charge" && isLow && !suspended && recent.length < countMax)
          expect(ledger.state.topUpRules.get("auto")?.inFlight).not.toBeNull();
        expect(ledger.wallet().credited).toBe(credited);
      }
    }),
    { numRuns },
  );
});
