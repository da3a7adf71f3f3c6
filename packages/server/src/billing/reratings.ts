import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import { type Drawable, drawableOf, type Room } from "@turnpike/engine/bill/drawable.ts";
import { type FixedBill, rerate, type Rerating } from "@turnpike/engine/bill/rerating.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { AdvanceLines } from "./advance-lines.ts";
import type { StoredFixedBill } from "./fixed-bills.ts";

interface Today {
  readonly measured: ReadonlyMap<UsageWindow, UsageQuantity>;
  /** Changes while bills are calculated. */
  readonly advance: AdvanceLines;
}

const printed = ([id, amount]: readonly [string, Decimal]): string => `${id} ${amount.toString()}`;

/** All that changes while bills are calculated and has a say in what the fixed ones would be today. */
const keyOf = (bills: readonly FixedBill[], { pool, takenByOthers }: Drawable): string => {
  const advances = bills.map(({ billId, billedInAdvance }) => [
    billId,
    ...Object.entries(billedInAdvance).map(printed),
  ]);
  const taken = [...takenByOthers.values()].map(({ before, upTo }) =>
    [...before, ...upTo].map(printed),
  );
  return JSON.stringify([[...pool].map(printed), taken, advances]);
};

/** What fixed bills would be today, by account, while other bills are calculated: each time as these are then. */
export class Reratings {
  readonly #bills: ReadonlyMap<string, readonly StoredFixedBill[]>;
  readonly #today: Today;
  /** By account, the last one: most bills that are calculated change nothing that it was rated from. */
  readonly #last = new Map<string, { readonly key: string; readonly rerating: Rerating }>();

  constructor(bills: readonly StoredFixedBill[], today: Today) {
    this.#bills = Map.groupBy(bills, ({ stored }) => stored.accountId);
    this.#today = today;
  }

  all(room: Room): ReadonlyMap<string, Rerating> {
    return new Map([...this.#bills.keys()].map((id) => [id, this.of(id, room)]));
  }

  /** @param before of bills of earlier dates: what others have taken, stays theirs until a later bill puts it right */
  of(accountId: string, room: Room, before?: Temporal.PlainDate): Rerating {
    const isEarlier = ({ facts }: StoredFixedBill): boolean =>
      before === undefined || Temporal.PlainDate.compare(facts.billDate, before) < 0;
    const bills = (this.#bills.get(accountId) ?? [])
      .filter(isEarlier)
      .map((bill) => this.#asOfNow(bill));
    const drawable = drawableOf(bills, room);
    const key = keyOf(bills, drawable);
    const last = this.#last.get(accountId);
    if (last?.key === key) return last.rerating;
    const rerating = rerate(bills, drawable);
    this.#last.set(accountId, { key, rerating });
    return rerating;
  }

  #asOfNow({ stored, facts, billed, isPaidAnew, windows }: StoredFixedBill): FixedBill {
    const { measured, advance } = this.#today;
    return {
      billId: stored.id,
      facts,
      billed,
      isPaidAnew,
      billedInAdvance: advance.billedBefore(stored, facts),
      // What can no longer be measured stays as it was.
      measured: Object.fromEntries(
        windows.flatMap((window) => {
          const now = measured.get(window);
          return now === undefined ? [] : [[window.key, now] as const];
        }),
      ),
    };
  }
}
