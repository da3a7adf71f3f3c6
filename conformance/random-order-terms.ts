import type { Dice } from "./random-family.ts";
import {
  aggregations,
  drawFloors,
  drawPrice,
  halfDollar,
  midnight,
  type Price,
} from "./random-order-prices.ts";
import type { Billed } from "./random-orders.ts";

/** What a family whose bills depend on each other buys and uses, drawn as plain terms, so that two can be opened with the same. */

const allNames = ["parent", "a", "b"] as const;
export type Name = (typeof allNames)[number];

type Fields = Readonly<Record<string, unknown>>;

interface Plan {
  readonly product: number;
  readonly template: Fields;
  readonly price: Price;
  /** Whether it prices the meter of the other product, too. */
  readonly isSharing: boolean;
  /** What a counter costs in it, if it prices one. */
  readonly seats: Fields | undefined;
}

interface Sale {
  readonly owner: Name;
  /** One, unless a group sells them together. */
  readonly plans: readonly Plan[];
  /** The terms of the group that sells them, if one does. */
  readonly group: Fields | undefined;
  readonly accountPlan: Fields;
  /** Whether its lines have a bill of their own. */
  readonly isApart: boolean;
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

/** Something of what was used that was wrong, by its place in the early usage. */
interface Undone {
  readonly place: number;
  /** A call may be refunded, as a whole or some money of it, instead of being voided. */
  readonly how: "void" | { readonly amount?: string };
}

/** What its usage is counted by, and the currency of the plans that are of it. */
interface Product {
  readonly aggregation: string;
  readonly currency: string;
}

export interface FamilyTerms {
  readonly isConsolidated: boolean;
  readonly names: readonly Name[];
  /** Who has a wallet. */
  readonly payers: readonly Name[];
  /** In each wallet. */
  readonly funds: number;
  readonly products: readonly Product[];
  readonly sales: readonly Sale[];
  readonly credits: readonly Credit[];
  readonly early: readonly Use[];
  readonly late: readonly Use[];
  /** Later. */
  readonly undone: readonly Undone[];
}

/** Weeks begin on Tuesdays. */
const weeksFrom = (first: string, count: number): string[] =>
  Array.from({ length: count }, (_, nth) =>
    Temporal.PlainDate.from(first).add({ weeks: nth }).toString(),
  );
const months = ["2024-01-01", "2024-02-01", "2024-03-01"];
/** When every account has a bill. */
const end = "2024-04-01";

/** Of all that is used; a child's month may stand on the next week's bill of its parent. */
export const datesOf = ({ sales }: FamilyTerms): Pick<Billed, "dates" | "last"> => {
  const plans = sales.flatMap((sale) => sale.plans);
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
  const products = [drawProduct(dice), drawProduct(dice)];
  const early = drawUsage(dice, { names, isPaying: payers.length > 0 });
  // What is allowed late of little money depends on what bills have taken by then.
  const later = { names, isPaying: payers.length > 0 && funds === ample };
  const terms: FamilyTerms = {
    isConsolidated: dice.once(4),
    names,
    payers,
    funds,
    products,
    sales: names.flatMap((owner) => drawSales(dice, { owner, products, isMonthly })),
    credits: names.flatMap((owner) => drawCredits(dice, owner)),
    early,
    late: drawUsage(dice, later),
    undone: [...early.keys()].flatMap((place) => {
      const how = dice.pick(["void", "void", {}, { amount: "0.5" }, { amount: "7" }] as const);
      return dice.once(4) ? [{ place, how }] : [];
    }),
  };
  return dice.once(5) ? withOverage(dice, terms) : terms;
};

/**
 * With one credit, of usage only, and surcharges on what it does not cover. Nothing that it has paid is given back: a locked bill
 * that has found it exhausted keeps its overage.
 */
const withOverage = (dice: Dice, terms: FamilyTerms): FamilyTerms => {
  const kind = dice.pick(["commitment", "balance"] as const);
  const surcharged = { lineItemTypes: ["USAGE"], overageSurchargePercent: dice.pick([20, -10]) };
  const growing = { minimumSpendBillInAdvance: false };
  return {
    ...terms,
    payers: [],
    undone: [],
    products: terms.products.map((product) => ({ ...product, aggregation: "SUM" })),
    sales: terms.sales.map((sale) => ({
      ...sale,
      group: sale.group && { ...sale.group, ...growing },
      plans: sale.plans.map((plan) => ({
        ...plan,
        template: { ...plan.template, ...growing },
        price: { ...plan.price, terms: {} },
      })),
    })),
    credits: [
      { owner: dice.pick(terms.names), kind, amount: dice.pick([60, 150]), terms: surcharged },
    ],
  };
};

const drawProduct = (dice: Dice): Product => ({
  aggregation: dice.pick(aggregations),
  currency: dice.pick(["USD", "USD", halfDollar]),
});

interface Drawn {
  readonly owner: Name;
  readonly products: readonly Product[];
  readonly isMonthly: boolean;
}

const drawSales = (dice: Dice, drawn: Drawn): Sale[] => {
  const { owner, products, isMonthly } = drawn;
  const planOf = (place: number, billFrequency: string): Plan[] =>
    products.slice(place, place + 1).map((of) => drawPlan(dice, { place, of, billFrequency }));
  const frequency = () => (isMonthly ? "MONTHLY" : dice.pick(["MONTHLY", "WEEKLY"]));
  if (dice.once(5)) {
    const shared = frequency();
    const plans = [...planOf(0, shared), ...planOf(1, shared)];
    const group = { currency: dice.pick(["USD", halfDollar]), ...drawFloors(dice) };
    return [{ owner, plans, group, ...drawAttachment(dice) }];
  }
  return [0, 1].flatMap((place) =>
    dice.once(2)
      ? [{ owner, plans: planOf(place, frequency()), group: undefined, ...drawAttachment(dice) }]
      : [],
  );
};

const drawPlan = (
  dice: Dice,
  {
    place,
    of: { currency },
    billFrequency,
  }: { readonly place: number; readonly of: Product; readonly billFrequency: string },
): Plan => ({
  product: place,
  template: {
    currency,
    billFrequency,
    ...drawFloors(dice),
    standingChargeInterval: dice.pick([1, 1, 2]),
  },
  price: {
    ...drawPrice(dice, ["2024-01-18", "2024-02-08"]),
    terms: dice.pick([{}, {}, { tiersSpanPlan: true }, { cumulative: false }]),
  },
  isSharing: dice.once(4),
  seats: dice.once(4) ? { runningTotalBillInAdvance: dice.once(2) } : undefined,
});

const drawAttachment = (dice: Dice): Pick<Sale, "accountPlan" | "isApart"> => ({
  isApart: dice.once(6),
  accountPlan: {
    startDate: dice.pick(["2024-01-01", "2024-01-01", "2024-01-16", "2024-02-08"]).concat(midnight),
    ...(dice.once(3) ? { endDate: dice.pick(["2024-02-11", "2024-03-01"]).concat(midnight) } : {}),
    childBillingMode: dice.pick(["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"]),
  },
});

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
    product: dice.below(2),
    day: Temporal.PlainDate.from("2024-01-03")
      .add({ days: dice.below(48) })
      .toString(),
    amount: 10 + dice.below(60),
    isCall: isPaying && !dice.once(3),
  }));
