import { describe, expect, test } from "vitest";
import { z } from "zod";
import { amounts, type Bill, billingServer } from "./billed-account.ts";

const on = billingServer();

const only = (found: readonly Bill[]): Bill => {
  const [first, second] = found;
  if (first === undefined || second !== undefined) throw new Error(`${found.length} bills`);
  return first;
};

/** March 2024 with so many calls: 20.00 and 0.10 a call. */
const march = async (code: string, calls: number): Promise<Bill> => {
  const accountId = await on().account(code);
  await on().use(code, [["2024-03-10", calls]]);
  return only(await on().run("2024-03-31", [accountId]));
};

const memo = z.looseObject({ id: z.string(), version: z.number(), amount: z.number() });
const list = z.object({ data: z.array(memo), nextToken: z.string().optional() });

const put = async (bill: Bill, type: string, body: object) =>
  memo.parse(await on().send("POST", `bills/${bill.id}/${type}lineitems`, body));

describe("memo lines", () => {
  test("credits are subtracted and debits added, and they survive a recalculation", async () => {
    const bill = await march("memo", 30);
    expect(bill.billTotal).toBe(23);
    const reason = { name: "Goodwill", code: "goodwill" };
    const { id: creditReasonId } = await on().client.create("picklists/creditreasons", reason);
    const credit = await put(bill, "credit", {
      amount: 5,
      description: "Sorry for the outage",
      creditReasonId,
      productId: on().productId,
    });
    await put(bill, "debit", { amount: 1.5, description: "Paper invoice" });
    // 23.00 - 5.00 + 1.50 = 19.50
    const changed = await on().bill(bill.id);
    expect(amounts(changed)).toEqual([
      ["USAGE", 3],
      ["STANDING_CHARGE", 20],
      ["CREDIT_MEMO", -5],
      ["DEBIT_MEMO", 1.5],
    ]);
    expect(changed).toMatchObject({ billTotal: 19.5, version: 3, status: "PENDING" });
    expect(changed.lineItems[2]).toMatchObject({
      id: credit.id,
      description: "Sorry for the outage",
      productCode: "calls",
      reasonId: creditReasonId,
    });

    await on().use("memo", [["2024-03-20", 10]]);
    await on().recalculate([bill.id]);
    // 40 × 0.10 + 20 - 5 + 1.50 = 20.50
    const again = await on().bill(bill.id);
    expect(again.billTotal).toBe(20.5);
    expect(again.lineItems.map(({ id }) => id)).toEqual(changed.lineItems.map(({ id }) => id));
  });

  test("leave an approved bill approved", async () => {
    const bill = await march("memo-approved", 0);
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    await put(bill, "credit", { amount: 20, description: "First month free" });
    expect(await on().bill(bill.id)).toMatchObject({ status: "APPROVED", billTotal: 0 });
  });

  test("can be read, listed, changed and taken off", async () => {
    const bill = await march("memo-verbs", 0);
    const path = `bills/${bill.id}/creditlineitems`;
    const first = await put(bill, "credit", { amount: 1, description: "One" });
    const second = await put(bill, "credit", { amount: 2, description: "Two" });
    expect(await on().send("GET", `${path}/${first.id}`)).toEqual(first);
    const page = list.parse(await on().send("GET", `${path}?pageSize=1`));
    expect(page.data).toEqual([second]);
    const rest = list.parse(
      await on().send("GET", `${path}?pageSize=1&nextToken=${page.nextToken}`),
    );
    expect(rest).toEqual({ data: [first] });

    const changed = { amount: 3, amountToApplyOnBill: 2.5, description: "Three", version: 1 };
    expect(await on().send("PUT", `${path}/${first.id}`, changed)).toMatchObject({
      version: 2,
      amount: 3,
    });
    // 20 - 2.50 - 2
    expect(await on().bill(bill.id)).toMatchObject({ billTotal: 15.5 });
    expect(await on().refusal("PUT", `${path}/${first.id}`, changed)).toBe("400 VERSION_MISMATCH");
    const { version: _read, ...unversioned } = changed;
    expect(await on().refusal("PUT", `${path}/${first.id}`, unversioned)).toBe(
      "400 VERSION_MISMATCH",
    );
    await on().send("DELETE", `${path}/${first.id}`);
    expect(await on().bill(bill.id)).toMatchObject({ billTotal: 18 });
    expect(await on().refusal("GET", `${path}/${first.id}`)).toBe("404 NOT_FOUND");
    expect(await on().refusal("DELETE", `${path}/${first.id}`)).toBe("404 NOT_FOUND");
    expect(await on().refusal("GET", `bills/${bill.id}/debitlineitems/${second.id}`)).toBe(
      "404 NOT_FOUND",
    );
  });

  test("put on at the same moment are all on the bill", async () => {
    const bill = await march("memo-race", 0);
    await Promise.all(
      [1, 2, 3, 4, 5].map((amount) => put(bill, "debit", { amount, description: `${amount}` })),
    );
    // 20 + 1 + 2 + 3 + 4 + 5
    expect(await on().bill(bill.id)).toMatchObject({ billTotal: 35, version: 6 });
  });

  test("put on while the bill is calculated again are not lost", async () => {
    const bill = await march("memo-run", 0);
    const memos = [1, 2, 3, 4, 5, 6, 7, 8].map((amount) =>
      put(bill, "credit", { amount, description: `${amount}` }),
    );
    const runs = [1, 2, 3].map(() => on().recalculate([bill.id]));
    await Promise.all([...memos, ...runs]);
    // 20 - (1 + 2 + … + 8) = -16; eight memos beside 0 calls and the standing charge.
    const { billTotal, lineItems } = await on().bill(bill.id);
    expect([billTotal, lineItems.length]).toEqual([-16, 10]);
  });

  const nobody = "018f0000-0000-7000-8000-000000000000";
  test.each([
    ["nothing", {}, "400 VALIDATION_FAILED"],
    ["an amount of zero", { amount: 0, description: "x" }, "400 VALIDATION_FAILED"],
    ["no description", { amount: 1 }, "400 VALIDATION_FAILED"],
    [
      "more on the bill than there is",
      { amount: 1, amountToApplyOnBill: 2, description: "x" },
      "400 VALIDATION_FAILED",
    ],
    [
      "a period that ends before it starts",
      {
        amount: 1,
        description: "x",
        servicePeriodStartDate: "2024-03-02T00:00:00Z",
        servicePeriodEndDate: "2024-03-01T00:00:00Z",
      },
      "400 VALIDATION_FAILED",
    ],
    [
      "no such product",
      { amount: 1, description: "x", productId: nobody },
      "400 REFERENCE_NOT_FOUND",
    ],
    [
      "no such reason",
      { amount: 1, description: "x", reasonId: nobody },
      "400 REFERENCE_NOT_FOUND",
    ],
    [
      "no such bill",
      { amount: 1, description: "x", referencedBillId: nobody },
      "400 REFERENCE_NOT_FOUND",
    ],
  ])("are refused with %s", async (_case, body, expected) => {
    const [bill] = await on().bills("bills?pageSize=1");
    const path = `bills/${bill?.id}/creditlineitems`;
    expect(await on().refusal("POST", path, body)).toBe(expected);
    expect(await on().bill(bill?.id ?? "")).toEqual(bill);
  });

  test("of a bill that is not there do not exist", async () => {
    const path = `bills/${nobody}/creditlineitems`;
    expect(await on().refusal("GET", path)).toBe("404 NOT_FOUND");
    expect(await on().refusal("POST", path, { amount: 1, description: "x" })).toBe("404 NOT_FOUND");
  });
});

