import type { UsageQuantity } from "@turnpike/engine/bill/facts.ts";
import { type CarriedCorrection, rerate, type Rerating } from "@turnpike/engine/bill/rerating.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import type { AdvanceLines } from "./advance-lines.ts";
import type { StoredFixedBill } from "./fixed-bills.ts";

interface Today {
  readonly measured: ReadonlyMap<UsageWindow, UsageQuantity>;
  /** Changes while bills are calculated. */
  readonly advance: AdvanceLines;
  readonly corrections: readonly CarriedCorrection[];
}

/** What fixed bills would be today, by account, while other bills are calculated. */
export class Reratings {
  readonly #bills: ReadonlyMap<string, readonly StoredFixedBill[]>;
  readonly #today: Today;
  readonly #made = new Map<string, Rerating>();

  constructor(bills: readonly StoredFixedBill[], today: Today) {
    this.#bills = Map.groupBy(bills, ({ stored }) => stored.accountId);
    this.#today = today;
  }

  of(accountId: string): Rerating {
    const made = this.#made.get(accountId) ?? this.#rerate(this.#bills.get(accountId) ?? []);
    this.#made.set(accountId, made);
    return made;
  }

  all(): ReadonlyMap<string, Rerating> {
    return new Map([...this.#bills.keys()].map((id) => [id, this.of(id)]));
  }

  /** Bills charge something else in advance than they did. */
  forget(): void {
    this.#made.clear();
  }

  #rerate(bills: readonly StoredFixedBill[]): Rerating {
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
    return rerate(bills.map(today), corrections);
  }
}
