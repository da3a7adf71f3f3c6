import { describe, expect, test } from "vitest";
import { z } from "zod";
import { amounts, type Bill, billingServer } from "./billed-account.ts";

const on = billingServer();

const only = (found: readonly Bill[]): Bill => {
  const [first, second] = found;
  if (first === undefined || second !== undefined) throw new Error(`${found.length} bills`);
  return first;
};

/** A customer with usage and its bill of the month. */
const billed = async (code: string, [month, calls]: readonly [string, number]): Promise<Bill> => {
  const accountId = await on().account(code);
  await on().use(code, [[`${month}-10`, calls]]);
  const { daysInMonth } = Temporal.PlainYearMonth.from(month);
  return only(await on().run(`${month}-${daysInMonth}`, [accountId]));
};

const message = z.object({ message: z.string() });

describe("a bill's status", () => {
  test("is PENDING, then APPROVED by whom and when, and PENDING again", async () => {
    // February 2024: 150 calls = 100 × 0.10 + 50 × 0.05 = 12.50; with the standing charge 32.50
    const bill = await billed("status", ["2024-02", 150]);
    expect(amounts(bill)).toEqual([
      ["USAGE", 12.5],
      ["STANDING_CHARGE", 20],
    ]);
    expect(bill).toMatchObject({ status: "PENDING", billTotal: 32.5, version: 1, locked: false });
    const approved = await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    expect(approved).toMatchObject({
      status: "APPROVED",
      version: 2,
      approvedBy: expect.any(String),
      dtApproved: expect.any(String),
    });
    const again = await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    expect(again).toMatchObject({ status: "APPROVED", version: 2 });
    const back = await on().send("PUT", `bills/${bill.id}/status`, { status: "PENDING" });
    expect(back).toMatchObject({ status: "PENDING", version: 3 });
    expect(back).not.toHaveProperty("dtApproved");
  });

  test.each([
    ["a status that does not exist", { status: "PAID" }, "400 VALIDATION_FAILED"],
    ["no status", {}, "400 VALIDATION_FAILED"],
  ])("refuses %s", async (_case, body, expected) => {
    const bill = only(await on().bills("bills?pageSize=1"));
    expect(await on().refusal("PUT", `bills/${bill.id}/status`, body)).toBe(expected);
  });

  test("of a bill that is not there is 404", async () => {
    const body = { status: "APPROVED" };
    expect(await on().refusal("PUT", "bills/nothing/status", body)).toBe("404 NOT_FOUND");
  });

  test("goes back to PENDING when a run calculates an approved bill again", async () => {
    const bill = await billed("rerun", ["2024-02", 10]);
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    await on().use("rerun", [["2024-02-11", 5]]);
    const again = only(await on().run("2024-02-29", [bill.accountId]));
    // 15 × 0.10 + 20
    expect(again).toMatchObject({ id: bill.id, status: "PENDING", version: 3, billTotal: 21.5 });
    expect(again).not.toHaveProperty("approvedBy");
  });
});

describe("many bills", () => {
  const approvable = async (prefix: string): Promise<Bill[]> => [
    await billed(`${prefix}-a`, ["2024-03", 1]),
    await billed(`${prefix}-b`, ["2024-03", 2]),
  ];

  test("are approved by name, once; the query is ignored then", async () => {
    const [a, b] = await approvable("named");
    const billIds = [a?.id, b?.id];
    const path = `bills/approve?accountIds=nobody`;
    const first = message.parse(await on().send("POST", path, { billIds }));
    expect(first.message).toBe("2 bills approved");
    const second = message.parse(await on().send("POST", path, { billIds }));
    expect(second.message).toBe("0 bills approved, 2 were approved before");
  });

  test("are approved all or none: an unknown one refuses them all", async () => {
    const [a] = await approvable("all-or-none");
    const billIds = [a?.id, "018f0000-0000-7000-8000-000000000000"];
    expect(await on().refusal("POST", "bills/approve", { billIds })).toBe(
      "400 REFERENCE_NOT_FOUND",
    );
    expect(await on().bill(a?.id ?? "")).toMatchObject({ status: "PENDING" });
  });

  test("are approved by account and invoice date", async () => {
    const [a, b] = await approvable("filtered");
    const dates = "externalInvoiceDateStart=2024-03-01&externalInvoiceDateEnd=2024-03-30";
    const path = `bills/approve?accountIds=${a?.accountId},${b?.accountId}`;
    expect(message.parse(await on().send("POST", `${path}&${dates}`, {})).message).toBe(
      "0 bills approved",
    );
    expect(message.parse(await on().send("POST", path, {})).message).toBe("2 bills approved");
  });

  test("are not approved without saying which", async () => {
    expect(await on().refusal("POST", "bills/approve", {})).toBe("400 VALIDATION_FAILED");
    expect(await on().refusal("POST", "bills/approve", { billIds: [] })).toBe(
      "400 VALIDATION_FAILED",
    );
  });

  test("are listed and approved by the period that they close", async () => {
    const bill = await billed("period", ["2024-04", 3]);
    const path = "bills/billingperiod/2024-04-30/monthly";
    expect((await on().bills(path)).map(({ id }) => id)).toEqual([bill.id]);
    expect(await on().bills("bills/billingperiod/2024-04-30/DAILY")).toEqual([]);
    expect(message.parse(await on().send("POST", `${path}/approve`)).message).toBe(
      "1 bill approved",
    );
    expect(await on().bill(bill.id)).toMatchObject({ status: "APPROVED" });
  });

  test.each([
    ["bills/billingperiod/2024-04-31/MONTHLY", "400 VALIDATION_FAILED"],
    ["bills/billingperiod/april/MONTHLY", "400 VALIDATION_FAILED"],
    ["bills/billingperiod/2024-04-30/HOURLY", "400 VALIDATION_FAILED"],
  ])("of %s do not exist", async (path, expected) => {
    expect(await on().refusal("GET", path)).toBe(expected);
    expect(await on().refusal("POST", `${path}/approve`)).toBe(expected);
  });

  test("approved twice at the same moment are approved once", async () => {
    const bill = await billed("race", ["2024-03", 1]);
    const approve = () => on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    await Promise.all([approve(), approve(), approve(), approve()]);
    expect(await on().bill(bill.id)).toMatchObject({ status: "APPROVED", version: 2 });
  });
});

