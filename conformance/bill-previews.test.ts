import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type BillingWorld, rowsOf } from "./billing-world.ts";
import { openReachableWorld, type ReachableWorld } from "./reachable-database.ts";

/** The tests reach into the database: schedules are put back to before their runs. */
const state: { opened?: ReachableWorld } = {};
const opened = (): ReachableWorld => {
  if (state.opened === undefined) throw new Error("no server");
  return state.opened;
};
const world = (): BillingWorld => opened().world;
const query: ReachableWorld["query"] = (text, values) => opened().query(text, values);

beforeAll(async () => {
  state.opened = await openReachableWorld();
});
afterAll(() => state.opened?.close());

/** The server's clock runs schedules when a minute begins: the tests stay clear of it. */
beforeEach(async () => {
  const second = (): number => new Date().getUTCSeconds();
  while (second() < 3 || second() > 45) await delay(250);
});

/** Pretends that the schedule is due since its first run, and that nothing has run it yet. */
const putBack = async (scheduleId: string): Promise<void> => {
  const [schedule] = await query(`SELECT document FROM record WHERE id = $1`, [scheduleId]);
  expect(schedule).toMatchObject({ document: { previousRun: expect.any(String) } });
  const made = `kind IN ('charge', 'balanceTransaction')
    AND $1 IN (document->>'scheduleId', document->>'entityId')`;
  await query(`DELETE FROM record WHERE ${made}`, [scheduleId]);
  await query(
    `UPDATE record SET document = document - 'previousRun' || '{"nextRun": "2024-01-01T00:00:00.000Z"}'
     WHERE id = $1`,
    [scheduleId],
  );
};

/** An account that has used 70 of what costs 1 each in January 2024, with a balance of 10. */
const customer = async () => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const aggregationId = await world().aggregation(meter.id);
  const plan = await world().plan(productId);
  await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
  const account = await world().account();
  await world().attach(account.id, plan.id);
  await world().use(meter.code, account.code, [["2024-01-10", 70]]);
  const balanceId = await world().create("balances", {
    accountId: account.id,
    name: "Wallet",
    code: world().fresh("balance"),
    currency: "USD",
    startDate: "2024-01-01T00:00:00Z",
    endDate: "2025-01-01T00:00:00Z",
  });
  const entry = { amount: 10, appliedDate: "2024-01-01T00:00:00Z" };
  await world().create(`balances/${balanceId}/transactions`, entry);
  return { accountId: account.id, balanceId, planId: plan.id };
};
type Customer = Awaited<ReturnType<typeof customer>>;

const preview = async ({ accountId }: Customer) => {
  const request = { accountIds: [accountId], billDate: "2024-02-01" };
  const cadence = { billingFrequency: "MONTHLY", billFrequencyInterval: 1 };
  const shown = await world().api.call("POST", "bills/preview", { ...request, ...cadence });
  return rowsOf(world().readBill(shown)).toSorted();
};

/** Everything that the database keeps, but for who asked when. */
const contents = async () => {
  const counts = ["record", "change", "bill", "bill_line", "bill_draw_down", "reference"].map(
    (table) => `(SELECT count(*) FROM ${table}) AS ${table}`,
  );
  const [found] = await query(
    `SELECT ${counts.join(", ")}, (SELECT md5(string_agg(document::text, ',' ORDER BY id)) FROM record)`,
    [],
  );
  return found;
};

/** The preview, which writes nothing, is the bill that a job then makes. */
const expectSame = async (of: Customer, expected: readonly string[]): Promise<void> => {
  const before = await contents();
  expect(await preview(of)).toEqual(expected.toSorted());
  expect(await contents()).toEqual(before);
  const bill = await world().lines(of.accountId, "2024-02-01");
  expect(bill.toSorted()).toEqual(expected.toSorted());
};

const january = {
  currency: "USD",
  servicePeriodStartDate: "2024-01-01T00:00:00Z",
  servicePeriodEndDate: "2024-03-01T00:00:00Z",
  billFrequency: "MONTHLY",
  billFrequencyInterval: 1,
  chargeDescription: "Fee",
};

