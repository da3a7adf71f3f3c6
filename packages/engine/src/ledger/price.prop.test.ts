import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { decimal, max } from "../exact/decimal.ts";
import { quantityOf, toAtoms } from "./asset.ts";
import { emptyPosition, holdCost, marginalCost, type Rateable } from "./price.ts";
import { SampleLedger } from "./sample-ledger.ts";
import {
  money,
  sampleGrant,
  sampleRecord,
  sampleRefund,
  sampleRequest,
  sampleSettle,
  sampleTrueUp,
  units,
} from "./sample-request.ts";
import { ladderTariff } from "./tariff.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

const cents = fc.nat({ max: 9 }).map((n) => decimal(n).div(decimal(1000)));

/** Price lists with limits at small whole numbers, so that every position can be tried. */
const price = fc
  .record({
    cumulative: fc.boolean(),
    widths: fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 3, size: "max" }),
    prices: fc.array(fc.tuple(cents, cents), { minLength: 4, maxLength: 4 }),
    rounding: fc.constantFrom("NONE" as const, "UP" as const, "DOWN" as const, "NEAREST" as const),
    perUnit: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ cumulative, widths, prices, rounding, perUnit }): Rateable => {
    const limits = widths.reduce<number[]>(
      (all, width) => [...all, (all.at(-1) ?? 0) + width],
      [0],
    );
    const bands = limits.map((limit, index) => ({
      lowerLimit: decimal(limit),
      unitPrice: prices[index]?.[0] ?? decimal(0),
      fixedPrice: prices[index]?.[1] ?? decimal(0),
    }));
    const scale = { rounding, quantityPerUnit: decimal(perUnit) };
    const tariff = ladderTariff("v", { cumulative, bands }, scale);
    return { kind: "rateable", tariff, asset: "USD", scale: 6, position: "p", further: [] };
  });

test("a hold costs what the dearest position costs, tried one by one (W7, W8)", () => {
  fc.assert(
    fc.property(
      price,
      fc.nat({ max: 20 }),
      fc.nat({ max: 20 }),
      fc.integer({ min: 1, max: 12 }),
      (each, posted, open, quarters) => {
        const quantity = units("0.25") * BigInt(quarters);
        const position = {
          ...emptyPosition("p"),
          posted: units(`${posted}`),
          held: units(`${open}`),
        };
        const held = holdCost(each, position, quantity);
        let worst = decimal(0);
        const end = position.posted + position.held;
        for (let at = position.posted; at <= end; at += units("0.25"))
          for (const near of [at - 1n, at, at + 1n]) {
            if (near < position.posted || near > end) continue;
            const exact = each.tariff
              .total(quantityOf(near + quantity))
              .minus(near === 0n ? decimal(0) : each.tariff.total(quantityOf(near)));
            worst = max(worst, exact);
            // Settling anywhere costs no more than was held, to the atom.
            const cost = marginalCost(each, { posted: near }, quantity);
            expect(cost <= held).toBe(true);
          }
        expect(held).toBe(toAtoms(worst, each.scale));
      },
    ),
    { numRuns },
  );
});

test("charges in any order and batching sum to the total; the close leaves it so (I19, I20)", () => {
  fc.assert(
    fc.property(
      price,
      fc.array(fc.tuple(fc.integer({ min: 1, max: 30 }), fc.boolean()), {
        maxLength: 12,
        size: "max",
      }),
      fc.nat({ max: 300 }),
      fc.nat({ max: 900 }).map((n) => money("0.001") * BigInt(n)),
      (each, uses, cash, later) => {
        const ledger = new SampleLedger();
        if (cash > 0) ledger.run(sampleGrant("g", money("0.001") * BigInt(cash)));
        for (const [index, [tenths, isHold]] of uses.entries()) {
          const quantity = units("0.1") * BigInt(tenths);
          const id = `u${index}`;
          if (isHold) {
            ledger.run(sampleRequest(id, { mode: "hold", price: each, quantity }));
            const used = { price: each, quantity, further: [], occurredAt: 0, isMeasured: true };
            ledger.run(sampleSettle(id, 0n, { used }));
          } else {
            const request = sampleRequest(id, { price: each, quantity });
            ledger.run(sampleRecord(request));
          }
        }
        const used = ledger.state.positions.get("p");
        const posted = used?.posted ?? 0n;
        const total = posted === 0n ? decimal(0) : each.tariff.total(quantityOf(posted));
        const rated = toAtoms(total, each.scale);
        const taken = ledger.paid();
        // Only a price that falls as a whole (volume) lets the close give something back.
        expect(taken.debited + taken.shortfall >= rated).toBe(true);
        ledger.run(sampleTrueUp(ledger, rated));
        const { debited, shortfall } = ledger.paid();
        expect(debited + shortfall).toBe(rated);
        expect((ledger.state.walletAccounts.get("USD/acme")?.debited ?? 0n) + shortfall).toBe(
          rated,
        );
        // Whatever is measured later: the next one makes it so, whether it takes or gives back.
        ledger.run(sampleTrueUp(ledger, later));
        expect(ledger.paid().debited + ledger.paid().shortfall).toBe(later);
        expect(ledger.one(sampleTrueUp(ledger, later))).toMatchObject({ amount: 0n });
      },
    ),
    { numRuns },
  );
});

test("a call that is undone leaves the next one at the price that it had itself (I20)", () => {
  const tenths = fc.integer({ min: 1, max: 30 });
  fc.assert(
    fc.property(price, fc.array(tenths, { maxLength: 4 }), tenths, (each, before, used) => {
      const ledger = new SampleLedger();
      const use = (id: string, count: number): void => {
        const quantity = units("0.1") * BigInt(count);
        ledger.run(sampleRecord(sampleRequest(id, { price: each, quantity })));
      };
      for (const [nth, count] of before.entries()) use(`u${nth}`, count);
      const position = ledger.state.positions.get("p") ?? emptyPosition("p");
      use("undone", used);
      ledger.run({ ...sampleRefund("undo", "undone", null), isMetered: false });
      expect(ledger.state.positions.get("p")).toEqual(position);
      use("again", used);
      const { settled } = ledger.authorization("again");
      expect(settled).toBe(ledger.authorization("undone").settled);
    }),
    { numRuns },
  );
});