describe("a locked bill", () => {
  test("cannot be locked before it is approved", async () => {
    const bill = await billed("early-lock", ["2024-05", 1]);
    expect(await on().refusal("PUT", `bills/${bill.id}/lock`)).toBe("400 BILL_NOT_APPROVED");
  });

  test("never changes again", async () => {
    const bill = await billed("locked", ["2024-05", 1]);
    const { id, accountId } = bill;
    await on().send("PUT", `bills/${id}/status`, { status: "APPROVED" });
    const locked = await on().send("PUT", `bills/${id}/lock`);
    expect(locked).toMatchObject({ locked: true, lockedBy: expect.any(String) });
    expect(await on().send("PUT", `bills/${id}/lock`)).toEqual(locked);

    const refusals = [
      await on().refusal("PUT", `bills/${id}/status`, { status: "PENDING" }),
      await on().refusal("DELETE", `bills/${id}`),
      await on().refusal("POST", `bills/${id}/creditlineitems`, { amount: 1, description: "x" }),
      await on().refusal("POST", "billjobs/recalculate", { billIds: [id] }),
    ];
    expect(new Set(refusals)).toEqual(new Set(["400 BILL_LOCKED"]));

    await on().use("locked", [["2024-05-20", 50]]);
    expect(await on().run("2024-05-31", [accountId])).toEqual([]);
    expect(await on().bill(id)).toEqual(locked);
  });

  test("is locked once by two who lock it at the same moment", async () => {
    const bill = await billed("lock-race", ["2024-05", 1]);
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    const lock = () => on().send("PUT", `bills/${bill.id}/lock`);
    await Promise.all([lock(), lock(), lock()]);
    expect(await on().bill(bill.id)).toMatchObject({ locked: true, version: 3 });
  });
});

describe("a deleted bill", () => {
  test("is gone with its lines, and the next run makes another", async () => {
    const bill = await billed("deleted", ["2024-05", 4]);
    expect(await on().send("DELETE", `bills/${bill.id}`)).toMatchObject({ id: bill.id });
    expect(await on().refusal("GET", `bills/${bill.id}`)).toBe("404 NOT_FOUND");
    expect(await on().refusal("DELETE", `bills/${bill.id}`)).toBe("404 NOT_FOUND");
    const next = only(await on().run("2024-05-31", [bill.accountId]));
    expect(next.id).not.toBe(bill.id);
    expect(amounts(next)).toEqual(amounts(bill));
  });
});

describe("the organization's lock date", () => {
  const config = z.looseObject({ version: z.number() });
  const moveTo = async (billLockDate: string | undefined): Promise<unknown> => {
    const { version } = config.parse(await on().send("GET", "billconfig"));
    const answer = await on().client.call("PUT", "billconfig", { version, billLockDate });
    return answer.status === 200 ? "moved" : answer.body;
  };

  test("is refused while a bill that it covers is pending, locks, and unlocks again", async () => {
    const bill = await billed("january", ["2024-01", 2]);
    expect(await moveTo("2024-02-01")).toMatchObject({ errorCode: "BILLS_PENDING" });
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    // Its service period ends on 2024-02-01: a date before that does not reach it.
    expect(await moveTo("2024-01-31")).toBe("moved");
    expect(await on().bill(bill.id)).toMatchObject({ locked: false });
    expect(await moveTo("2024-02-01")).toBe("moved");
    expect(await on().bill(bill.id)).toMatchObject({ locked: true });
    expect(await on().refusal("DELETE", `bills/${bill.id}`)).toBe("400 BILL_LOCKED");

    const other = await on().account("january-too");
    expect(await on().run("2024-01-31", [other])).toEqual([]);

    expect(await moveTo("2024-01-15")).toBe("moved");
    expect(await on().bill(bill.id)).toMatchObject({ locked: false, status: "APPROVED" });
    expect(await moveTo("2024-02-01")).toBe("moved");
    await on().send("PUT", `bills/${bill.id}/lock`);
    expect(await moveTo(undefined)).toBe("moved");
    expect(await on().bill(bill.id)).toMatchObject({ locked: true });
  });
});

describe("the audit log", () => {
  test("tells who created, approved and deleted a bill", async () => {
    const bill = await billed("audited", ["2024-05", 1]);
    await on().send("PUT", `bills/${bill.id}/status`, { status: "APPROVED" });
    await on().send("DELETE", `bills/${bill.id}`);
    const log = z
      .object({ data: z.array(z.looseObject({ action: z.string() })) })
      .parse(await on().send("GET", `auditlog?entityId=${bill.id}`));
    expect(log.data.map(({ action }) => action)).toEqual(["deleted", "updated", "created"]);
  });
});
