import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { tickBillClock } from "./bill-clock.ts";

const connection = ownConnection();
const database = () => connection().database;

let orgId = "";
beforeEach(() => {
  orgId = randomUUID();
});

const audit = {
  dt_created: "2024-01-01T00:00:00Z",
  dt_last_modified: "2024-01-01T00:00:00Z",
  created_by: "tester",
  last_modified_by: "tester",
};

const record = async (kind: string, document: object, id: string = randomUUID()) => {
  const row = { org_id: orgId, kind, id, version: 1, document: JSON.stringify(document), ...audit };
  await database().insertInto("record").values(row).execute();
  return id;
};

/** An organization that no other test has, with so much of its configuration set. */
const organization = async (config: object): Promise<void> => {
  await database()
    .insertInto("organization")
    .values({ id: orgId, created_at: audit.dt_created })
    .execute();
  const initial = { ...organizationConfig.singleton?.initial, ...config };
  await record("organizationConfig", organizationConfig.fields.parse(initial), orgId);
};

/** An account with a plan over that time. */
const account = async (code: string, startDate: string, endDate?: string): Promise<string> => {
  const accountId = await record("account", { name: code, code });
  await record("accountPlan", { accountId, startDate, endDate });
  return accountId;
};

interface Given {
  readonly end: string;
  readonly calculated: string;
  readonly status?: "PENDING" | "APPROVED";
}

/** A bill of the month that ends then. */
const bill = async (
  accountId: string,
  { end, calculated, status = "PENDING" }: Given,
): Promise<string> => {
  const id = randomUUID();
  await database()
    .insertInto("bill")
    .values({
      org_id: orgId,
      id,
      version: 1,
      account_id: accountId,
      bill_date: end,
      currency: "USD",
      billing_frequency: "MONTHLY",
      billing_interval: 1,
      group_key: "MONTHLY 1",
      status,
      job_id: randomUUID(),
      starts_at: "2024-09-01T00:00:00Z",
      ends_at: `${end}T00:00:00Z`,
      start_date: "2024-09-01",
      end_date: end,
      due_date: end,
      external_invoice_date: end,
      time_zone: "UTC",
      total: "0",
      last_calculated_at: calculated,
      facts: "{}",
      request: "{}",
      ...audit,
    })
    .execute();
  return id;
};

const queued: { orgId: string; jobId: string }[] = [];
const background = {
  billJob: async (_transaction: unknown, key: { orgId: string; jobId: string }) =>
    void queued.push(key),
  statementJob: async () => undefined,
};
const tick = (at: string): Promise<void> =>
  tickBillClock({ database: database(), background, now: () => new Date(at) });

/** The organization's runs, oldest first: what kind, for which accounts, of which bills. */
const runs = async () => {
  const { rows } = await sql<{ type: string; accounts: string[]; bills: string[] | null }>`
    SELECT type, array_agg(code ORDER BY code) AS accounts, (request->'billIds') AS bills
    FROM bill_job JOIN bill_job_account done ON done.org_id = bill_job.org_id AND done.job_id = bill_job.id
      JOIN (SELECT id, document->>'code' AS code FROM record WHERE kind = 'account') account
        ON account.id = done.account_id
    WHERE bill_job.org_id = ${orgId} GROUP BY bill_job.id, type, request ORDER BY bill_job.id
  `.execute(database());
  return rows.map(({ type, accounts, bills }) => [type, accounts, bills ?? []]);
};

describe("approval by itself", () => {
  const statusOf = async (id: string) => {
    const row = await database()
      .selectFrom("bill")
      .select(["status", "approved_by"])
      .where("id", "=", id)
      .executeTakeFirstOrThrow();
    return [row.status, row.approved_by];
  };

  test("waits for the grace period after the calculation, and for the period's end", async () => {
    await organization({
      autoApproveBillsGracePeriod: 2,
      autoApproveBillsGracePeriodUnit: "HOURS",
    });
    const [a, b, c] = await Promise.all(
      ["a", "b", "c"].map((code) => account(code, "2024-01-01T00:00:00Z")),
    );
    const waited = await bill(a ?? "", { end: "2024-10-01", calculated: "2024-10-05T09:00:00Z" });
    const fresh = await bill(b ?? "", { end: "2024-10-01", calculated: "2024-10-05T09:00:01Z" });
    const open = await bill(c ?? "", { end: "2024-11-01", calculated: "2024-10-01T00:00:00Z" });
    await tick("2024-10-05T11:00:00Z");
    expect(await statusOf(waited)).toEqual(["APPROVED", "SCHEDULER"]);
    expect(await statusOf(fresh)).toEqual(["PENDING", null]);
    expect(await statusOf(open)).toEqual(["PENDING", null]);
  });

  test("never comes where the grace period is longer than time itself, and stops no run", async () => {
    await organization({
      autoApproveBillsGracePeriod: 2_147_483_647,
      autoApproveBillsGracePeriodUnit: "DAYS",
      scheduledBillInterval: 6,
    });
    const accountId = await account("a", "2024-01-01T00:00:00Z");
    const id = await bill(accountId, { end: "2024-10-01", calculated: "2024-10-01T00:00:00Z" });
    await tick("2024-10-05T07:00:00Z");
    await tick("2024-10-05T12:00:00Z");
    expect(await statusOf(id)).toEqual(["PENDING", null]);
    expect(await runs()).toHaveLength(1);
  });

  test("does not happen without a unit", async () => {
    await organization({ autoApproveBillsGracePeriod: 1 });
    const accountId = await account("a", "2024-01-01T00:00:00Z");
    const id = await bill(accountId, { end: "2024-10-01", calculated: "2024-10-01T00:00:00Z" });
    await tick("2025-10-01T00:00:00Z");
    expect(await statusOf(id)).toEqual(["PENDING", null]);
  });
});

