import { expect, test } from "vitest";
import { waitForRelay, waitForVoids } from "./ledger-inspection.ts";
import { type Dice, diceOf } from "./random-family.ts";
import { type Bands, ownDatabase, walletWorld } from "./wallet-world.ts";

/**
 * Whatever is used in whatever segment, in whatever way: a call costs what it adds to the price of all usage of its
 * segment, and in the end the wallet has paid what the bill asks for each segment.
 */

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 3);
const firstSeed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const seeds = Array.from({ length: runs }, (_, nth) => firstSeed + nth);

const url = ownDatabase();
const { world, wallets, sell } = walletWorld(() => ({ DATABASE_URL: url() }));

const funds = 1000;
const june = "2024-06-01";

/** The most specific first, as each usage is in the first that fits; of Germany there is no price. */
const segments = [
  { region: "UK", tier: "Gold" },
  { region: "UK", tier: "*" },
  { region: "DE", tier: "*" },
  { region: "*", tier: "Gold" },
] as const;
const unpriced = segments[2];
type Segment = (typeof segments)[number];

interface Texts {
  readonly region: string;
  readonly tier: string;
}

const segmentOf = ({ region, tier }: Texts): Segment | undefined => {
  const found = segments.find(
    (asked) => ["*", region].includes(asked.region) && ["*", tier].includes(asked.tier),
  );
  return found === unpriced ? undefined : found;
};

const ladders: readonly Bands[] = [
  [[0, 0.5]],
  [
    [0, 0.3],
    [20, 0.1],
  ],
  [
    [0, 0.1],
    [10, 0.4],
    [30, 0.2],
  ],
];

/** Of each unit at the price of the band that it is in; in tenths of a dollar. */
const worth = (bands: Bands, units: number): number =>
  Array.from({ length: units }, (_, unit) => bands.findLast(([limit]) => limit <= unit)?.[1] ?? 0)
    .map((price) => Math.round(price * 10))
    .reduce((sum, price) => sum + price, 0);

const dollars = (tenths: number): string => `${tenths / 10}`;

/** What has been used of a segment, and at what it is sold. */
interface Standing {
  readonly bands: Bands;
  units: number;
}

const open = async (dice: Dice) => {
  const standings = new Map<Segment, Standing>();
  for (const segment of segments)
    if (segment !== unpriced) standings.set(segment, { bands: dice.pick(ladders), units: 0 });
  const counts = { segmentedFields: ["region", "tier"], segments };
  const prices = [...standings].map(([segment, { bands }]) => ({ bands, pricing: { segment } }));
  const also = prices.slice(1);
  const sold = prices.slice(0, 1).map((first) => ({ ...first, counts, also }));
  return { ...(await sell(sold, { funds: `${funds}` })), dice, standings };
};
type Opened = Awaited<ReturnType<typeof open>>;

/** Uses so many units: what they add to the price of their segment. */
const moved = (standing: Standing, units: number): string => {
  const before = worth(standing.bands, standing.units);
  standing.units += units;
  return dollars(worth(standing.bands, standing.units) - before);
};

type Step = (opened: Opened, name: string, texts: Texts) => Promise<void>;

const charge: Step = async ({ dice, standings, use }, name, texts) => {
  const units = 1 + dice.below(15);
  const segment = segmentOf(texts);
  const standing = segment && standings.get(segment);
  const answer = await use(name, units, { what: texts });
  if (standing === undefined) expect(answer.reasons).toMatchObject([{ code: "CANNOT_RATE" }]);
  else expect(answer).toMatchObject({ decision: "allow", amount: moved(standing, units) });
};

const hold: Step = async ({ dice, standings, use, uidOf }, name, texts) => {
  const segment = segmentOf(texts);
  const standing = segment && standings.get(segment);
  const held = 2 + dice.below(15);
  const { decision } = await use(name, held, { what: texts, mode: "hold" });
  if (standing === undefined) {
    expect(decision).toBe("deny");
    return;
  }
  for (const [nth, units] of [1, dice.below(held)].entries()) {
    const part = { sequence: nth + 1, measure: { amount: units }, final: nth === 1 };
    const settled = await wallets().act(uidOf(name), "settle", part);
    expect(settled).toMatchObject({ amount: moved(standing, units) });
  }
};

const send: Step = async ({ dice, standings, code, meter }, _name, { region, tier }) => {
  const units = 1 + dice.below(15);
  await world().use(meter.code, code, [["2024-05-20", units, region, tier]]);
  const segment = segmentOf({ region, tier });
  const standing = segment && standings.get(segment);
  if (standing !== undefined) moved(standing, units);
};

const steps = [charge, charge, hold, send] as const;

test.each(seeds)(
  "segments of a random plan: TURNPIKE_SEED=%i TURNPIKE_PROPERTY_RUNS=1",
  async (seed) => {
    const opened = await open(diceOf(seed));
    const { dice, standings, id, balance } = opened;
    for (let nth = 0; nth < 14; nth += 1) {
      const texts = { region: dice.pick(["UK", "DE", "FR"]), tier: dice.pick(["Basic", "Gold"]) };
      await dice.pick(steps)(opened, `step-${nth}`, texts);
    }
    await waitForRelay(url());
    await waitForVoids(url());
    const due = [...standings.values()].map(({ bands, units }) => worth(bands, units));
    const left = dollars(funds * 10 - due.reduce((sum, amount) => sum + amount, 0));
    expect(await balance()).toBe(left);
    const usage = (await world().lines(id, june)).filter((line) => line.startsWith("USAGE"));
    const billed = usage.map((line) => line.slice(line.lastIndexOf(" ") + 1));
    expect(billed.filter((amount) => amount !== "0").toSorted()).toEqual(
      due
        .filter((amount) => amount > 0)
        .map(dollars)
        .toSorted(),
    );
    expect(await balance()).toBe(left);
  },
  120_000,
);
