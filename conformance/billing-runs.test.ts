import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type EmbeddedPostgres,
  startEmbeddedPostgres,
} from "@turnpike/server/adapters/postgres/embedded.ts";
import { type Bill, BillingWorld, rowsOf } from "./billing-world.ts";
import { newFolder, removeFolder, sharedKeys } from "./server.ts";

/**
 * Runs that repeat, overlap and die, asked for at two servers on one database, of which the first keeps usage: the bills
 * are those of one undisturbed run.
 */
const state: { folder: string; postgres?: EmbeddedPostgres; pool?: Pool; worlds: BillingWorld[] } =
  { folder: "", worlds: [] };
const size = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const rounds = size("TURNPIKE_CRASH_ROUNDS", 4);
const accounts = 40;
const accountIds: string[] = [];

const worldOf = (nth: number): BillingWorld => {
  const world = state.worlds[nth];
  if (world === undefined) throw new Error("no server");
  return world;
};
const query = async (text: string, values: readonly unknown[]): Promise<unknown[]> => {
  if (state.pool === undefined) throw new Error("no database");
  return (await state.pool.query(text, [...values])).rows;
};

/** As many as there are rounds to kill runs of, and two more. */
const months = Array.from({ length: rounds + 2 }, (_, month) =>
  Temporal.PlainDate.from("2024-01-01").add({ months: month }),
);
const billDateOf = (month: Temporal.PlainDate): string => month.add({ months: 1 }).toString();

const openCustomer = async (planId: string) => {
  const { id, code } = await worldOf(0).account();
  await worldOf(0).attach(id, planId);
  await worldOf(0).create("commitments", {
    accountId: id,
    startDate: "2024-01-01",
    endDate: "2026-01-01",
    currency: "USD",
    amount: 100,
  });
  return { id, code };
};

beforeAll(async () => {
  state.folder = await newFolder();
  state.postgres = await startEmbeddedPostgres(
    join(state.folder, "postgres"),
    pino({ level: "error" }),
  );
  state.pool = new Pool({ connectionString: state.postgres.url });
  for (let nth = 0; nth < 2; nth++) {
    state.worlds.push(await BillingWorld.open({ ...sharedKeys, DATABASE_URL: state.postgres.url }));
  }
  const world = worldOf(0);
  const productId = await world.product();
  const meter = await world.meter(productId);
  const plan = await world.plan(productId, { standingCharge: 2 });
  const aggregationId = await world.aggregation(meter.id);
  await world.price({ planId: plan.id, aggregationId }, [[0, 1]]);
  for (let index = 0; index < accounts; index += 1) {
    const { id, code } = await openCustomer(plan.id);
    accountIds.push(id);
    const usage = months.map((month) => [month.add({ days: 9 }).toString(), 60] as const);
    await worldOf(0).use(meter.code, code, usage);
  }
}, 180_000);
afterAll(async () => {
  await state.pool?.end();
  for (const world of state.worlds) await world.close();
  await state.postgres?.stop();
  await removeFolder(state.folder);
});

const bills = async (billDate: string): Promise<Bill[]> => {
  const found = await Promise.all(accountIds.map((id) => worldOf(0).bills(id, billDate)));
  return found.flat();
};

/** Everything that bills of the date say and did, to the byte; ids and times of a row are its own. */
const written = (billDate: string): Promise<unknown[]> =>
  query(
    `SELECT account_id, group_key, currency, total, facts, status,
       (SELECT json_agg(json_build_object('line', line, 'key', key) ORDER BY sequence_number) FROM bill_line
         WHERE bill_line.org_id = bill.org_id AND bill_id = bill.id)::text AS lines,
       (SELECT json_agg(json_build_array(line_key, credit_id, amount) ORDER BY line_key) FROM bill_draw_down
         WHERE bill_draw_down.org_id = bill.org_id AND bill_id = bill.id)::text AS draws
     FROM bill WHERE bill_date = $1 ORDER BY account_id, group_key`,
    [billDate],
  );

const spent = async (): Promise<unknown[]> =>
  (await worldOf(0).list("commitments?pageSize=100")).map(({ amountSpent }) => amountSpent);

/** 60 of usage and the standing charge 2 are covered by the 100. */
const january = [
  "USAGE 60",
  "STANDING_CHARGE 2",
  "COMMITMENT_CONSUMED -60",
  "COMMITMENT_CONSUMED -2",
  "TOTAL 0",
].toSorted();

test("two runs at once, asked for at different servers, make one bill for each account and draw once", async () => {
  const jobs = await Promise.all(
    [0, 1, 0, 1].map((nth) => worldOf(nth).startJob({ billDate: "2024-02-01" })),
  );
  await Promise.all(jobs.map((job, nth) => worldOf(nth % 2).finish(job)));
  const made = await bills("2024-02-01");
  expect(made).toHaveLength(accounts);
  for (const bill of made) expect(rowsOf(bill).toSorted()).toEqual(january);
  expect(await spent()).toEqual(Array.from({ length: accounts }, () => 62));
});

test("single accounts and all of them, asked for at both servers at once", async () => {
  const before = await written("2024-02-01");
  const jobs = await Promise.all(
    Array.from({ length: 8 }, (_, nth) =>
      worldOf(nth % 2).startJob({
        billDate: "2024-02-01",
        ...(nth % 4 === 0 ? {} : { accountIds: accountIds.slice(nth, nth + 20) }),
      }),
    ),
  );
  await Promise.all(jobs.map((job) => worldOf(0).finish(job)));
  expect(await written("2024-02-01")).toEqual(before);
  expect(await spent()).toEqual(Array.from({ length: accounts }, () => 62));
});

/** 38 are left of the 100: 60 + 2 − 38 = 24; later months pay 62. */
const totals = [24, ...Array.from({ length: rounds - 1 }, () => 62)];

test.each(totals.map((total, round) => [round + 1, total] as const))(
  "a run that is killed somewhere goes on after the restart, with the same bytes (round %i)",
  async (round, total) => {
    const billDate = billDateOf(months[round] ?? Temporal.PlainDate.from("2024-02-01"));
    const world = worldOf(0);
    const job = await world.startJob({ billDate });
    // From before it has begun to after it has ended.
    await delay(round === 1 ? 0 : Math.random() * 400);
    await world.server.kill();
    await world.restart();
    await world.finish(job);
    const made = await bills(billDate);
    expect(made.map(({ billTotal }) => billTotal)).toEqual(
      Array.from({ length: accounts }, () => total),
    );
    expect(await spent()).toEqual(Array.from({ length: accounts }, () => 100));
    const survived = await written(billDate);
    await world.finish(await world.startJob({ billDate }));
    expect(await written(billDate)).toEqual(survived);
  },
  180_000,
);

test("a run of an unchanged month leaves the later month alone", async () => {
  const before = await bills("2024-03-01");
  await worldOf(0).finish(await worldOf(0).startJob({ billDate: "2024-02-01" }));
  expect(await bills("2024-03-01")).toEqual(before);
});

test("a statement that cannot be made has FAILED, and does not stay under way", async () => {
  const [bill] = await worldOf(0).bills(accountIds[0] ?? "", "2024-02-01");
  await query("UPDATE bill SET facts = 'not what was written' WHERE id = $1", [bill?.id]);
  const id = await worldOf(0).create("statementjobs", { billId: bill?.id });
  const deadline = Date.now() + 20_000;
  const status = async () => (await worldOf(0).get(`statementjobs/${id}`))["statementJobStatus"];
  while ((await status()) !== "FAILED" && Date.now() < deadline) await delay(50);
  expect(await status()).toBe("FAILED");
});
