/** Which account plans share a bill of the same account and date (m3ter semantics 14.3, 18.6). */

import type { BillingFrequency } from "../time/cadence.ts";

/** Something that a bill charges: an account plan, a fee, a charge of its own date (AD_HOC, interval 0). */
export interface BillableTerms {
  readonly frequency: BillingFrequency;
  readonly interval: number;
  readonly contractId?: string | undefined;
  /** The contract's bill grouping key. */
  readonly groupingKey?: { readonly id: string; readonly exclusive: boolean } | undefined;
}

export interface BillGroup<Member> {
  /** Identifies the bill among those of its account, date and currency. */
  readonly key: string;
  readonly frequency: BillingFrequency;
  /** Absent on a bill of mixed frequencies. */
  readonly interval?: number | undefined;
  readonly members: readonly Member[];
}

/** Exclusive: the contract's own bill. Shared key: one for all its contracts. None: the account's ([R]). */
export const groupingPart = ({ groupingKey, contractId }: BillableTerms): string => {
  if (groupingKey === undefined) return "account";
  return groupingKey.exclusive ? `contract/${contractId ?? ""}` : `key/${groupingKey.id}`;
};

const cadencePart = ({ frequency, interval }: BillableTerms): string => `${frequency}/${interval}`;

/** One group per bill; `consolidate` puts different frequencies on one bill. */
export const billGroups = <Member extends BillableTerms>(
  members: readonly Member[],
  consolidate: boolean,
): readonly BillGroup<Member>[] => {
  const groups = Map.groupBy(members, (member) =>
    consolidate
      ? `CONSOLIDATED/${groupingPart(member)}`
      : `${cadencePart(member)}/${groupingPart(member)}`,
  );
  return [...groups].map(([key, grouped]) => {
    const [first] = grouped;
    const isMixed = new Set(grouped.map(cadencePart)).size > 1;
    return {
      key,
      frequency: isMixed || first === undefined ? "MIXED" : first.frequency,
      interval: isMixed ? undefined : first?.interval,
      members: grouped,
    };
  });
};