test.each([
  // January's 25, billed on February 1.
  { name: "in arrears", schedule: { amount: 25, billInAdvance: false } },
  // February's 5 × 5.
  { name: "in advance, in units", schedule: { units: 5, unitPrice: 5, billInAdvance: true } },
])("a preview has the charge that a balance's schedule owes $name", async ({ schedule }) => {
  const of = await customer();
  const name = world().fresh("schedule");
  const id = await world().create(`balances/${of.balanceId}/balancechargeschedules`, {
    ...january,
    name,
    code: name,
    ...schedule,
  });
  await putBack(id);
  await expectSame(of, ["USAGE 70", "BALANCE_CONSUMED -10", "BALANCE_FEE 25", "TOTAL 85"]);
});

const creditSchedule = async ({ balanceId }: Customer): Promise<string> => {
  const name = world().fresh("schedule");
  const transactionTypeId = await world().create("picklists/transactiontypes", {
    name,
    code: name,
  });
  return world().create(`balances/${balanceId}/balancetransactionschedules`, {
    name,
    code: name,
    amount: 30,
    transactionDescription: "Monthly credit",
    transactionTypeId,
    startDate: "2024-01-01T00:00:00Z",
    endDate: "2024-02-01T00:00:00Z",
    frequency: "MONTHLY",
    frequencyInterval: 1,
  });
};

test("a preview draws on what a balance's schedule owes it: 10 + 30", async () => {
  const of = await customer();
  await putBack(await creditSchedule(of));
  await expectSame(of, ["USAGE 70", "BALANCE_CONSUMED -40", "TOTAL 30"]);
});

test("a schedule that cannot run is left out of both, and the others are not", async () => {
  const of = await customer();
  const name = world().fresh("schedule");
  const path = `balances/${of.balanceId}/balancechargeschedules`;
  const body = { ...january, name, code: name, amount: 25, billInAdvance: false };
  const id = await world().create(path, body);
  await putBack(id);
  // Somebody else's charge has the code that January's would get.
  await world().create("charges", {
    name,
    code: `${name}-2024-02-01`,
    accountId: of.accountId,
    currency: "USD",
    entityType: "AD_HOC",
    lineItemType: "AD_HOC",
    amount: 1,
    billDate: "2024-02-01",
    servicePeriodStartDate: "2024-01-01T00:00:00Z",
    servicePeriodEndDate: "2024-02-01T00:00:00Z",
  });
  await putBack(await creditSchedule(of));
  await expectSame(of, ["USAGE 70", "AD_HOC 1", "BALANCE_CONSUMED -40", "TOTAL 31"]);
});

test.each([
  {
    name: "plan",
    fees: ({ planId }: Customer) => ({ billingPlanId: planId, commitmentFeeBillInAdvance: false }),
    // 120 over twelve bills.
    expected: ["COMMITMENT_FEE 10", "TOTAL 10"],
  },
  // Of a schedule the fees are on bills of their own.
  {
    name: "fee dates",
    fees: () => ({
      feeDates: [
        {
          date: "2024-02-01",
          amount: 120,
          servicePeriodStartDate: "2024-01-01T00:00:00Z",
          servicePeriodEndDate: "2024-02-01T00:00:00Z",
        },
      ],
    }),
    expected: ["TOTAL 0"],
  },
])("a preview has the fee that a commitment owes by its $name", async ({ fees, expected }) => {
  const of = await customer();
  await world().create("commitments", {
    accountId: of.accountId,
    currency: "USD",
    amount: 120,
    startDate: "2024-01-01",
    endDate: "2025-01-01",
    ...fees(of),
  });
  expect(await preview(of)).toEqual(
    ["USAGE 70", "COMMITMENT_CONSUMED -70", ...expected].toSorted(),
  );
  const bills = await world().bill(of.accountId, "2024-02-01");
  const monthly = bills.filter(({ billingFrequency }) => billingFrequency === "MONTHLY");
  expect(monthly.map((bill) => rowsOf(bill).toSorted())).toEqual([
    ["USAGE 70", "COMMITMENT_CONSUMED -70", ...expected].toSorted(),
  ]);
});
