import { expect, test } from "vitest";
import { walletWorld } from "./wallet-world.ts";

/**
 * What a wallet paid stands on the bill of what it paid for, and of nothing else: a bill that is paid is zero. A unit costs one
 * dollar; all is used in May 2024 and billed on June 1.
 */

const june = "2024-06-01";

const { world, wallets } = walletWorld();

interface Payer {
  readonly id: string;
  readonly code: string;
}

/** A product with a meter that a plan prices. */
const sell = async (template = {}) => {
  const productId = await world().product();
  const meter = await world().meter(productId);
  const { id: planId } = await world().plan(productId, template);
  const aggregationId = await world().aggregation(meter.id);
  await world().price({ planId, aggregationId }, [[0, 1]]);
  return { productId, meter: meter.code, planId, aggregationId };
};

const open = async (parent?: Payer): Promise<Payer> => {
  const code = world().fresh("wallet");
  const id = await wallets().account(code, parent?.code);
  await wallets().grant(code, "1000");
  return { id, code };
};

const use = ({ code: account }: Payer, meter: string, date: string, amount: number) =>
  wallets().authorize({
    uid: world().fresh("call"),
    account,
    meter,
    ts: `2024-${date}T12:00:00Z`,
    measure: { amount },
  });

const balanceOf = async ({ code }: Payer): Promise<string> =>
  (await wallets().wallet(code)).balance;

test("parent and child that are billed themselves each draw what they paid, whoever is first", async () => {
  const { meter, planId } = await sell();
  const parent = await open();
  const child = await open(parent);
  await world().attach(parent.id, planId, { childBillingMode: "CHILD" });
  await use(parent, meter, "05-15", 14);
  await use(child, meter, "05-15", 11);
  const family = [parent, child];
  const together = { billDate: june, accountIds: family.map(({ id }) => id) };
  await world().finish(await world().startJob(together));
  for (const { id } of [...family, ...family.toReversed()]) {
    expect(await world().bills(id, june)).toMatchObject([{ billTotal: 0 }]);
    expect((await world().lines(id, june)).at(-1)).toBe("TOTAL 0");
  }
  expect(await Promise.all(family.map(balanceOf))).toEqual(["986", "989"]);
});
