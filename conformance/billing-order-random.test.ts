import { beforeAll, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { diceOf } from "./random-family.ts";
import { worthInDollars } from "./random-order-prices.ts";
import { drawSale, type OpenedSale, openSale, type SaleTerms } from "./random-order-sales.ts";
import {
  billInDisorder,
  billInOrder,
  billsOf,
  billText,
  chargesOf,
  closeAll,
  drawn,
  sumsOf,
} from "./random-orders.ts";

/**
 * In whichever order an account's bills are made, approved and locked, and whatever usage comes late: with the last one they ask
 * together for what the bills of an account ask for that are made once, in date order.
 */

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 6);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const scenario = billingScenario();

beforeAll(() => scenario.world.configure({ currencyConversions: worthInDollars }));

const dates = ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01", "2024-06-01"];
const last = "2024-07-01";
/** When all that is before it is approved. */
const closing = "2024-08-01";

const fundsOf = ({ credits }: SaleTerms, asked: string): number =>
  credits.reduce((sum, { kind, amount }) => sum + (kind === asked ? amount : 0), 0);

test.each(seeds)(
  "bills in any order, locked or not, come to what they come to in order: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const { world } = scenario;
    const dice = diceOf(seed);
    const terms = drawSale(dice);
    const [ordered, shuffled] = [await openSale(scenario, terms), await openSale(scenario, terms)];
    const log: string[] = [JSON.stringify(terms)];
    const billed = ({ accountId }: OpenedSale) => ({
      world,
      accountIds: [accountId],
      dates,
      last: [last],
    });
    await ordered.use([...terms.early, ...terms.late]);
    await billInOrder(billed(ordered));
    await shuffled.use(terms.early);
    await billInDisorder({
      ...billed(shuffled),
      dice,
      say: (text) => void log.push(text),
      useMore: () => shuffled.use(terms.late),
    });
    const [is, should] = [await billsOf(billed(shuffled)), await billsOf(billed(ordered))];
    for (const bill of should) log.push(`should ${billText(bill)}`);
    for (const bill of is) log.push(`is ${billText(bill)}`);
    const history = log.join("\n");
    expect(drawn(is, "COMMITMENT_CONSUMED"), history).toBeLessThan(
      fundsOf(terms, "commitment") + 0.005,
    );
    expect(drawn(is, "BALANCE_CONSUMED"), history).toBeLessThan(fundsOf(terms, "balance") + 0.005);
    expect(sumsOf(chargesOf(is)), history).toEqual(sumsOf(chargesOf(should)));
    const [closed, closedInOrder] = [
      await closeAll(billed(shuffled), closing),
      await closeAll(billed(ordered), closing),
    ];
    const closings = closed.filter(({ billDate }) => billDate === closing).map(billText);
    expect(sumsOf(closed), [history, ...closings].join("\n")).toEqual(sumsOf(closedInOrder));
  },
  120_000,
);
