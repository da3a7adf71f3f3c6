import type { DuckDBConnection } from "@duckdb/node-api";
import type { AccountEntry } from "../journal/batch-codec.ts";
import { rowsOf, text } from "./cells.ts";

/** Rows name accounts by small numbers, which compress to a byte or two. */
export class AccountNumbers {
  readonly #numbers = new Map<string, Map<string, number>>();
  readonly #entries: AccountEntry[] = [];
  #durable = 0;

  async load(connection: DuckDBConnection): Promise<void> {
    const sql = "SELECT org_id, account_id FROM kept.account ORDER BY number";
    for (const [orgId, accountId] of await rowsOf(connection, sql)) {
      this.number(text(orgId), text(accountId));
    }
    this.#durable = this.#entries.length;
  }

  find(orgId: string, accountId: string): number | undefined {
    return this.#numbers.get(orgId)?.get(accountId);
  }

  number(orgId: string, accountId: string): number {
    const known = this.find(orgId, accountId);
    if (known !== undefined) return known;
    const number = this.#entries.length;
    const ofOrg = this.#numbers.get(orgId) ?? new Map<string, number>();
    this.#numbers.set(orgId, ofOrg.set(accountId, number));
    this.#entries.push({ number, orgId, accountId });
    return number;
  }

  at(number: number): AccountEntry {
    const entry = this.#entries[number];
    if (entry === undefined) throw new Error(`no account has the number ${number}`);
    return entry;
  }

  /** Accounts that no batch of the journal names yet; they go with every batch until one is appended. */
  pending(): readonly AccountEntry[] {
    return this.#entries.slice(this.#durable);
  }

  /** The journal names these. */
  named(entries: readonly AccountEntry[]): void {
    for (const { number, orgId, accountId } of entries) {
      if (this.number(orgId, accountId) !== number) throw new Error("account numbers are dense");
      this.#durable = Math.max(this.#durable, number + 1);
    }
  }
}
