import { randomUUID } from "node:crypto";
import { beforeEach, expect, test } from "vitest";
import { account } from "@turnpike/contract/accounts/account.ts";
import { currency } from "@turnpike/contract/accounts/currency.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { balance } from "@turnpike/contract/balances/balance.ts";
import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { resources } from "@turnpike/contract/resources.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { scheduler } from "../records/caller.ts";
import { lookupEvery } from "../records/lookup.ts";
import { runDueSchedules } from "./schedule-clock.ts";
import { createSealer } from "./sealing.ts";
import { createSecrets } from "./secrets.ts";
import { createCatalog } from "./verbs.ts";
import { insert } from "./writes.ts";

const secrets = createSecrets(createSealer([Buffer.alloc(32)]));
const connection = ownConnection();
const state: {
  now: string;
} = { now: "" };

const parts = () => {
  const { database } = connection();
  const now = (): Date => new Date(state.now);
  const catalog = createCatalog({
    database,
    resources,
    secrets,
    now,
    background: { exportClock: () => Promise.resolve() },
    onChange: () => undefined,
    examine: () => Promise.resolve(),
  });
  return { database, catalog, now };
};

let caller = { orgId: "", principal: "tester" };

/** An organization in New York, and a balance of its customer. */
let balanceId = "";
beforeEach(async () => {
  state.now = "2025-01-01T00:00:00Z";
  const { database, catalog, now } = parts();
  caller = { orgId: randomUUID(), principal: "tester" };
  const { orgId } = caller;
  await database.insertInto("organization").values({ id: orgId, created_at: now() }).execute();
  await database.transaction().execute(async (transaction) => {
    const body = { ...organizationConfig.singleton?.initial, timezone: "America/New_York" };
    const dollar = { name: "US Dollar", code: "USD" };
    await insert(transaction, currency, { caller, secrets, body: dollar, at: now() });
    await insert(transaction, organizationConfig, {
      caller,
      secrets,
      body,
      at: now(),
      id: orgId,
    });
  });
  const customer = { name: "Acme", code: "acme", emailAddress: "acme@example.com" };
  const { id: accountId } = await catalog.create({ caller, resource: account }, customer);
  const wallet = {
    name: "Wallet",
    code: "wallet",
    accountId,
    currency: "USD",
    startDate: "2025-01-01T00:00:00Z",
    endDate: "2026-01-01T00:00:00Z",
  };
  balanceId = (await catalog.create({ caller, resource: balance }, wallet)).id;
});

const daily = (changes: object = {}) => ({
  name: "Fee",
  code: "fee",
  amount: 5,
  currency: "USD",
  servicePeriodStartDate: "2025-02-01T05:00:00Z",
  servicePeriodEndDate: "2025-02-04T05:00:00Z",
  billFrequency: "DAILY",
  billFrequencyInterval: 1,
  billInAdvance: false,
  chargeDescription: "Fee",
  ...changes,
});

const schedule = (body: object) =>
  parts().catalog.create({ caller, resource: balanceChargeSchedule, scope: { balanceId } }, body);
const dates = async (): Promise<(string | undefined)[]> =>
  (await lookupEvery(parts().database, charge, caller.orgId)).map(({ billDate }) => billDate);

test("a charge is made when the day begins on which it is billed, once", async () => {
  const { id } = await schedule(daily());
  const read = () =>
    parts().catalog.retrieve({ caller, resource: balanceChargeSchedule, scope: { balanceId } }, id);
  expect(await read()).toMatchObject({ version: 1, nextRun: "2025-02-02T05:00:00.000Z" });
  state.now = "2025-02-02T04:59:59Z";
  await runDueSchedules(parts());
  expect(await dates()).toEqual([]);
  state.now = "2025-02-02T05:00:00Z";
  await runDueSchedules(parts());
  await runDueSchedules(parts());
  expect(await dates()).toEqual(["2025-02-02"]);
  expect(await read()).toMatchObject({
    version: 2,
    lastModifiedBy: scheduler,
    previousRun: "2025-02-02T05:00:00.000Z",
    nextRun: "2025-02-03T05:00:00.000Z",
  });
  // Off for two days: what was missed is made, and then there is no next run.
  state.now = "2025-02-05T00:00:00Z";
  await runDueSchedules(parts());
  expect(await dates()).toEqual(["2025-02-02", "2025-02-03", "2025-02-04"]);
  expect(await read()).not.toHaveProperty("nextRun");
});

test("a code as long as can be is cut for its charges, between characters", async () => {
  const code = `${"x".repeat(68)}😀${"y".repeat(10)}`;
  await schedule(daily({ code, servicePeriodEndDate: "2025-02-02T05:00:00Z" }));
  state.now = "2025-02-02T05:00:00Z";
  expect(await runDueSchedules(parts())).toEqual([]);
  const [made] = await lookupEvery(parts().database, charge, caller.orgId);
  expect(made?.code).toBe(`${"x".repeat(68)}\ufffd-2025-02-02`);
});

test("two clocks at once make each charge once", async () => {
  await schedule(daily());
  state.now = "2025-02-10T00:00:00Z";
  const failures = await Promise.all([runDueSchedules(parts()), runDueSchedules(parts())]);
  expect(failures).toEqual([[], []]);
  expect(await dates()).toEqual(["2025-02-02", "2025-02-03", "2025-02-04"]);
});

test("a long backlog is made write by write, to its end", async () => {
  await schedule(daily({ servicePeriodEndDate: "2026-02-01T05:00:00Z" }));
  state.now = "2026-03-01T00:00:00Z";
  await runDueSchedules(parts());
  expect(new Set(await dates()).size).toBe(365);
});

test("one whose code is taken keeps no other waiting, and makes none of its charges", async () => {
  await schedule(daily());
  const { catalog, database } = parts();
  const taken = {
    name: "Taken",
    code: "fee-2025-02-02",
    accountId: (await lookupEvery(database, account, caller.orgId))[0]?.id,
    currency: "USD",
    entityType: "AD_HOC",
    lineItemType: "AD_HOC",
    amount: 1,
    servicePeriodStartDate: "2025-02-01T05:00:00Z",
    servicePeriodEndDate: "2025-02-04T05:00:00Z",
  };
  await catalog.create({ caller, resource: charge }, taken);
  await schedule(daily({ code: "other", servicePeriodEndDate: "2025-02-02T05:00:00Z" }));
  state.now = "2025-02-03T12:00:00Z";
  expect(await runDueSchedules(parts(), caller.orgId)).toMatchObject([{ code: "DUPLICATE_VALUE" }]);
  expect(await dates()).toEqual([undefined, "2025-02-02"]);
});
