import { expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";
import { rateBill } from "./rate-bill.ts";
import { correctionsBefore, type FixedBill, poolOf, rerate, type Room } from "./rerating.ts";
import {
  minimumSpend,
  on,
  planFacts,
  sampleCommitment,
  sampleFacts,
  usageOn,
} from "./sample-facts.ts";
import { minimumSpendAdvanceKeys } from "./steps/minimum-spends.ts";

const billedLines = (facts: BillFacts) => {
  const bill = rateBill(facts);
  const lines = bill.outcome === "rated" ? bill.lines : [];
  return lines.map((line) => ({ lineItemId: line.key, line }));
};

/** 100 GB in a month cost 15.00, of which the commitment of 20 pays what is left of it. */
const month = (billDate: string, usageDate: string, spentBefore: number): BillFacts =>
  sampleFacts({
    terms: {
      billDate: on(billDate),
      commitments: [sampleCommitment({ amount: decimal(20), spentBefore: decimal(spentBefore) })],
    },
    usage: [usageOn(usageDate, 100)],
  });

const june = month("2024-07-01", "2024-06-10", 0);
const july = month("2024-08-01", "2024-07-10", 15);

const fixed = (billId: string, facts: BillFacts, now?: number): FixedBill => ({
  billId,
  facts,
  billed: billedLines(facts),
  isPaidAnew: false,
  billedInAdvance: facts.billedInAdvance,
  measured:
    now === undefined
      ? {}
      : Object.fromEntries(
          Object.keys(facts.quantities).map((key) => [key, { quantity: decimal(now) }]),
        ),
});

/** Nobody else takes anything. */
const ample: Room = { left: () => undefined, carried: [] };

const shown = (bills: readonly FixedBill[], billDate = "2024-09-01", room = ample) =>
  correctionsBefore(rerate(bills, [], poolOf(bills, room)), on(billDate), []).map(
    ({ billId, line, subtotal }) => `${billId} ${line.lineItemType} ${subtotal.toFixed(2)}`,
  );

test("what an earlier bill draws more is not there for a later one", () => {
  // June had 120 GB, 18.00: the commitment pays 3.00 more of it, and so 2.00 of July instead of 5.00.
  expect(shown([fixed("july", july), fixed("june", june, 120)])).toEqual([
    "june COMMITMENT_CONSUMED -3.00",
    "june USAGE 3.00",
    "july COMMITMENT_CONSUMED 3.00",
  ]);
});

test("what another bill has taken since is not there for a correction", () => {
  // June's 18.00: of the 20, 15 are June's own and 4 another bill's. 1.00 is left of the 3.00 more.
  const room = { left: () => decimal(1), carried: [] };
  expect(shown([fixed("june", june, 120)], "2024-09-01", room)).toEqual([
    "june COMMITMENT_CONSUMED -1.00",
    "june USAGE 3.00",
  ]);
  // Where more was taken than there is, what June has stays June's.
  const overdrawn = { left: () => decimal(-7), carried: [] };
  expect(shown([fixed("june", june, 120)], "2024-09-01", overdrawn)).toEqual(["june USAGE 3.00"]);
});

test("what was charged in advance after a bill had settled it comes back", () => {
  // June: 15.00 used of the minimum of 100, 85.00 to top it up. Then 60.00 of it were charged in advance: 25.00 are due.
  const facts = planFacts(
    { minimumSpend: minimumSpend(100, { billInAdvance: true }) },
    { terms: { billDate: on("2024-07-01") }, usage: [usageOn("2024-06-10", 100)] },
  );
  const [key] = minimumSpendAdvanceKeys(facts);
  const billedInAdvance = { [key ?? ""]: decimal(60) };
  expect(shown([fixed("june", facts)])).toEqual([]);
  expect(shown([{ ...fixed("june", facts), billedInAdvance }])).toEqual([
    "june MINIMUM_SPEND -60.00",
  ]);
});

test("bills in which nothing changed are not rated again", () => {
  const unratable = { ...june, currency: "EUR" };
  const rerating = rerate(
    [{ ...fixed("june", june), facts: unratable }, fixed("july", july, 100)],
    [],
    new Map(),
  );
  expect(rerating.failures).toEqual([]);
  expect(shown([fixed("june", june, 100), fixed("july", july)])).toEqual([]);
});

test("a bill puts only earlier ones right", () => {
  expect(shown([fixed("june", june, 120)], "2024-07-01")).toEqual([]);
});

test("of a bill that cannot be rated any more nothing is put right, and it is said why", () => {
  const facts = { ...june, currency: "EUR" };
  const rerating = rerate([{ ...fixed("june", june, 120), facts }], [], new Map());
  expect(rerating.failures).toMatchObject([{ failure: "MISSING_CONVERSION_RATE" }]);
  expect(rerating.rerated).toEqual([]);
});
