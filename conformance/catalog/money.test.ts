import { describe, expect, test } from "vitest";
import { z } from "zod";
import { useServer } from "./fixture.ts";

const { client, url, account, plan, balance } = useServer();

const refused = (path: string, body: unknown) => client().refusal("POST", path, body);

describe("a commitment", () => {
  const terms = { startDate: "2025-01-01", endDate: "2026-01-01", currency: "USD", amount: 1200 };
  const fee = {
    date: "2025-02-01",
    amount: 100,
    servicePeriodStartDate: "2025-02-01T00:00:00Z",
    servicePeriodEndDate: "2025-03-01T00:00:00Z",
  };

  test("is unspent at first", async () => {
    const { id: accountId } = await account();
    const body = { ...terms, accountId, amountSpent: 700 };
    expect(await client().create("commitments", body)).toMatchObject({ amountSpent: 0 });
  });

  test.each([
    [{ separateOverageUsage: true, overageSurchargePercent: 10 }, "overageSurchargePercent"],
    [{ amountPrePaid: 1200.01 }, "amountPrePaid must not be more than amount"],
    [{ endDate: "2024-12-31" }, "endDate must not be before startDate"],
    [{ feeDates: [{ ...fee, servicePeriodEndDate: "2025-01-31T00:00:00Z" }] }, "feeDates[0]"],
    [{ feeDates: [{ ...fee, amount: 0 }] }, "feeDates[0].amount"],
    [{ amount: 0 }, "amount"],
  ])("with %j is refused", async (fields, message) => {
    const { id: accountId } = await account();
    expect(await refused("commitments", { ...terms, accountId, ...fields })).toContain(message);
  });

  test.each([
    { separateOverageUsage: true, overageSurchargePercent: 0 },
    { overageSurchargePercent: -5 },
    { amountPrePaid: 1200 },
    { feeDates: [{ ...fee, servicePeriodEndDate: fee.servicePeriodStartDate }] },
  ])("with %j is accepted", async (fields) => {
    const { id: accountId } = await account();
    await client().create("commitments", { ...terms, accountId, ...fields });
  });

  test("is billed with a plan or on dates, not both", async () => {
    const { id: accountId } = await account();
    const body = { ...terms, accountId, billingPlanId: (await plan()).id };
    const message = await refused("commitments", { ...body, feeDates: [fee] });
    expect(message).toContain("billingPlanId cannot be combined with feeDates");
    await client().create("commitments", { ...body, feeDates: [] });
  });

  test("belongs to a contract of its own account", async () => {
    const { id: accountId } = await account();
    const { id: contractId } = await client().create("contracts", {
      name: "Contract",
      accountId: (await account()).id,
      startDate: "2025-01-01",
      endDate: "2026-01-01",
    });
    const message = await refused("commitments", { ...terms, accountId, contractId });
    expect(message).toContain("contractId is a contract of another account");
  });
});

describe("a charge", () => {
  const charge = {
    name: "Onboarding",
    currency: "USD",
    entityType: "AD_HOC",
    lineItemType: "AD_HOC",
    servicePeriodStartDate: "2025-01-01T00:00:00Z",
    servicePeriodEndDate: "2025-02-01T00:00:00Z",
  };

  test.each([
    [{}, "amount is required"],
    [{ units: 2 }, "units and unitPrice go together"],
    [{ amount: 1, unitPrice: 2 }, "amount cannot be combined"],
    [{ amount: 1, entityType: "BALANCE" }, "entityId is required when entityType is BALANCE"],
    [{ amount: 1, servicePeriodEndDate: "2024-12-31T00:00:00Z" }, "servicePeriodEndDate"],
  ])("with %j is refused", async (fields, message) => {
    const { id: accountId } = await account();
    const body = { ...charge, code: "refused", accountId, ...fields };
    expect(await refused("charges", body)).toContain(message);
  });

  test("is an amount, which may be a credit, or units at a price", async () => {
    const { id: accountId } = await account();
    await client().create("charges", { ...charge, code: "credit", accountId, amount: -500 });
    const units = { units: 3, unitPrice: 0.5 };
    await client().create("charges", { ...charge, code: "units", accountId, ...units });
  });

  test("of a balance is charged to the balance's account", async () => {
    const { id: entityId, accountId } = await balance();
    const body = { ...charge, amount: 1, entityType: "BALANCE", entityId };
    const wrong = { ...body, code: "wrong", accountId: (await account()).id };
    expect(await refused("charges", wrong)).toContain("entityId is a balance of another account");
    await client().create("charges", { ...body, code: "right", accountId });
  });
});

