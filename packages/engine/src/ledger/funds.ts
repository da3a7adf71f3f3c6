import { atomsFor, maximum, minimum, parity, ratioInAtoms, worthOf, type Ratio } from "./asset.ts";
import { grantOf, grantsInBurnOrder, walletAccountOf, type Draft } from "./draft.ts";
import { isEligible } from "./grant-order.ts";
import { availableOf, type Leg, type Spender, type WalletAccount } from "./rows.ts";

/** One wallet account's part of a payment: `base` counts in the asset of the price. */
export interface FundingPart {
  readonly walletAccount: string;
  readonly ratio: Ratio;
  readonly base: bigint;
}

export interface FundingPlan {
  readonly parts: readonly FundingPart[];
  /** What the parts pay together, never more than asked for. */
  readonly covered: bigint;
}

/** Who pays, and what its wallet accounts give to the same authorization already. */
export interface Payer {
  readonly spender: Spender;
  readonly legs: readonly Leg[];
}

/** Plans a payment over the waterfall of assets, without taking anything. An asset named twice is there once. */
export const planFunds = (draft: Draft, payer: Payer, need: bigint): FundingPlan => {
  const parts: FundingPart[] = [];
  let covered = 0n;
  for (const asset of new Set(payer.spender.waterfall)) {
    if (covered >= need) break;
    const part = partFrom(draft, payer, { asset, need: need - covered });
    if (part === undefined || part.base === 0n) continue;
    parts.push(part);
    covered += part.base;
  }
  return { parts, covered };
};

/**
 * A leg is paid for as a whole, so what rounding its atoms up has overpaid already counts: `pinned + base` is paid for by
 * the leg's atoms and the free ones exactly while atomsFor(pinned + base) ≤ both, that is, pinned + base ≤ worthOf(both).
 */
const partFrom = (
  draft: Draft,
  { spender, legs }: Payer,
  wanted: { readonly asset: string; readonly need: bigint },
): FundingPart | undefined => {
  const ratio = ratioBetween(draft, wanted.asset, spender.asset);
  if (ratio === undefined) return undefined;
  const row = walletAccountOf(draft, spender.account, wanted.asset);
  const pinned = legOf(legs, { walletAccount: row.id, ratio })?.pinned ?? 0n;
  const paid = atomsFor(pinned, ratio);
  const atoms = atomsFor(pinned + wanted.need, ratio) - paid;
  const room = worthOf(paid + spendable(draft, row, { spender, atoms }), ratio) - pinned;
  return { walletAccount: row.id, ratio, base: minimum(room, wanted.need) };
};

/** The leg that another payment at the same rate adds to. */
export const legOf = (
  legs: readonly Leg[],
  { walletAccount, ratio }: Pick<Leg, "walletAccount" | "ratio">,
): Leg | undefined =>
  legs.find(
    (leg) =>
      leg.walletAccount === walletAccount &&
      leg.ratio.num === ratio.num &&
      leg.ratio.den === ratio.den,
  );

/** The rate in force from the paying asset to the asset of the price; only its own direction counts. */
const ratioBetween = (draft: Draft, from: string, to: string): Ratio | undefined => {
  if (from === to) return parity;
  const { assets, rates } = draft.state;
  const fromAsset = assets.get(from);
  const toAsset = assets.get(to);
  const inForce = rates
    .filter((rate) => rate.from === from && rate.to === to && rate.effectiveAt <= draft.now)
    .reduce<(typeof rates)[number] | undefined>(
      (latest, rate) =>
        latest === undefined || rate.effectiveAt > latest.effectiveAt ? rate : latest,
      undefined,
    );
  if (inForce === undefined || fromAsset === undefined || toAsset === undefined) return undefined;
  return ratioInAtoms(inForce, fromAsset, toAsset);
};

/** Up to `atoms` of what the spender may use: bound by eligible grants and by what is available. */
const spendable = (
  draft: Draft,
  row: WalletAccount,
  wanted: { readonly spender: Spender; readonly atoms: bigint },
): bigint => {
  const most = maximum(0n, minimum(availableOf(row), wanted.atoms));
  let found = 0n;
  for (const id of grantsInBurnOrder(draft, row.id)) {
    if (found >= most) break;
    const grant = grantOf(draft, id);
    if (isEligible(grant, wanted.spender)) found += grant.remaining;
  }
  return minimum(found, most);
};
