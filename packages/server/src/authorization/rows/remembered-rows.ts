import type { Position } from "@turnpike/engine/ledger/rows.ts";
import type { Purse } from "./purse.ts";
import { byId } from "./reader.ts";
import type { LedgerAccount } from "./wallet-access.ts";

/** Of accounts so many characters, some twenty thousand usual ones; as many for positions, some forty thousand. */
const charactersMax = 12_000_000;
/** What a row takes beside its texts. */
const charactersOfRow = 200;
/** So many batches of an organization take locks, once a swap has failed. */
const batchesInDoubt = 16;

/**
 * Rows as they were seen last. Another server, or a statement by hand, may have changed them since: who decides by a
 * memory compares it with the row when it writes.
 */
class RememberedRows<Row> {
  readonly #idOf: (row: Row) => string;
  readonly #sizeOf: (row: Row) => number;
  #young = new Map<string, Row>();
  /** Those that were not seen for as long as it took the young ones to become so many. */
  #old: ReadonlyMap<string, Row> = new Map();
  #characters = 0;

  constructor(idOf: (row: Row) => string, sizeOf: (row: Row) => number) {
    this.#idOf = idOf;
    this.#sizeOf = sizeOf;
  }

  of(orgId: string, id: string): Row | undefined {
    const key = keyOf(orgId, id);
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** To be called once what they say is committed. */
  remember(orgId: string, rows: Iterable<Row>): void {
    for (const row of rows) this.#rememberOne(keyOf(orgId, this.#idOf(row)), row);
  }

  #rememberOne(key: string, row: Row): void {
    const before = this.#young.get(key);
    this.#characters += this.#sizeOf(row) - (before === undefined ? 0 : this.#sizeOf(before));
    this.#young.set(key, row);
    if (this.#characters < charactersMax / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#characters = 0;
  }
}

const keyOf = (orgId: string, id: string): string => `${orgId} ${id}`;

/** What one server knows of the rows that batches swap. */
export class Remembered {
  readonly accounts = new RememberedRows<LedgerAccount>(
    ({ purse }) => purse.id,
    ({ purse }) => charactersOfRow + (purse.text?.length ?? 0),
  );
  readonly positions = new RememberedRows<Position>(
    ({ id }) => id,
    ({ id }) => charactersOfRow + id.length,
  );
  readonly #doubts = new Map<string, number>();

  /** That a swap has failed: others write these rows too, or callers repeat themselves. */
  doubt(orgId: string): void {
    this.#doubts.set(orgId, batchesInDoubt);
  }

  /** To be asked once for each batch. */
  isTrusted(orgId: string): boolean {
    const left = this.#doubts.get(orgId);
    if (left === undefined) return true;
    if (left > 1) this.#doubts.set(orgId, left - 1);
    else this.#doubts.delete(orgId);
    return false;
  }
}

/** What accounts are once the changes of their purses are committed. */
export const afterwards = (
  accounts: readonly LedgerAccount[],
  changed: readonly Purse[],
): LedgerAccount[] => {
  const purses = byId(changed);
  return accounts.map(({ purse, access }) => ({ purse: purses.get(purse.id) ?? purse, access }));
};