describe("a balance", () => {
  test.each([
    [{ rolloverAmount: 10 }, "rolloverEndDate is required together with rolloverAmount"],
    [{ rolloverEndDate: "2025-12-31T00:00:00Z" }, "rolloverEndDate must not be before endDate"],
    [{ endDate: "2024-12-31T00:00:00Z" }, "endDate must not be before startDate"],
  ])("with %j is refused", async (fields, message) => {
    const { version: _version, id: _id, ...body } = await balance();
    const code = `other-${String(body["code"])}`;
    expect(await refused("balances", { ...body, code, ...fields })).toContain(message);
  });

  test("is worth what was added to it until now", async () => {
    const { id } = await balance();
    const path = `balances/${id}/transactions`;
    const add = (fields: object) => client().create(path, fields);
    // 100 - 30.25 + 0.5 = 70.25; the 50 comes in 2099
    await add({ amount: 100, description: "First" });
    await add({ amount: -30.25 });
    await add({ amount: 0.5 });
    await add({ amount: 50, appliedDate: "2099-01-01T00:00:00Z" });
    expect(await client().get(`balances/${id}`)).toMatchObject({ amount: 70.25 });
    const { body } = await client().call("GET", `${path}/summary`);
    expect(body).toMatchObject({
      totalCreditAmount: 100.5,
      totalDebitAmount: 30.25,
      initialCreditAmount: 100,
    });
    const { data } = await client().list(`${path}?entityType=SERVICE_USER`);
    expect(data.map(({ amount }) => amount)).toEqual([50, 0.5, -30.25, 100]);
  });

  test("is worth each digit of them, also where a double keeps fewer", async () => {
    const { id } = await balance();
    const path = `balances/${id}/transactions`;
    for (const amount of [500_000_000_000, 0.00001, 0.00002]) {
      await client().create(path, { amount, appliedDate: "2025-01-01T00:00:00Z" });
    }
    const { id: orgId } = await client().get("organizationconfig");
    const written = async (route: string): Promise<string> => {
      const headers = { authorization: `Bearer ${client().bearer}` };
      const reply = await fetch(`${url()}/organizations/${orgId}/${route}`, { headers });
      return reply.text();
    };
    expect(await written(`balances/${id}`)).toContain('"amount":500000000000.00003,');
    const summary = await written(`${path}/summary`);
    expect(summary).toContain('"totalCreditAmount":500000000000.00003,');
  });

  test("keeps its currency once there are amounts in it", async () => {
    const made = await balance();
    const path = `balances/${made.id}`;
    const other = await client().put(path, { ...made, currency: "EUR" });
    await client().create(`${path}/transactions`, { amount: 100 });
    const change = { ...other, currency: "USD" };
    expect(await client().refusal("PUT", path, change)).toContain("currency cannot be changed");
    await client().put(path, { ...other, name: "renamed" });
  });

  test("what is left at the end expires, but for the rollover", async () => {
    const { id } = await balance({
      rolloverAmount: 800,
      rolloverEndDate: "2099-01-01T00:00:00Z",
    });
    const path = `balances/${id}/transactions`;
    await client().create(path, { amount: 1000, appliedDate: "2025-01-01T00:00:00Z" });
    // 1000 left at the end of 2025, 800 may be used later: 200 have expired
    const { body } = await client().call("GET", `${path}/summary`);
    expect(body).toMatchObject({ expiredBalanceAmount: 200 });
  });

  test("goes with its transactions and schedules, and says what it was worth", async () => {
    const { id } = await balance();
    await client().create(`balances/${id}/transactions`, { amount: 1 });
    expect(await client().remove(`balances/${id}`)).toMatchObject({ amount: 1 });
    expect((await client().call("GET", `balances/${id}/transactions`)).status).toBe(404);
  });

  test("that is not there has no transactions to list or to add", async () => {
    const path = "balances/00000000-0000-0000-0000-000000000000/transactions";
    expect((await client().call("GET", path)).status).toBe(404);
    expect((await client().call("POST", path, { amount: 1 })).status).toBe(404);
  });
});

