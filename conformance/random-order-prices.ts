import type { Fields, Scenario } from "./billing-scenario.ts";
import type { Dice } from "./random-family.ts";

/** Prices that are drawn for what is billed in any order, and what sells them. */

type Bands = readonly (readonly [number, number])[];

/** What a meter's usage costs until its bands are replaced, and from then on. */
export interface Price {
  readonly bands: Bands;
  readonly replaced: { readonly on: string; readonly bands: Bands } | undefined;
  readonly terms: Fields;
}

const bandSets: readonly Bands[] = [
  [[0, 1]],
  [
    [0, 1],
    [50, 0.5],
  ],
];

export const drawPrice = (dice: Dice, days: readonly string[]): Omit<Price, "terms"> => ({
  bands: dice.pick(bandSets),
  replaced: dice.once(5)
    ? { on: dice.pick(days), bands: dice.pick([[[0, 3]], ...bandSets]) }
    : undefined,
});

/** What is paid at least, and whatever is used. */
export const drawFloors = (dice: Dice): Fields => ({
  standingCharge: dice.pick([0, 30]),
  standingChargeBillInAdvance: dice.once(2),
  minimumSpend: dice.pick([0, 40, 100]),
  minimumSpendBillInAdvance: dice.once(2),
});

/** Those that add up are not all: half of what is drawn. */
export const aggregations = ["SUM", "SUM", "SUM", "COUNT", "MAX", "MEAN", "LATEST"];

/** Of half a dollar each: what is converted is exact. */
export const halfDollar = "HDL";
export const worthInDollars = [{ from: halfDollar, to: "USD", multiplier: 0.5 }];

export const midnight = "T00:00:00Z";

export const priceIt = async (
  { world }: Scenario,
  owner: Fields,
  { bands, replaced, terms }: Price,
): Promise<void> => {
  const instant = replaced?.on.concat(midnight);
  await world.price(owner, bands, { ...terms, endDate: instant });
  if (replaced !== undefined)
    await world.price(owner, replaced.bands, { ...terms, startDate: instant });
};

/** What an account plan says that it attaches: the plan, unless a group sells it with others. */
export const attachable = async (
  { world }: Scenario,
  planIds: readonly string[],
  group: Fields | undefined,
): Promise<Fields> => {
  if (group === undefined) return { planId: planIds[0] };
  const planGroupId = await world.create("plangroups", { name: world.fresh("group"), ...group });
  for (const planId of planIds) await world.create("plangrouplinks", { planGroupId, planId });
  return { planGroupId };
};