describe("a recalculation", () => {
  test("takes up what came late; a later bill that does not depend on it stays approved", async () => {
    const accountId = await on().account("recalculated");
    await on().use("recalculated", [
      ["2024-04-10", 10],
      ["2024-05-10", 20],
    ]);
    const april = only(await on().run("2024-04-30", [accountId]));
    const may = only(await on().run("2024-05-31", [accountId]));
    await on().send("PUT", `bills/${may.id}/status`, { status: "APPROVED" });
    await on().use("recalculated", [["2024-04-20", 5]]);
    await on().recalculate([april.id]);
    // 15 × 0.10 + 20; May, calculated again, is the bill that was approved.
    expect(await on().bill(april.id)).toMatchObject({ billTotal: 21.5, version: 2 });
    expect(await on().bill(may.id)).toMatchObject({
      billTotal: 22,
      version: 2,
      status: "APPROVED",
    });
  });

  test("keeps what the run had asked for: due date, zone and currency", async () => {
    const accountId = await on().account("as-asked");
    const extra = {
      dueDate: "2024-12-24",
      targetCurrency: "EUR",
      currencyConversions: [{ from: "USD", to: "EUR", multiplier: 0.5 }],
    };
    await on().client.create("picklists/currency", { name: "Euro", code: "EUR" });
    const bill = only(await on().run("2024-04-30", [accountId], extra));
    expect(bill).toMatchObject({ currency: "EUR", billTotal: 10, dueDate: "2024-12-24" });
    await on().recalculate([bill.id]);
    expect(await on().bill(bill.id)).toMatchObject({
      currency: "EUR",
      billTotal: 10,
      dueDate: "2024-12-24",
      version: 2,
    });
  });

  test.each([
    ["nothing", { billIds: [] }, "400 VALIDATION_FAILED"],
    ["more than 100 bills", { billIds: Array(101).fill("x") }, "400 VALIDATION_FAILED"],
    ["a bill that is not there", { billIds: ["x"] }, "400 REFERENCE_NOT_FOUND"],
  ])("of %s is refused", async (_case, body, expected) => {
    expect(await on().refusal("POST", "billjobs/recalculate", body)).toBe(expected);
  });
});

