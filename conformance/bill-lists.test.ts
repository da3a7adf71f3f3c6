import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Bill, billingServer } from "./billed-account.ts";

const on = billingServer();
const made: Bill[] = [];

/** Three customers, each with a bill of January and one of February 2024. */
beforeAll(async () => {
  for (const [code, calls] of [
    ["ant", 10],
    ["bee", 20],
    ["cat", 30],
  ] as const) {
    await on().account(code, { purchaseOrderNumber: `PO "${code}", 1` });
    await on().use(code, [["2024-01-10", calls]]);
  }
  made.push(...(await on().run("2024-01-31")), ...(await on().run("2024-02-29")));
});

const named = (bill: Bill): string => `${String(bill["accountCode"])} ${bill.billDate}`;
const search = async (query: string): Promise<string[]> =>
  (await on().bills(`bills/search?${query}`)).map(named).sort();
const q = encodeURIComponent;

describe("a search of bills", () => {
  test("takes clauses joined by $", async () => {
    expect(await search(`searchQuery=${q("billDate:2024-02-01")}`)).toEqual([
      "ant 2024-02-01",
      "bee 2024-02-01",
      "cat 2024-02-01",
    ]);
    const ant = made.find((bill) => named(bill) === "ant 2024-03-01");
    const clauses = `accountId:${ant?.accountId}$startDate>=2024-02-01`;
    expect(await search(`searchQuery=${q(clauses)}`)).toEqual(["ant 2024-03-01"]);
    expect(await search(`searchQuery=${q(`id~${ant?.id.slice(0, 23)}`)}`)).toContain(
      "ant 2024-03-01",
    );
    expect(await search(`searchQuery=${q("locked:true")}`)).toEqual([]);
    expect(await search(`searchQuery=${q("locked:false$billingFrequency:MONTHLY")}`)).toHaveLength(
      6,
    );
    const either = `${q(`id:${ant?.id}$billDate<2024-02-02`)}&operator=OR`;
    expect(await search(`searchQuery=${either}`)).toHaveLength(4);
  });

  test("sorts and pages", async () => {
    const path = "bills/search?sortBy=billDate&sortOrder=DESC&pageSize=4";
    const page = z
      .object({
        data: z.array(z.object({ billDate: z.string() })),
        nextToken: z.string().optional(),
      })
      .parse(await on().send("GET", path));
    expect(page.data.map(({ billDate }) => billDate)).toEqual([
      "2024-03-01",
      "2024-03-01",
      "2024-03-01",
      "2024-02-01",
    ]);
    expect(await on().bills(`${path}&fromDocument=${page.nextToken}`)).toHaveLength(2);
  });

  test.each([
    `searchQuery=${q("colour:red")}`,
    `searchQuery=${q("billDate:soon")}`,
    `searchQuery=${q("locked:perhaps")}`,
    `searchQuery=${q("dtCreated>yesterday")}`,
    `searchQuery=${q("nonsense")}`,
    "sortBy=colour",
    "operator=XOR",
  ])("is refused with %s", async (query) => {
    expect(await on().refusal("GET", `bills/search?${query}`)).toBe("400 VALIDATION_FAILED");
  });
});

const lines = z.object({
  data: z.array(z.looseObject({ id: z.string(), billId: z.string(), lineItemType: z.string() })),
  nextToken: z.string().optional(),
});

