import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import {
  type CarriedCorrection,
  rerate,
  type Rerating,
  type Room,
} from "@turnpike/engine/bill/rerating.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { AdvanceLines } from "./advance-lines.ts";
import type { StoredFixedBill } from "./fixed-bills.ts";

interface Today {
  readonly measured: ReadonlyMap<UsageWindow, UsageQuantity>;
  /** Changes while bills are calculated. */
  readonly advance: AdvanceLines;
  /** Before any bill was calculated. */
  readonly corrections: readonly CarriedCorrection[];
}

/** What fixed bills would be today, by account, while other bills are calculated: each time as these are then. */
export class Reratings {
  readonly #bills: ReadonlyMap<string, readonly StoredFixedBill[]>;
  readonly #today: Today;

  constructor(bills: readonly StoredFixedBill[], today: Today) {
    this.#bills = Map.groupBy(bills, ({ stored }) => stored.accountId);
    this.#today = today;
  }

  all(room: Room): ReadonlyMap<string, Rerating> {
    return new Map([...this.#bills.keys()].map((id) => [id, this.of(id, room)]));
  }

  of(accountId: string, room: Room): Rerating {
    const { measured, advance, corrections } = this.#today;
    const today = ({ stored, facts, billed, isPaidAnew, windows }: StoredFixedBill) => ({
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
    });
    const bills = this.#bills.get(accountId) ?? [];
    return rerate(bills.map(today), corrections, room);
  }
}
