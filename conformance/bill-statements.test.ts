import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { type Bill, billingServer } from "./billed-account.ts";

const on = billingServer();

const job = z.looseObject({
  id: z.string(),
  statementJobStatus: z.string(),
  jsonStatementStatus: z.string().optional(),
  presignedJsonStatementUrl: z.string().optional(),
  presignedCsvStatementUrl: z.string().optional(),
});
const jobs = z.object({ data: z.array(job) });

const ended = async (id: string): Promise<z.output<typeof job>> => {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await delay(20)) {
    const found = job.parse(await on().send("GET", `statementjobs/${id}`));
    if (!["PENDING", "RUNNING"].includes(found.statementJobStatus)) return found;
  }
  throw new Error(`statement job ${id} does not end`);
};

const statement = z.object({
  bill: z.looseObject({ id: z.string(), billTotal: z.number() }),
  lineItems: z.array(
    z.object({
      lineItem: z.looseObject({ lineItemType: z.string() }),
      usage: z.array(z.looseObject({ quantity: z.number(), units: z.number() })),
    }),
  ),
});
const open = async (url: string | undefined): Promise<string> => (await fetch(url ?? "")).text();

/** March 2024: 3 calls of the large model on the 4th, 4 of the small on the 4th, 5 of the large on the 20th. */
const march = async (code: string, fields: object = {}): Promise<Bill> => {
  const accountId = await on().account(code, fields);
  await on().use(code, [
    ["2024-03-04", 3, "large"],
    ["2024-03-04", 4, "small"],
    ["2024-03-20", 5, "large"],
  ]);
  const [bill] = await on().run("2024-03-31", [accountId]);
  if (bill === undefined) throw new Error("no bill");
  return bill;
};

