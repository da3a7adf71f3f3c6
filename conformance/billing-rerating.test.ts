import { join } from "node:path";
import { Pool } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@turnpike/server/adapters/postgres/embedded.ts";
import { BillingWorld } from "./billing-world.ts";
import { newFolder, removeFolder } from "./server.ts";

/**
 * Only bills whose usage has changed since they were made are measured again. The same life is led twice, once by a
 * customer whose bills have forgotten from when they are, so that each of them is measured again at every run.
 */
const state: { folder: string; postgres?: EmbeddedPostgres; world?: BillingWorld; pool?: Pool } = {
  folder: "",
};

const world = (): BillingWorld => {
  if (state.world === undefined) throw new Error("no server");
  return state.world;
};

beforeAll(async () => {
  state.folder = await newFolder();
  state.postgres = await startEmbeddedPostgres(
    join(state.folder, "postgres"),
    pino({ level: "error" }),
  );
  state.world = await BillingWorld.open({ DATABASE_URL: state.postgres.url });
  state.pool = new Pool({ connectionString: state.postgres.url });
}, 120_000);
afterAll(async () => {
  await state.pool?.end();
  await state.world?.close();
  await state.postgres?.stop();
  await removeFolder(state.folder);
});

/** A repeatable row of whole numbers below a bound. */
const dice = (seed: number) => {
  let next = seed;
  return (sides: number): number => {
    next = (next * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((next / 2_147_483_648) * sides);
  };
};

const months = ["01", "02", "03", "04", "05"];

/** Tiers, tiers that span the plan, a formula and a minimum; a commitment that is used up on the way. */
const sell = async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const plan = await world().plan(productId, { minimumSpend: 40 });
  const code = world().fresh("sum");
  const aggregationId = await world().aggregation(meter.id, { code });
  const peak = await world().aggregation(meter.id, { aggregation: "MAX" });
  const compoundAggregationId = await world().create("compoundaggregations", {
    name: "Beyond fifty",
    code: world().fresh("compound"),
    calculation: `Math.max(aggregation.${code} - 50, 0)`,
    rounding: "NONE",
    quantityPerUnit: 1,
    unit: "unit",
  });
  const bands = [
    [0, 1],
    [30, 0.5],
  ] as const;
  await world().price({ planId: plan.id, aggregationId }, bands);
  await world().price({ planId: plan.id, aggregationId: peak }, bands, { tiersSpanPlan: true });
  await world().price({ planId: plan.id, compoundAggregationId }, [[0, 0.25]]);
  const customers = await Promise.all(
    [0, 1].map(async () => {
      const account = await world().account();
      await world().attach(account.id, plan.id);
      await world().create("commitments", {
        accountId: account.id,
        startDate: "2024-01-01",
        endDate: "2025-01-01",
        currency: "USD",
        amount: 150,
        overageSurchargePercent: 10,
      });
      return account;
    }),
  );
  return { meter, customers };
};

const forget = async (accountId: string): Promise<void> => {
  await state.pool?.query("UPDATE bill SET usage_mark = NULL WHERE account_id = $1", [accountId]);
};

/** What a bill says, without what is the customer's own: keys and ids. */
const linesOf = async (accountId: string, billDate: string): Promise<string[]> => {
  const bills = await world().bills(accountId, billDate);
  return bills.flatMap(({ lineItems, billTotal }) => [
    ...lineItems
      .map((line) => `${line.lineItemType} ${line.description} ${line.quantity} ${line.subtotal}`)
      .toSorted(),
    `TOTAL ${billTotal}`,
  ]);
};

describe("bills of a customer, measured again only where usage has changed", () => {
  test.each([1, 2, 3])(
    "are those of a customer whose bills all are (seed %i)",
    async (seed) => {
      const { meter, customers } = await sell();
      const roll = dice(seed);
      const events: string[] = [];
      const send = async (month: string): Promise<void> => {
        const uid = world().fresh("event");
        const [day, amount] = [String(1 + roll(28)).padStart(2, "0"), roll(40)];
        const ts = `2024-${month}-${day}T12:00:00Z`;
        const measurements = customers.map(({ code: account }, nth) => ({
          uid: `${uid}/${nth}`,
          meter: meter.code,
          account,
          ts,
          measure: { amount },
          what: { region: "UK", tier: "Standard" },
        }));
        await world().api.call("POST", "measurements", { measurements });
        events.push(uid);
      };
      const correct = async (): Promise<void> => {
        const uid = events[roll(events.length)] ?? "";
        const [isVoid, amount] = [roll(2) === 0, roll(60)];
        for (const nth of customers.keys()) {
          const path = `measurements/${encodeURIComponent(`${uid}/${nth}`)}`;
          const what = { region: "UK", tier: "Standard" };
          await (isVoid
            ? world().api.call("POST", `${path}/void`, { reason: "wrong" })
            : world().api.call("POST", `${path}/amend`, {
                reason: "wrong",
                measurement: { measure: { amount }, what },
              }));
        }
      };
      let corrections = 0;
      for (const [index, month] of months.entries()) {
        await send(month);
        await send(month);
        for (let late = roll(3); late > 0; late--) await send(months[roll(index + 1)] ?? month);
        for (let wrong = roll(2); wrong > 0; wrong--) await correct();
        const billDate = `2024-${String(index + 2).padStart(2, "0")}-01`;
        for (let again = 0; again < 2; again++) {
          await forget(customers[1]?.id ?? "");
          const accountIds = customers.map(({ id }) => id);
          await world().finish(await world().startJob({ billDate, accountIds }));
          const [own, other] = await Promise.all(accountIds.map((id) => linesOf(id, billDate)));
          expect(own).toEqual(other);
          corrections += own?.filter((line) => line.includes("Correction")).length ?? 0;
        }
        for (const { id } of customers) {
          const [bill] = await world().bills(id, billDate);
          if (roll(5) > 0) await world().approve(bill?.id ?? "");
        }
      }
      expect(corrections).toBeGreaterThan(0);
    },
    180_000,
  );
});
