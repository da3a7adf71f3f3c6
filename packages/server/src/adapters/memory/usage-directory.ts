import { randomUUID } from "node:crypto";
import type {
  AccountResolution,
  CustomFieldOwners,
  CustomFieldValues,
  DirectoryChange,
  FoundRow,
  MeterSchema,
  OwnedCustomFields,
  PrintedLookup,
  UsageDirectory,
} from "../../ports/usage-directory.ts";

type Row = NonNullable<FoundRow["row"]>;

/** "Closely matching" (m3ter semantics 3.4, [R]): equal after case folding and trimming. */
const folded = (code: string): string => code.trim().toLowerCase();

/** A directory that lives as long as its process: for the conformance suite, tests and benchmarks. */
export class MemoryUsageDirectory implements UsageDirectory {
  readonly #meters = new Map<string, Map<string, MeterSchema>>();
  readonly #accounts = new Map<string, Map<string, string>>();
  readonly #customFields = new Map<string, Map<string, CustomFieldValues>>();
  readonly #tables = new Map<string, Map<string, Readonly<Record<string, Row>>>>();
  readonly #listeners = new Set<(change: DirectoryChange) => void>();

  putMeter(orgId: string, schema: MeterSchema): void {
    this.#ofOrg(this.#meters, orgId).set(schema.code, schema);
    for (const listener of this.#listeners) listener({ orgId, kind: "meter" });
  }

  putAccount(orgId: string, code: string, id: string): void {
    this.#ofOrg(this.#accounts, orgId).set(code, id);
    for (const listener of this.#listeners) listener({ orgId, kind: "account" });
  }

  accountId(orgId: string, code: string): string | undefined {
    return this.#accounts.get(orgId)?.get(code);
  }

  async meters(orgId: string, codes: readonly string[]): Promise<ReadonlyMap<string, MeterSchema>> {
    const meters = this.#ofOrg(this.#meters, orgId);
    return new Map([...meters].filter(([code]) => codes.includes(code)));
  }

  async accounts(
    orgId: string,
    codes: readonly string[],
  ): Promise<ReadonlyMap<string, AccountResolution>> {
    return new Map(codes.map((code) => [code, this.#resolve(orgId, code)]));
  }

  async codes(orgId: string, { meterId, accountId }: { meterId: string; accountId: string }) {
    const meters = this.#ofOrg(this.#meters, orgId);
    const accounts = this.#ofOrg(this.#accounts, orgId);
    return {
      meter: meters.values().find(({ id }) => id === meterId)?.code,
      account: accounts.entries().find(([, id]) => id === accountId)?.[0],
    };
  }

  /** Of a meter or an account. */
  putCustomFields(orgId: string, id: string, values: CustomFieldValues): void {
    this.#ofOrg(this.#customFields, orgId).set(id, values);
    for (const listener of this.#listeners) listener({ orgId, kind: "surroundings" });
  }

  /** A table of one key, whose rows are found by it. */
  putLookupTable(orgId: string, code: string, rows: Readonly<Record<string, Row>>): void {
    this.#ofOrg(this.#tables, orgId).set(code, rows);
    for (const listener of this.#listeners) listener({ orgId, kind: "surroundings" });
  }

  async customFields(
    orgId: string,
    { meterIds, accountIds }: CustomFieldOwners,
  ): Promise<OwnedCustomFields> {
    const known = this.#ofOrg(this.#customFields, orgId);
    const among = (ids: readonly string[]) =>
      new Map([...known].filter(([id]) => ids.includes(id)));
    return { meters: among(meterIds), accounts: among(accountIds) };
  }

  async lookups(orgId: string, lookups: readonly PrintedLookup[]): Promise<readonly FoundRow[]> {
    const tables = this.#ofOrg(this.#tables, orgId);
    return lookups.map(({ table, keys: [key = ""] }) => {
      const rows = tables.get(table);
      return rows === undefined ? {} : { revision: { id: table, version: 1 }, row: rows[key] };
    });
  }

  onChange(listener: (change: DirectoryChange) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #resolve(orgId: string, code: string): AccountResolution {
    const accounts = this.#ofOrg(this.#accounts, orgId);
    const id = accounts.get(code);
    if (id !== undefined) return { kind: "found", id };
    const closeTo = accounts.keys().find((other) => folded(other) === folded(code));
    if (closeTo !== undefined) return { kind: "refused", closeTo };
    const created = randomUUID();
    accounts.set(code, created);
    return { kind: "created", id: created };
  }

  #ofOrg<Entry>(map: Map<string, Map<string, Entry>>, orgId: string): Map<string, Entry> {
    const known = map.get(orgId);
    if (known !== undefined) return known;
    const entries = new Map<string, Entry>();
    map.set(orgId, entries);
    return entries;
  }
}
