import type { Dice } from "./random-family.ts";
import type { Billed } from "./random-orders.ts";

/** What a family whose bills depend on each other buys and uses, drawn as plain terms, so that two can be opened with the same. */

const allNames = ["parent", "a", "b"] as const;
export type Name = (typeof allNames)[number];

type Fields = Readonly<Record<string, unknown>>;

interface Plan {
  readonly owner: Name;
  readonly product: number;
  readonly template: Fields;
  readonly bands: readonly (readonly [number, number])[];
  readonly price: Fields;
  /** Whether it prices the meter of the other product, too. */
  readonly isSharing: boolean;
  readonly accountPlan: Fields;
  /** Whether its lines have a bill of their own. */
  readonly isApart: boolean;
  /** What a counter costs in it, if it prices one. */
  readonly seats: Fields | undefined;
}

interface Credit {
  readonly owner: Name;
  readonly kind: "commitment" | "balance";
  readonly amount: number;
  readonly terms: Fields;
}

export interface Use {
  readonly user: Name;
  readonly product: number;
  readonly day: string;
  readonly amount: number;
  /** Whether its wallet is asked, if it has one. */
  readonly isCall: boolean;
}

export interface FamilyTerms {
  readonly isConsolidated: boolean;
  readonly names: readonly Name[];
  /** Who has a wallet. */
  readonly payers: readonly Name[];
  /** In each wallet. */
  readonly funds: number;
  readonly plans: readonly Plan[];
  readonly credits: readonly Credit[];
  readonly early: readonly Use[];
  readonly late: readonly Use[];
  /** Places in the early usage of what was wrong: it is voided later. */
  readonly voided: readonly number[];
}

export const products = [0, 1];
/** Weeks begin on Tuesdays. */
const weeksFrom = (first: string, count: number): string[] =>
  Array.from({ length: count }, (_, nth) =>
    Temporal.PlainDate.from(first).add({ weeks: nth }).toString(),
  );
const months = ["2024-01-01", "2024-02-01", "2024-03-01"];
/** When every account has a bill. */
const end = "2024-04-01";

/** Of all that is used; a child's month may stand on the next week's bill of its parent. */
export const datesOf = ({ plans }: FamilyTerms): Pick<Billed, "dates" | "last"> => {
  const isWeekly = plans.some(({ template }) => template["billFrequency"] === "WEEKLY");
  if (!isWeekly) return { dates: months, last: [end] };
  const dates = [...months, ...weeksFrom("2024-01-02", 8)].toSorted();
  return { dates, last: [...weeksFrom("2024-02-27", 2), end] };
};

/** For everything. */
export const ample = 100_000;

export const drawFamily = (dice: Dice): FamilyTerms => {
  const names = dice.once(4) ? allNames.slice(0, 1) : allNames;
  const isMonthly = dice.once(3);
  const payers = dice.pick([[], names, [dice.pick(names)]]);
  const funds = dice.pick([ample, ample, 60]);
  const early = drawUsage(dice, { names, isPaying: payers.length > 0 });
  // What is allowed late of little money depends on what bills have taken by then.
  const later = { names, isPaying: payers.length > 0 && funds === ample };
  return {
    isConsolidated: dice.once(4),
    names,
    payers,
    funds,
    plans: names.flatMap((owner) =>
      products.flatMap((product) =>
        dice.once(2) ? drawPlan(dice, { owner, product, isMonthly }) : [],
      ),
    ),
    credits: names.flatMap((owner) => drawCredits(dice, owner)),
    early,
    late: drawUsage(dice, later),
    voided: [...early.keys()].filter(() => dice.once(5)),
  };
};

const drawPlan = (
  dice: Dice,
  { owner, product, isMonthly }: Pick<Plan, "owner" | "product"> & { readonly isMonthly: boolean },
): Plan => ({
  owner,
  product,
  template: {
    billFrequency: isMonthly ? "MONTHLY" : dice.pick(["MONTHLY", "WEEKLY"]),
    standingCharge: dice.pick([0, 30]),
    standingChargeInterval: dice.pick([1, 1, 2]),
    standingChargeBillInAdvance: dice.once(2),
    minimumSpend: dice.pick([0, 40, 100]),
    minimumSpendBillInAdvance: dice.once(2),
  },
  bands: dice.pick([
    [[0, 1]],
    [
      [0, 1],
      [50, 0.5],
    ],
  ]),
  price: dice.pick([{}, {}, { tiersSpanPlan: true }, { cumulative: false }]),
  isSharing: dice.once(4),
  isApart: dice.once(6),
  accountPlan: {
    startDate: dice.pick(["2024-01-01", "2024-01-01", "2024-01-16", "2024-02-08"]).concat(midnight),
    ...(dice.once(3) ? { endDate: dice.pick(["2024-02-11", "2024-03-01"]).concat(midnight) } : {}),
    childBillingMode: dice.pick(["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"]),
  },
  seats: dice.once(4) ? { runningTotalBillInAdvance: dice.once(2) } : undefined,
});

const midnight = "T00:00:00Z";

const drawCredits = (dice: Dice, owner: Name): Credit[] => {
  const childBillingMode = dice.pick([undefined, "PARENT_BREAKDOWN", "CHILD"]);
  const commitment = { owner, kind: "commitment", amount: dice.pick([60, 150]) } as const;
  const balance = { owner, kind: "balance", amount: 90, terms: {} } as const;
  return [
    ...(dice.once(3) ? [{ ...commitment, terms: { childBillingMode } }] : []),
    ...(dice.once(3) ? [balance] : []),
  ];
};

const drawUsage = (
  dice: Dice,
  { names, isPaying }: { readonly names: readonly Name[]; readonly isPaying: boolean },
): Use[] =>
  Array.from({ length: 1 + dice.below(6) }, () => ({
    user: dice.pick(names),
    product: dice.pick(products),
    day: Temporal.PlainDate.from("2024-01-03")
      .add({ days: dice.below(48) })
      .toString(),
    amount: 10 + dice.below(60),
    isCall: isPaying && !dice.once(3),
  }));