describe("a scheduled run", () => {
  test("begins with the next due time after it was switched on, and comes once", async () => {
    await organization({ scheduledBillInterval: 6 });
    await account("a", "2024-01-01T00:00:00Z");
    await tick("2024-10-05T07:00:00Z");
    await tick("2024-10-05T11:59:00Z");
    expect(await runs()).toEqual([]);
    await Promise.all(["01", "02", "03"].map((second) => tick(`2024-10-05T12:00:${second}Z`)));
    await tick("2024-10-05T13:00:00Z");
    expect(await runs()).toEqual([["CREATE", ["a"], []]]);
    // The server was away from 12 to 24: one run makes up for all that was missed.
    await tick("2024-10-06T00:30:00Z");
    expect(await runs()).toHaveLength(2);
  });

  test("comes also where it fails for another organization, which is told", async () => {
    orgId = `00000000${orgId.slice(8)}`;
    const broken = orgId;
    onTestFinished(async () => {
      await database().deleteFrom("record").where("org_id", "=", broken).execute();
    });
    await organization({ scheduledBillInterval: 6 });
    await sql`UPDATE record SET document = jsonb_set(document, '{timezone}', '7') WHERE org_id = ${orgId}`.execute(
      database(),
    );
    orgId = `ffffffff${orgId.slice(8)}`;
    await organization({ scheduledBillInterval: 6 });
    await account("a", "2024-01-01T00:00:00Z");
    for (const at of ["2024-10-05T07:00:00Z", "2024-10-05T12:00:00Z"])
      await expect(tick(at)).rejects.toThrow("the clock of bills failed");
    expect(await runs()).toEqual([["CREATE", ["a"], []]]);
  });

  test("does not happen when it is switched off", async () => {
    await organization({ scheduledBillInterval: 0 });
    await account("a", "2024-01-01T00:00:00Z");
    await tick("2024-10-05T07:00:00Z");
    await tick("2024-10-06T07:00:00Z");
    expect(await runs()).toEqual([]);
  });

  // The documented case of m3ter semantics 3.7: a plan that ended at midnight before October 14 is
  // run until October 15.
  test.each([
    ["2024-10-14T18:00:00Z", [["CREATE", ["ended"], []]]],
    ["2024-10-15T00:00:00Z", []],
  ])("covers a plan that ended on October 14 at %s: %j", async (at, expected) => {
    await organization({ scheduledBillInterval: 6 });
    await account("ended", "2024-01-01T00:00:00Z", "2024-10-14T00:00:00Z");
    await account("later", "2024-11-01T00:00:00Z");
    await tick("2024-10-13T00:00:00Z");
    await tick(at);
    expect(await runs()).toEqual(expected);
  });

  test("takes up late usage for a day, on bills that nobody approved", async () => {
    await organization({ scheduledBillInterval: 24, scheduledBillOffset: 3 });
    const ids = await Promise.all(
      ["a", "b", "c"].map((code) => account(code, "2024-01-01T00:00:00Z")),
    );
    const [a = "", b = "", c = ""] = ids;
    const pending = { end: "2024-10-01", calculated: "2024-09-30T03:00:00Z" } as const;
    const late = await bill(a, pending);
    await bill(b, { ...pending, status: "APPROVED" });
    await bill(c, { ...pending, end: "2024-09-30" });
    await tick("2024-09-30T03:00:00Z");
    await tick("2024-10-01T03:00:00Z");
    expect(await runs()).toEqual([
      ["RECALCULATE", ["a"], [late]],
      ["CREATE", ["a", "b", "c"], []],
    ]);
    await tick("2024-10-02T03:00:00Z");
    expect((await runs()).map(([type]) => type)).toEqual(["RECALCULATE", "CREATE", "CREATE"]);
  });

  test("goes on when a clock that was years ahead is put right", async () => {
    await organization({ scheduledBillInterval: 6 });
    await account("a", "2024-01-01T00:00:00Z");
    await tick("2024-10-13T00:00:00Z");
    await tick("2030-01-01T06:00:00Z");
    await tick("2024-10-13T01:00:00Z");
    await tick("2024-10-13T05:59:00Z");
    const before = await runs();
    await tick("2024-10-13T06:00:00Z");
    expect((await runs()).slice(before.length)).toEqual([["CREATE", ["a"], []]]);
    expect(before).toEqual([["CREATE", ["a"], []]]);
  });

  test("waits while ten runs are under way", async () => {
    await organization({ scheduledBillInterval: 1 });
    await account("a", "2024-01-01T00:00:00Z");
    const jobs = Array.from({ length: 10 }, () => ({
      org_id: orgId,
      id: randomUUID(),
      version: 1,
      type: "CREATE" as const,
      status: "RUNNING" as const,
      request: "{}",
      ...audit,
    }));
    await database().insertInto("bill_job").values(jobs).execute();
    await tick("2024-10-05T07:00:00Z");
    await tick("2024-10-05T08:00:00Z");
    expect(await runs()).toEqual([]);
    const { id = "" } = jobs[0] ?? {};
    await database()
      .updateTable("bill_job")
      .set({ status: "COMPLETE" })
      .where("id", "=", id)
      .execute();
    await tick("2024-10-05T08:01:00Z");
    expect(await runs()).toEqual([["CREATE", ["a"], []]]);
  });
});