describe("a schedule", () => {
  const typed = async () => {
    const body = { name: "Top-up", code: `t${crypto.randomUUID().replaceAll("-", "")}` };
    return (await client().create("picklists/transactiontypes", body)).id;
  };
  const monthly = {
    name: "Monthly",
    amount: 100,
    transactionDescription: "Monthly top-up",
    startDate: "2025-01-01T00:00:00Z",
    endDate: "2025-04-01T00:00:00Z",
    frequency: "MONTHLY",
    frequencyInterval: 1,
  };

  test("of transactions makes one at the start of each period before the end", async () => {
    const { id } = await balance();
    const path = `balances/${id}/balancetransactionschedules`;
    const body = { ...monthly, code: "monthly", transactionTypeId: await typed() };
    const { body: preview } = await client().call("POST", `${path}/preview?pageSize=2`, body);
    // Jan 1, Feb 1, Mar 1; not Apr 1, which is the end
    expect(preview).toMatchObject({
      data: [
        { amount: 100, appliedDate: "2025-01-01T00:00:00.000Z" },
        { amount: 100, appliedDate: "2025-02-01T00:00:00.000Z" },
      ],
      nextToken: expect.any(String),
    });
    const { nextToken } = z.object({ nextToken: z.string() }).parse(preview);
    const rest = await client().call("POST", `${path}/preview?nextToken=${nextToken}`, body);
    expect(rest.body).toMatchObject({ data: [{ appliedDate: "2025-03-01T00:00:00.000Z" }] });
    expect(rest.body).not.toHaveProperty("nextToken");
    expect(await client().call("POST", `${path}/preview?nextToken=x`, body)).toMatchObject({
      status: 400,
      body: { errorCode: "INVALID_NEXT_TOKEN" },
    });
    expect((await client().list(path)).data).toEqual([]);
    const schedule = await client().create(path, body);
    expect(schedule).toMatchObject({ balanceId: id, previousRun: "2025-03-01T00:00:00.000Z" });
    expect(schedule["nextRun"]).toBeUndefined();
  });

  test("of charges makes one for each slice, billed at its start or its end", async () => {
    const { id, accountId } = await balance();
    const path = `balances/${id}/balancechargeschedules/preview`;
    const body = {
      name: "Fee",
      code: "fee",
      amount: 50,
      currency: "USD",
      servicePeriodStartDate: "2025-01-01T00:00:00Z",
      servicePeriodEndDate: "2025-03-01T00:00:00Z",
      billFrequency: "MONTHLY",
      billFrequencyInterval: 1,
      billInAdvance: false,
      chargeDescription: "Monthly fee",
    };
    const dates = async (fields: object) => {
      const answer = await client().call("POST", path, { ...body, ...fields });
      expect(answer.body).toMatchObject({ data: [{ accountId, amount: 50 }, { entityId: id }] });
      return JSON.stringify(answer.body).match(/"billDate":"[^"]*"/g);
    };
    expect(await dates({})).toEqual(['"billDate":"2025-02-01"', '"billDate":"2025-03-01"']);
    const inAdvance = await dates({ billInAdvance: true });
    expect(inAdvance).toEqual(['"billDate":"2025-01-01"', '"billDate":"2025-02-01"']);
  });

  test("that would never end is refused", async () => {
    const { id } = await balance();
    const path = `balances/${id}/balancetransactionschedules`;
    const days = { frequency: "DAILY", endDate: "9999-01-01T00:00:00Z" };
    const body = { ...monthly, ...days, code: "forever", transactionTypeId: await typed() };
    expect(await refused(path, body)).toContain("endDate makes more than 10000 entries");
  });

  test("of another balance is not there", async () => {
    const [own, other] = [await balance(), await balance()];
    const body = { ...monthly, code: "own", transactionTypeId: await typed() };
    const path = `balances/${own.id}/balancetransactionschedules`;
    const schedule = await client().create(path, body);
    const elsewhere = `balances/${other.id}/balancetransactionschedules/${schedule.id}`;
    for (const method of ["GET", "DELETE"] as const) {
      expect((await client().call(method, elsewhere)).status).toBe(404);
    }
    const update = { ...schedule, name: "Stolen" };
    expect((await client().call("PUT", elsewhere, update)).status).toBe(404);
  });
});
