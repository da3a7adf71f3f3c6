import { expect } from "vitest";
import { inspect } from "./ledger-inspection.ts";
import { ownDatabase, walletWorld } from "./wallet-world.ts";

/** The bill of May 2024, in which calls are made unless they say another time. */
export const june = "2024-06-01";

const startDate = "2024-01-01T00:00:00Z";

interface Sold {
  readonly meter: string;
  readonly planId: string;
  readonly templateId: string;
  readonly pricingId: string;
}

/** A server whose catalog is changed behind what wallets have paid. */
export const changingCatalog = () => {
  const url = ownDatabase();
  const { world, wallets } = walletWorld(() => ({ DATABASE_URL: url() }));

  /** A plan of a meter of its own, a dollar a unit. */
  const sell = async (template: object = {}): Promise<Sold> => {
    const productId = await world().product();
    const meter = await world().meter(productId);
    const plan = await world().plan(productId, { ...template });
    const aggregationId = await world().aggregation(meter.id);
    const pricingId = await world().price({ planId: plan.id, aggregationId }, [[0, 1]]);
    return { meter: meter.code, planId: plan.id, templateId: plan.templateId, pricingId };
  };

  /** An account with 1000 dollars. */
  const open = async (parent?: string) => {
    const code = world().fresh("wallet");
    const id = await wallets().account(code, parent);
    await wallets().grant(code, "1000");
    return {
      id,
      code,
      attach: (planId: string, dates: object = {}) => world().attach(id, planId, { ...dates }),
      use: (meter: string, amount: number, more: object = {}) =>
        wallets().authorize({
          uid: world().fresh("call"),
          account: code,
          meter,
          ts: "2024-05-20T12:00:00Z",
          measure: { amount },
          ...more,
        }),
      balance: async (asset?: string) => (await wallets().wallet(code, asset)).balance,
      /** How often money has moved. */
      moves: () =>
        inspect(url(), async (pool) => {
          const { rows } = await pool.query("SELECT FROM posting WHERE account = $1", [code]);
          return rows.length;
        }),
      lines: async (billDate = june) => (await world().lines(id, billDate)).toSorted(),
    };
  };

  const change = async (path: string, changes: object) =>
    world().api.call("PUT", path, { ...(await world().get(path)), ...changes });

  const remove = (path: string) => world().api.call("DELETE", path);

  const group = async (planIds: readonly string[], minimumSpend: number) => {
    const fields = { name: "group", currency: "USD", minimumSpend };
    const id = await world().create("plangroups", fields);
    const links: string[] = [];
    for (const planId of planIds)
      links.push(await world().create("plangrouplinks", { planGroupId: id, planId }));
    return { id, links };
  };

  const attachGroup = (accountId: string, planGroupId: string) =>
    world().create("accountplans", { accountId, planGroupId, startDate });

  /** A minimum of 31, of which 5 are used, billed once: the wallet has paid 31. */
  const openMinimal = async () => {
    const sold = await sell({ minimumSpend: 31 });
    const payer = await open();
    const attached = await payer.attach(sold.planId);
    await payer.use(sold.meter, 5);
    expect(await payer.lines()).toEqual(minimal);
    expect(await payer.balance()).toBe("969");
    return { sold, payer, attached };
  };

  return { world, wallets, sell, open, change, remove, group, attachGroup, openMinimal };
};

/** The bill of a minimum of 31, of which 5 are used. */
export const minimal = [
  "BALANCE_CONSUMED -26",
  "BALANCE_CONSUMED -5",
  "MINIMUM_SPEND 26",
  "TOTAL 0",
  "USAGE 5",
];