describe("a preview", () => {
  const cadence = { billingFrequency: "MONTHLY", billFrequencyInterval: 1 };

  test("is the bill that a run makes, and nothing is stored", async () => {
    const accountId = await on().account("preview");
    await on().use("preview", [["2024-06-10", 120]]);
    const request = { accountIds: [accountId], ...cadence, lastDateInBillingPeriod: "2024-06-30" };
    const preview = z
      .looseObject({ billTotal: z.number(), lineItems: z.array(z.looseObject({})) })
      .parse(await on().send("POST", "bills/preview", request));
    // 100 × 0.10 + 20 × 0.05 + 20
    expect(preview.billTotal).toBe(31);
    expect(await on().bills(`bills/accountid/${accountId}`)).toEqual([]);
    const bill = only(await on().run("2024-06-30", [accountId]));
    const content = ({ lineItems, ...given }: Record<string, unknown>) => ({
      dates: [given["billDate"], given["startDate"], given["endDate"], given["dueDate"]],
      lines: z
        .array(z.looseObject({}))
        .parse(lineItems)
        .map(({ id: _id, billId: _bill, ...line }) => line),
    });
    expect(content(preview)).toEqual(content(bill));
  });

  test.each([
    ["two accounts", { ...cadence, accountIds: ["a", "b"] }, "400 VALIDATION_FAILED"],
    ["no account", cadence, "400 VALIDATION_FAILED"],
    ["no frequency", { accountIds: ["a"], billFrequencyInterval: 1 }, "400 VALIDATION_FAILED"],
    ["no interval", { accountIds: ["a"], billingFrequency: "DAILY" }, "400 VALIDATION_FAILED"],
    ["an account that is not there", { ...cadence, accountIds: ["a"] }, "400 REFERENCE_NOT_FOUND"],
  ])("of %s is refused", async (_case, body, expected) => {
    expect(await on().refusal("POST", "bills/preview", body)).toBe(expected);
  });

  test("of a cadence that the account has no plan of is refused", async () => {
    const accountId = await on().account("preview-weekly");
    const body = { accountIds: [accountId], billingFrequency: "WEEKLY", billFrequencyInterval: 1 };
    expect(await on().refusal("POST", "bills/preview", body)).toBe("400 NOTHING_TO_BILL");
  });

  test("that lacks a conversion rate is refused, and says which", async () => {
    const accountId = await on().account("preview-yen");
    await on().client.create("picklists/currency", { name: "Yen", code: "JPY" });
    const body = { accountIds: [accountId], ...cadence, targetCurrency: "JPY" };
    expect(await on().refusal("POST", "bills/preview", body)).toBe("400 BILL_IMPOSSIBLE");
  });
});

describe("invoice numbers", () => {
  const config = z.looseObject({ version: z.number() });
  const numbers = async (fields: object): Promise<void> => {
    const { version, ...now } = config.parse(await on().send("GET", "organizationconfig"));
    await on().send("PUT", "organizationconfig", { ...now, ...fields, version });
  };
  const numberOf = (bill: Bill): unknown => bill["sequentialInvoiceNumber"];

  test("begin after the start number, follow creation, and are never given out twice", async () => {
    expect(numberOf(await march("unnumbered", 0))).toBeUndefined();
    await numbers({ billPrefix: "INVOICE-", sequenceStartNumber: 100 });
    const first = await march("numbered-1", 0);
    const second = await march("numbered-2", 0);
    expect([first, second].map(numberOf)).toEqual(["INVOICE-101", "INVOICE-102"]);
    // A recalculation is no new bill, and a deleted one's number is gone.
    await on().recalculate([first.id]);
    await on().send("DELETE", `bills/${second.id}`);
    expect(numberOf(await on().bill(first.id))).toBe("INVOICE-101");
    expect(numberOf(await march("numbered-3", 0))).toBe("INVOICE-103");
    await numbers({ billPrefix: "R", sequenceStartNumber: 50 });
    expect(numberOf(await march("numbered-4", 0))).toBe("R104");
    await numbers({ billPrefix: "R", sequenceStartNumber: 200 });
    expect(numberOf(await march("numbered-5", 0))).toBe("R201");
  });
});
