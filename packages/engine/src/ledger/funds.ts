import { atomsFor, maximum, minimum, parity, ratioInAtoms, worthOf, type Ratio } from "./asset.ts";
import { grantOf, grantsInBurnOrder, walletAccountOf, type Draft } from "./draft.ts";
import { isEligible } from "./grant-order.ts";
import { availableOf, type Spender, type WalletAccount } from "./rows.ts";

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

/** Plans a payment over the waterfall of assets, without taking anything. An asset named twice is there once. */
export const planFunds = (draft: Draft, spender: Spender, need: bigint): FundingPlan => {
  const parts: FundingPart[] = [];
  let covered = 0n;
  for (const asset of new Set(spender.waterfall)) {
    if (covered >= need) break;
    const part = partFrom(draft, spender, { asset, need: need - covered });
    if (part === undefined || part.base === 0n) continue;
    parts.push(part);
    covered += part.base;
  }
  return { parts, covered };
};

const partFrom = (
  draft: Draft,
  spender: Spender,
  wanted: { readonly asset: string; readonly need: bigint },
): FundingPart | undefined => {
  const ratio = ratioBetween(draft, wanted.asset, spender.asset);
  if (ratio === undefined) return undefined;
  const row = walletAccountOf(draft, spender.account, wanted.asset);
  const worth = worthOf(
    spendable(draft, row, { spender, atoms: atomsFor(wanted.need, ratio) }),
    ratio,
  );
  return { walletAccount: row.id, ratio, base: minimum(worth, wanted.need) };
};

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