describe("a statement", () => {
  test("is made in the background, and shows the usage of each line", async () => {
    const bill = await march("plain");
    const order = { billId: bill.id, includeCsvFormat: true };
    const begun = job.parse(await on().send("POST", "statementjobs", order));
    expect(begun).not.toHaveProperty("presignedJsonStatementUrl");
    const done = await ended(begun.id);
    expect(done).toMatchObject({
      statementJobStatus: "COMPLETE",
      jsonStatementStatus: "LATEST",
      csvStatementStatus: "LATEST",
    });
    const json = statement.parse(JSON.parse(await open(done.presignedJsonStatementUrl)));
    // Without a definition: the whole period in one row.
    expect(json.lineItems.map(({ usage }) => usage)).toEqual([
      [
        {
          periodStart: "2024-03-01T00:00:00Z",
          periodEnd: "2024-04-01T00:00:00Z",
          dimensions: {},
          quantity: 12,
          units: 12,
        },
      ],
      [],
    ]);
    const [header, row, ...rest] = (await open(done.presignedCsvStatementUrl)).split("\r\n");
    expect(header).toBe(
      "billId,accountCode,lineItemId,description,productCode,periodStart,periodEnd,quantity,units,unit",
    );
    expect(row).toMatch(/,2024-03-01T00:00:00Z,2024-04-01T00:00:00Z,12,12,call$/);
    expect(rest).toEqual([""]);
    expect(await on().bill(bill.id)).toMatchObject({
      jsonStatementGenerated: true,
      csvStatementGenerated: true,
      statementStale: false,
    });
  });

  test.each(["PARENT_BREAKDOWN", "CHILD"])(
    "shows of accounts that are rated together each one's usage with its own lines (%s)",
    async (childBillingMode) => {
      const { client, planId, use, run, send } = on();
      const create = (code: string, fields: object) =>
        client.create("accounts", { name: code, code, emailAddress: "a@b.example", ...fields });
      const name = childBillingMode.toLowerCase().replace("_", "-");
      const parent = await create(`parent-${name}`, {});
      const child = await create(`child-${name}`, { parentAccountId: parent.id });
      const startDate = "2024-01-01T00:00:00Z";
      const attached = { accountId: parent.id, planId, startDate, childBillingMode };
      await client.create("accountplans", attached);
      await use(`parent-${name}`, [["2024-03-04", 30]]);
      await use(`child-${name}`, [["2024-03-05", 90]]);
      const bills = await run("2024-03-31", [parent.id, child.id]);
      const shown: (readonly [unknown, readonly number[]])[] = [];
      for (const { id: billId } of bills) {
        const done = await ended(job.parse(await send("POST", "statementjobs", { billId })).id);
        const json = statement.parse(JSON.parse(await open(done.presignedJsonStatementUrl)));
        for (const { lineItem, usage } of json.lineItems) {
          const quantities = usage.map(({ quantity }) => quantity);
          if (usage.length > 0) shown.push([lineItem["quantity"], quantities]);
        }
      }
      const ordered = shown.toSorted(([one], [other]) => Number(one) - Number(other));
      expect(ordered).toEqual([
        [30, [30]],
        [90, [90]],
      ]);
    },
  );

  test("is cut and labelled as the account's definition says", async () => {
    const { id: statementDefinitionId } = await on().client.create("statementdefinitions", {
      name: "By day and model",
      aggregationFrequency: "DAY",
      includePricePerUnit: true,
      dimensions: [{ name: "model", filter: ["*"] }],
      measures: [{ name: "calls", aggregations: ["COUNT", "MAX"] }],
    });
    const bill = await march("defined", { statementDefinitionId });
    const { id } = job.parse(await on().send("POST", "statementjobs", { billId: bill.id }));
    const done = await ended(id);
    const json = statement.parse(JSON.parse(await open(done.presignedJsonStatementUrl)));
    const rows = json.lineItems[0]?.usage.map((row) => [
      row["periodStart"],
      row["dimensions"],
      row.quantity,
      row["pricePerUnit"],
      row["measures"],
    ]);
    const [day4, day20] = ["2024-03-04T00:00:00Z", "2024-03-20T00:00:00Z"];
    expect(rows).toEqual([
      [day4, { model: "large" }, 3, 0.1, { "calls.COUNT": 1, "calls.MAX": 3 }],
      [day4, { model: "small" }, 4, 0.1, { "calls.COUNT": 1, "calls.MAX": 4 }],
      [day20, { model: "large" }, 5, 0.1, { "calls.COUNT": 1, "calls.MAX": 5 }],
    ]);
    const total = json.lineItems[0]?.usage.reduce((sum, { quantity }) => sum + quantity, 0);
    expect(total).toBe(12);
  });

  test("is as the organization's definition says where the account has none; a slim one names lines only", async () => {
    const { id } = await on().client.create("statementdefinitions", {
      name: "Slim, by month",
      aggregationFrequency: "MONTH",
      generateSlimStatements: true,
    });
    const config = z.looseObject({}).parse(await on().send("GET", "organizationconfig"));
    const ofOrganization = { ...config, defaultStatementDefinitionId: id };
    await on().send("PUT", "organizationconfig", ofOrganization);
    const bill = await march("slim");
    const begun = job.parse(await on().send("POST", "statementjobs", { billId: bill.id }));
    const done = await ended(begun.id);
    const json = statement.parse(JSON.parse(await open(done.presignedJsonStatementUrl)));
    expect(json.lineItems[0]).toEqual({
      lineItem: {
        id: bill.lineItems[0]?.id,
        lineItemType: "USAGE",
        description: "Calls",
        meterId: on().meterId,
        quantity: 12,
        unit: "call",
        subtotal: 1.2,
        currency: "USD",
      },
      usage: [
        {
          periodStart: "2024-03-01T00:00:00Z",
          periodEnd: "2024-04-01T00:00:00Z",
          dimensions: {},
          quantity: 12,
          units: 12,
        },
      ],
    });
    const { version } = z
      .looseObject({ version: z.number() })
      .parse(await on().send("GET", "organizationconfig"));
    await on().send("PUT", "organizationconfig", { ...config, version });
  });

  test("is stale once the bill is calculated again, and a later job takes its place", async () => {
    const bill = await march("stale");
    const order = { billId: bill.id };
    const first = job.parse(await on().send("POST", "statementjobs", order));
    await ended(first.id);
    await on().recalculate([bill.id]);
    expect(await on().bill(bill.id)).toMatchObject({ statementStale: true });
    expect(await ended(first.id)).toMatchObject({ jsonStatementStatus: "STALE" });
    const second = job.parse(await on().send("POST", "statementjobs", order));
    expect(await ended(second.id)).toMatchObject({ jsonStatementStatus: "LATEST" });
    expect(await ended(first.id)).toMatchObject({ jsonStatementStatus: "INVALIDATED" });
    const memo = { amount: 1, description: "x" };
    await on().send("POST", `bills/${bill.id}/debitlineitems`, memo);
    expect(await ended(second.id)).toMatchObject({ jsonStatementStatus: "STALE" });
  });

  test("is linked from the bill and, line by line, from its lines", async () => {
    const bill = await march("linked");
    const json = `bills/${bill.id}/statement/json`;
    const csv = `bills/${bill.id}/statement/csv`;
    const usage = `bills/${bill.id}/lineitems/${bill.lineItems[0]?.id}/usage/json`;
    for (const path of [json, csv, usage]) {
      expect(await on().refusal("GET", path)).toBe("404 NOT_FOUND");
    }
    const { id } = job.parse(await on().send("POST", "statementjobs", { billId: bill.id }));
    await ended(id);
    const link = z.object({ downloadUrl: z.string() });
    const url = async (method: "GET" | "POST", path: string) =>
      link.parse(await on().send(method, path)).downloadUrl;
    expect(statement.parse(JSON.parse(await open(await url("GET", json)))).bill.id).toBe(bill.id);
    expect(await on().refusal("GET", csv)).toBe("404 NOT_FOUND");
    expect(await open(await url("POST", csv))).toContain(",12,12,call");
    expect(await open(await url("GET", csv))).toContain(",12,12,call");
    expect(JSON.parse(await open(await url("GET", usage)))).toMatchObject({
      lineItem: { lineItemType: "USAGE" },
      usage: [{ quantity: 12 }],
    });
  });

  test("is made by itself when a bill is approved, as the account's mode says", async () => {
    const bill = await march("auto", { autoGenerateStatementMode: "JSON_AND_CSV" });
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    const { data } = jobs.parse(await on().send("GET", `statementjobs?billId=${bill.id}`));
    expect(data).toHaveLength(1);
    await ended(data[0]?.id ?? "");
    // The lock finds a statement that is not stale, and leaves it.
    await on().send("PUT", `bills/${bill.id}/lock`);
    const after = jobs.parse(await on().send("GET", `statementjobs?billId=${bill.id}`));
    expect(after.data).toHaveLength(1);
    expect(await on().bill(bill.id)).toMatchObject({
      jsonStatementGenerated: true,
      csvStatementGenerated: true,
    });
  });

  test("of several bills is one job each, and only the chosen meters are shown", async () => {
    const bills = [await march("batch-a"), await march("batch-b")];
    const order = { billIds: bills.map(({ id }) => id), filters: { meterIds: ["another"] } };
    const begun = z.array(job).parse(await on().send("POST", "statementjobs/batch", order));
    expect(begun).toHaveLength(2);
    const done = await ended(begun[0]?.id ?? "");
    const json = statement.parse(JSON.parse(await open(done.presignedJsonStatementUrl)));
    expect(json.lineItems.map(({ lineItem }) => lineItem.lineItemType)).toEqual([
      "STANDING_CHARGE",
    ]);
  });

  test("job that has ended cannot be cancelled any more, and stays what it is", async () => {
    const bill = await march("cancelled");
    const { id } = job.parse(await on().send("POST", "statementjobs", { billId: bill.id }));
    await ended(id);
    expect(await on().send("POST", `statementjobs/${id}/cancel`)).toMatchObject({
      statementJobStatus: "COMPLETE",
    });
  });

  test.each([
    ["POST", "statementjobs", { billId: "none" }, "400 REFERENCE_NOT_FOUND"],
    ["POST", "statementjobs", {}, "400 VALIDATION_FAILED"],
    ["POST", "statementjobs/batch", { billIds: [] }, "400 VALIDATION_FAILED"],
    ["POST", "statementjobs/batch", { billIds: Array(11).fill("x") }, "400 VALIDATION_FAILED"],
    ["GET", "statementjobs?active=true&status=RUNNING", undefined, "400 VALIDATION_FAILED"],
    ["GET", "statementjobs?billId=x&status=RUNNING", undefined, "400 VALIDATION_FAILED"],
    ["GET", "statementjobs?status=DONE", undefined, "400 VALIDATION_FAILED"],
    ["GET", "statementjobs/none", undefined, "404 NOT_FOUND"],
    ["POST", "statementjobs/none/cancel", undefined, "404 NOT_FOUND"],
    ["GET", "bills/none/statement/json", undefined, "404 NOT_FOUND"],
    ["POST", "bills/none/statement/csv", undefined, "404 NOT_FOUND"],
  ] as const)("%s %s is refused", async (method, path, body, expected) => {
    expect(await on().refusal(method, path, body)).toBe(expected);
  });
});