describe("line items", () => {
  test("of every bill are listed by type and bill, page by page", async () => {
    const all = lines.parse(await on().send("GET", "lineitems"));
    // January: usage and standing charge, February: standing charge; three customers.
    expect(all.data).toHaveLength(9);
    const usage = lines.parse(await on().send("GET", "lineitems?lineItemType=USAGE"));
    expect(usage.data).toHaveLength(3);
    const billId = usage.data[0]?.billId;
    const ofBill = lines.parse(await on().send("GET", `lineitems?billId=${billId}`));
    expect(ofBill.data.map(({ lineItemType }) => lineItemType).sort()).toEqual([
      "STANDING_CHARGE",
      "USAGE",
    ]);
    const none = lines.parse(await on().send("GET", "lineitems?commitmentId=none"));
    expect(none).toEqual({ data: [] });
    const seen: string[] = [];
    let token: string | undefined = "";
    while (token !== undefined) {
      const path: string = `lineitems?pageSize=4${token === "" ? "" : `&nextToken=${token}`}`;
      const page: z.output<typeof lines> = lines.parse(await on().send("GET", path));
      seen.push(...page.data.map(({ id }) => id));
      token = page.nextToken;
    }
    expect(seen).toEqual(all.data.map(({ id }) => id));
  });

  test("say what each band of the price took, on the bill and line by line (18.5)", async () => {
    const accountId = await on().account("bands");
    await on().use("bands", [["2024-01-10", 125]]);
    const [bill] = await on().run("2024-01-31", [accountId]);
    const bands = [
      { lowerLimit: 0, bandUnits: 100, bandQuantity: 100, bandSubtotal: 10 },
      { lowerLimit: 100, bandUnits: 25, bandQuantity: 25, bandSubtotal: 1.25 },
    ];
    // 11.25 for 125: 0.09 each.
    const expected = { lineItemType: "USAGE", units: 125, averageUnitPrice: 0.09 };
    expect(bill?.lineItems[0]).toMatchObject({ ...expected, usagePerPricingBand: bands });
    const path = `bills/${bill?.id}/lineitems/${bill?.lineItems[0]?.id}`;
    expect(await on().send("GET", path)).toMatchObject({ ...expected, bandUsage: bands });
    await on().send("DELETE", `bills/${bill?.id}`);
  });

  test("of one bill come in print order, with what is asked for in addition", async () => {
    const bill = made.find((one) => named(one) === "ant 2024-02-01");
    const path = `bills/${bill?.id}/lineitems`;
    const first = lines.parse(await on().send("GET", `${path}?pageSize=1&additional=key,colour`));
    expect(first.data[0]).toMatchObject({
      lineItemType: "USAGE",
      additional: { key: expect.stringContaining("USAGE/") },
    });
    const second = lines.parse(await on().send("GET", `${path}?nextToken=${first.nextToken}`));
    expect(second.data.map(({ lineItemType }) => lineItemType)).toEqual(["STANDING_CHARGE"]);
    expect(second.nextToken).toBeUndefined();
    const one = await on().send("GET", `${path}/${first.data[0]?.id}`);
    expect(one).not.toHaveProperty("additional");
  });

  test.each([
    ["lineitems?lineItemType=GIFT", "400 VALIDATION_FAILED"],
    ["lineitems?nextToken=x", "400 INVALID_NEXT_TOKEN"],
    ["bills/none/lineitems", "404 NOT_FOUND"],
  ])("%s is refused", async (path, expected) => {
    expect(await on().refusal("GET", path)).toBe(expected);
  });
});

const link = z.object({ downloadUrl: z.string() });

