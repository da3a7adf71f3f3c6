import { describe, expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/**
 * Usage that a contract keeps off the bill of its plan costs nothing: each test compares what calls took with what the
 * bill of May 2024 charges, whose close then has nothing to put right.
 */

const { world, wallets } = walletWorld();

const include = { dimensionCode: "region", value: "EU", mode: "INCLUDE" };
const exclude = { ...include, mode: "EXCLUDE" };

const may = { startDate: "2024-05-01T00:00:00Z", endDate: "2024-06-01T00:00:00Z" };

interface Call {
  readonly day: number;
  readonly amount: number;
  readonly region?: string;
}

/** A meter that plans of any product may price, and an account with a wallet of 100 dollars. */
const open = async (derivedFields: readonly object[] = []) => {
  const meter = await world().meter();
  const record = await world().get(`meters/${meter.id}`);
  if (derivedFields.length > 0)
    await wallets().client.put(`meters/${meter.id}`, { ...record, derivedFields });
  const aggregationId = await world().aggregation(meter.id);
  const code = world().fresh("wallet");
  const id = await wallets().account(code);
  await wallets().grant(code, "100");
  const body = ({ day, amount, region = "EU" }: Call) => ({
    uid: world().fresh("call"),
    account: code,
    meter: meter.code,
    ts: `2024-05-${String(day).padStart(2, "0")}T12:00:00Z`,
    measure: { amount },
    what: { region, tier: "Standard" },
  });
  return {
    id,
    code,
    meter,
    body,
    plan: async (bands: Parameters<ReturnType<typeof world>["price"]>[1]) => {
      const plan = await world().plan(await world().product());
      await world().price({ planId: plan.id, aggregationId }, bands);
      return plan.id;
    },
    agree: async (planId: string, terms: object) => {
      const period = { startDate: "2024-01-01", endDate: "2025-01-01" };
      const contract = { accountId: id, name: "Agreed", ...period, ...terms };
      const contractId = await world().create("contracts", contract);
      await world().attach(id, planId, { contractId });
    },
    use: async (call: Call): Promise<unknown> => (await wallets().authorize(body(call)))["amount"],
    balance: async (): Promise<string> => (await wallets().wallet(code)).balance,
    lines: () => world().lines(id, "2024-06-01"),
  };
};

const falling = [
  [0, 2],
  [5, 1],
] as const;

describe("usage filters", () => {
  test.each([
    { usageFilters: [include], costs: ["8", "0", "3"] },
    { usageFilters: [exclude], costs: ["0", "10", "0"] },
  ])("what does not pass is free and moves nothing: $usageFilters.0.mode", async (terms) => {
    const { plan, agree, use, balance, lines } = await open();
    await agree(await plan(falling), { usageFilters: terms.usageFilters });
    const costs = [
      await use({ day: 10, amount: 4 }),
      await use({ day: 11, amount: 5, region: "US" }),
      await use({ day: 12, amount: 2 }),
    ];
    expect(costs).toEqual(terms.costs);
    const cost = costs.map(Number).reduce((one, other) => one + other);
    expect(await balance()).toBe(String(100 - cost));
    expect(await lines()).toEqual([`USAGE ${cost}`, `BALANCE_CONSUMED -${cost}`, "TOTAL 0"]);
    expect(await balance()).toBe(String(100 - cost));
  });

  test("what nobody authorized is charged alike, and a position begins at what passes", async () => {
    const { id, code, meter, plan, agree, use, balance } = await open();
    const row = (amount: number, region: string) => ["2024-05-05", amount, region] as const;
    await world().use(meter.code, code, [row(4, "EU"), row(7, "US")]);
    await expect
      .poll(() => wallets().post("usage/query", { ...may, accountIds: [id] }))
      .toMatchObject({ data: [{}, {}] });
    await agree(await plan(falling), { usageFilters: [include] });
    expect(await use({ day: 10, amount: 2 })).toBe("3");
    await world().use(meter.code, code, [row(3, "EU"), row(7, "US")]);
    expect(await balance()).toBe("94");
  });

  test("a hold of what does not pass settles for nothing, and counts in budgets by unit", async () => {
    const { code, plan, agree, body, balance, lines } = await open();
    await agree(await plan(falling), { usageFilters: [include] });
    await wallets().client.create("budgets", {
      code: world().fresh("budget"),
      scope: { account: code },
      unit: "unit",
      limit: "6",
      window: "lifetime",
    });
    const call = body({ day: 10, amount: 4, region: "US" });
    const { uid } = await wallets().authorize({ ...call, mode: "hold" });
    await wallets().act(uid, "settle", { sequence: 1, measure: { amount: 4 }, what: call.what });
    const another = body({ day: 10, amount: 4, region: "US" });
    expect(await wallets().authorize(another)).toMatchObject({ decision: "deny" });
    expect(await lines()).toEqual(["TOTAL 0"]);
    expect(await balance()).toBe("100");
  });

  test("two contracts that share an account's usage are priced each by its own plan", async () => {
    const { plan, agree, use, balance, lines } = await open();
    await agree(await plan(falling), { usageFilters: [include] });
    await agree(await plan([[0, 3]]), { usageFilters: [exclude] });
    expect(await use({ day: 10, amount: 4 })).toBe("8");
    expect(await use({ day: 11, amount: 5, region: "US" })).toBe("15");
    expect(await use({ day: 12, amount: 2 })).toBe("3");
    expect((await lines()).toSorted()).toEqual([
      "BALANCE_CONSUMED -11",
      "BALANCE_CONSUMED -15",
      "TOTAL 0",
      "USAGE 11",
      "USAGE 15",
    ]);
    expect(await balance()).toBe("74");
  });

  test("a derived dimension is what metering makes of it, whatever is sent under its code", async () => {
    const place = { category: "WHERE", code: "place", name: "Place" };
    const calculation = 'region + "/" + tier';
    const { plan, agree, body, balance, lines } = await open([{ ...place, calculation }]);
    const filter = { ...include, dimensionCode: "place", value: "EU/Standard" };
    await agree(await plan([[0, 3]]), { usageFilters: [filter] });
    const [own, forged] = [
      body({ day: 10, amount: 4 }),
      body({ day: 11, amount: 4, region: "US" }),
    ];
    expect(await wallets().authorize(own)).toMatchObject({ amount: "12" });
    const where = { place: "EU/Standard" };
    expect(await wallets().authorize({ ...forged, where })).toMatchObject({ amount: "0" });
    expect(await lines()).toEqual(["USAGE 12", "BALANCE_CONSUMED -12", "TOTAL 0"]);
    expect(await balance()).toBe("88");
  });

  test("filters that change count at once", async () => {
    const { id, plan, agree, use } = await open();
    await agree(await plan([[0, 3]]), { usageFilters: [exclude] });
    expect(await use({ day: 10, amount: 1 })).toBe("0");
    const [contract] = await world().list(`contracts?accountId=${id}`);
    const path = `contracts/${String(contract?.["id"])}`;
    await wallets().client.put(path, { ...contract, usageFilters: [include] });
    expect(await use({ day: 10, amount: 1 })).toBe("3");
  });
});

describe("a contract's period", () => {
  const spring = { startDate: "2024-05-06", endDate: "2024-05-16" };

  test("where it limits charges, usage outside is free and moves nothing", async () => {
    const { plan, agree, use, balance, lines } = await open();
    await agree(await plan(falling), { ...spring, applyContractPeriodLimits: true });
    expect(await use({ day: 5, amount: 4 })).toBe("0");
    expect(await use({ day: 6, amount: 4 })).toBe("8");
    expect(await use({ day: 15, amount: 2 })).toBe("3");
    expect(await use({ day: 16, amount: 4 })).toBe("0");
    expect(await lines()).toEqual(["USAGE 11", "BALANCE_CONSUMED -11", "TOTAL 0"]);
    expect(await balance()).toBe("89");
  });

  test("where it does not, the plan's period says what is charged", async () => {
    const { plan, agree, use, balance, lines } = await open();
    await agree(await plan(falling), { ...spring, applyContractPeriodLimits: false });
    expect(await use({ day: 5, amount: 4 })).toBe("8");
    expect(await use({ day: 16, amount: 2 })).toBe("3");
    expect(await lines()).toEqual(["USAGE 11", "BALANCE_CONSUMED -11", "TOTAL 0"]);
    expect(await balance()).toBe("89");
  });
});
