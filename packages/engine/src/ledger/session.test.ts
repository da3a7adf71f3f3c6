import { columnsOf } from "./sample-ledger.ts";
import {
  units,
  fundedLedger,
  sampleExtend,
  sampleRequest,
  sampleUpdate,
  sampleRateable,
  sampleTariff,
  sampleUsed,
} from "./sample-request.ts";
import { expect, test } from "vitest";

test("W6 a session at 0.01/s in slices of 30 s, reported every 20 s", () => {
  const ledger = fundedLedger("1.00");
  const price = sampleRateable(sampleTariff(true, ["0", "0.01"]));
  const request = { price, quantity: units("30") };
  ledger.run(sampleRequest("s", { mode: "session", ...request, ttlMs: 60_000 }));
  const rows = [[columnsOf(ledger).D, columnsOf(ledger).H, columnsOf(ledger).available]];
  const answers = [1, 2, 3, 4, 5].map((sequence) => {
    ledger.now += 20_000;
    const outcome = ledger.one(
      sampleUpdate("s", sequence, { used: sampleUsed(price, "20"), request }),
    );
    rows.push([columnsOf(ledger).D, columnsOf(ledger).H, columnsOf(ledger).available]);
    return outcome;
  });
  expect(rows).toEqual([
    ["0", "0.3", "0.7"],
    ["0.2", "0.3", "0.5"],
    ["0.4", "0.3", "0.3"],
    ["0.6", "0.3", "0.1"],
    ["0.8", "0.2", "0"], // grant = min(30 s, 10 s unused + 10 s available) = 20 s: the last
    ["1", "0", "0"],
  ]);
  expect(answers[2]).toMatchObject({ isFinal: false });
  expect(answers[3]).toMatchObject({ isFinal: true, heldQuantity: units("20") });
  expect(answers[4]).toMatchObject({ isFinal: true, state: "SETTLED" });
  expect(ledger.events).toHaveLength(5);
});

test("a report keeps a session open longer, never shorter than it was extended", () => {
  const ledger = fundedLedger("1.00");
  const price = sampleRateable(sampleTariff(true, ["0", "0.01"]));
  const request = { price, quantity: units("30") };
  const report = (sequence: number) =>
    sampleUpdate("s", sequence, { used: sampleUsed(price, "1"), request });
  ledger.run(sampleRequest("s", { mode: "session", ...request, ttlMs: 20_000 }));
  ledger.now = 10_000;
  expect(ledger.one(report(1))).toMatchObject({ validUntil: 30_000 });
  ledger.run(sampleExtend("s", 0n)); // by 60 s
  ledger.now = 20_000;
  expect(ledger.one(report(2))).toMatchObject({ validUntil: 70_000 });
  ledger.now = 60_000;
  expect(ledger.one(report(3))).toMatchObject({ validUntil: 80_000 });
});