describe("the CSV of bills", () => {
  const download = async (body: object): Promise<Response> =>
    fetch(link.parse(await on().send("POST", "bills/download/csv/url", body)).downloadUrl);
  const january = { startDate: "2024-01-01", endDate: "2024-02-01" };

  test("has a row for each line, and is opened by its link alone", async () => {
    const response = await download(january);
    expect(response.headers.get("content-type")).toBe("text/csv; charset=utf-8");
    const [header, ...rows] = (await response.text()).trimEnd().split("\r\n");
    expect(header).toContain("billId,sequentialInvoiceNumber,accountId,accountCode");
    expect(rows).toHaveLength(6);
    const ant = rows.filter((row) => row.includes(",ant,"));
    expect(ant.map((row) => row.includes('"PO ""ant"", 1"'))).toEqual([true, true]);
    // 10 × 0.10 + 20 = 21
    expect(ant.every((row) => row.includes(",USD,21,"))).toBe(true);
  });

  test("has Xero's columns for Xero", async () => {
    const text = await (await download({ ...january, externalSystem: "XERO" })).text();
    expect(text.split("\r\n")[0]).toMatch(/^\*ContactName,EmailAddress,\*InvoiceNumber,/);
  });

  test("is not given to a link that was changed, or that is too old", async () => {
    const reply = await on().send("POST", "bills/download/csv/url", january);
    const { downloadUrl } = link.parse(reply);
    const changed = new URL(downloadUrl);
    changed.searchParams.set("startDate", "2023-12-01");
    const late = new URL(downloadUrl);
    late.searchParams.set("expires", "9999999999");
    const elsewhere = new URL(downloadUrl);
    elsewhere.pathname = elsewhere.pathname.replace(/[0-9a-f]{12}\/bills/, "000000000000/bills");
    for (const url of [changed, late, elsewhere]) {
      const response = await fetch(url);
      expect(response.status).toBe(403);
      expect(await response.json()).toMatchObject({ errorCode: "INVALID_LINK" });
    }
    const bare = await fetch(downloadUrl.split("?")[0] ?? "");
    expect(bare.status).toBe(400);
  });

  test.each([
    ["no dates", {}, "400 VALIDATION_FAILED"],
    ["a start alone", { startDate: "2024-01-01" }, "400 VALIDATION_FAILED"],
    ["32 days", { startDate: "2024-01-01", endDate: "2024-02-02" }, "400 DOWNLOAD_TOO_LARGE"],
    [
      "32 days of invoices",
      { externalInvoiceDateStart: "2024-01-01", externalInvoiceDateEnd: "2024-02-02" },
      "400 DOWNLOAD_TOO_LARGE",
    ],
    [
      "an end before the start",
      { startDate: "2024-02-01", endDate: "2024-01-01" },
      "400 VALIDATION_FAILED",
    ],
    [
      "invoices until before they begin",
      { externalInvoiceDateStart: "2024-02-01", externalInvoiceDateEnd: "2024-01-31" },
      "400 VALIDATION_FAILED",
    ],
    ["another system", { ...january, externalSystem: "SAGE" }, "400 VALIDATION_FAILED"],
  ])("is refused for %s", async (_case, body, expected) => {
    expect(await on().refusal("POST", "bills/download/csv/url", body)).toBe(expected);
  });
});

describe("the bill explorer", () => {
  const january = { startDate: "2024-01-01T00:00:00Z", endDate: "2024-02-01T00:00:00Z" };
  const ask = async (body: object) =>
    z
      .object({
        values: z.array(
          z.looseObject({
            dimensions: z.looseObject({ account: z.string() }),
            measures: z.looseObject({ subtotal: z.number() }),
          }),
        ),
      })
      .parse(await on().send("POST", "dataexplorer/bills", body))
      .values.map(({ dimensions, measures }) => [dimensions.account, measures.subtotal] as const)
      .toSorted(([a], [b]) => (a < b ? -1 : 1));

  test("shows the lines of a type whose service begins in the period", async () => {
    expect(await ask({ ...january, lineItemTypes: ["USAGE"] })).toEqual([
      ["ant", 1],
      ["bee", 2],
      ["cat", 3],
    ]);
  });

  test("filters by dimensions; * lets everything through", async () => {
    const dimensions = [
      { name: "account", filter: ["ant", "cat"] },
      { name: "product name", filter: ["Calls"] },
      { name: "accountName", filter: ["*"] },
    ];
    expect(await ask({ ...january, lineItemTypes: ["USAGE"], dimensions })).toEqual([
      ["ant", 1],
      ["cat", 3],
    ]);
    const nothing = [{ name: "colour", filter: ["red"] }];
    expect(await ask({ ...january, lineItemTypes: ["USAGE"], dimensions: nothing })).toEqual([]);
    expect(await ask({ ...january, lineItemTypes: ["STANDING_CHARGE"], limit: 2 })).toHaveLength(2);
  });

  test.each([
    ["no types", { ...january, lineItemTypes: [] }],
    ["no period", { lineItemTypes: ["USAGE"] }],
    [
      "an end before the start",
      { startDate: january.endDate, endDate: january.startDate, lineItemTypes: ["USAGE"] },
    ],
    ["too many points", { ...january, lineItemTypes: ["USAGE"], limit: 2001 }],
  ])("is refused with %s", async (_case, body) => {
    expect(await on().refusal("POST", "dataexplorer/bills", body)).toBe("400 VALIDATION_FAILED");
  });
});
