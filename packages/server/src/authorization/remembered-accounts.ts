import type { Purse } from "./purse.ts";
import { byId } from "./reader.ts";
import type { LedgerAccount } from "./wallet-access.ts";

/** So many characters, some twenty thousand usual accounts. */
const charactersMax = 12_000_000;
/** What an account takes beside its purse. */
const charactersOfAccount = 200;
/** So many batches of an organization take locks, once a swap has failed. */
const batchesInDoubt = 16;

const keyOf = (orgId: string, account: string): string => `${orgId} ${account}`;

/**
 * The rows of accounts as they were seen last. Another server, or a statement by hand, may have changed them since: who
 * decides by a memory compares it with the row when it writes.
 */
export class RememberedAccounts {
  #young = new Map<string, LedgerAccount>();
  /** Those that were not seen for as long as it took the young ones to become so many. */
  #old: ReadonlyMap<string, LedgerAccount> = new Map();
  #characters = 0;
  readonly #doubts = new Map<string, number>();

  of(orgId: string, account: string): LedgerAccount | undefined {
    const key = keyOf(orgId, account);
    return this.#young.get(key) ?? this.#old.get(key);
  }

  /** To be called once what they say is committed. */
  remember(orgId: string, account: LedgerAccount): void {
    const key = keyOf(orgId, account.purse.id);
    const before = this.#young.get(key);
    this.#characters += sizeOf(account) - (before === undefined ? 0 : sizeOf(before));
    this.#young.set(key, account);
    if (this.#characters < charactersMax / 2) return;
    this.#old = this.#young;
    this.#young = new Map();
    this.#characters = 0;
  }

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

/** What to remember of accounts once the changes of their purses are committed. */
export const afterwards = (
  accounts: readonly LedgerAccount[],
  changed: readonly Purse[],
): LedgerAccount[] => {
  const purses = byId(changed);
  return accounts.map(({ purse, access }) => ({ purse: purses.get(purse.id) ?? purse, access }));
};

const sizeOf = ({ purse }: LedgerAccount): number =>
  charactersOfAccount + (purse.text?.length ?? 0);
