import type { FieldCategory } from "./usage-store.ts";

export interface MeterField {
  readonly code: string;
  readonly category: FieldCategory;
}

export interface DerivedMeterField extends MeterField {
  /** Source text in the calculation language (m3ter semantics 5). */
  readonly calculation: string;
}

export interface MeterSchema {
  readonly id: string;
  readonly code: string;
  readonly dataFields: readonly MeterField[];
  readonly derivedFields: readonly DerivedMeterField[];
}

/**
 * Whose usage a code is. `created` is an account that did not exist before the question (m3ter semantics 3.5);
 * `refused` means that none has exactly this code and none may be created, because `closeTo` differs only in case or
 * surrounding space (3.4, InvalidAccountCode).
 */
export type AccountResolution =
  | { readonly kind: "found" | "created"; readonly id: string }
  | { readonly kind: "refused"; readonly closeTo: string };

/** By the names that calculations know custom fields by, such as `account.tier` (m3ter semantics 2.10). */
export type CustomFieldValues = Readonly<Record<string, string | number>>;

export interface CustomFieldOwners {
  readonly meterIds: readonly string[];
  readonly accountIds: readonly string[];
}

/** By id. A meter's are its own, its organization's and its product's; an account's are its own. */
export interface OwnedCustomFields {
  readonly meters: ReadonlyMap<string, CustomFieldValues>;
  readonly accounts: ReadonlyMap<string, CustomFieldValues>;
}

/** A lookup with its keys as texts, as rows of tables are found by. */
export interface PrintedLookup {
  /** The code of the table. */
  readonly table: string;
  readonly keys: readonly string[];
}

/** The row of the published revision; neither when the table has none, no row when the keys are in none. */
export interface FoundRow {
  readonly revision?: { readonly id: string; readonly version: number };
  readonly row?: Readonly<Record<string, string | number | null>> | undefined;
}

/** `surroundings`: only what calculations may name besides a measurement. */
export interface DirectoryChange {
  readonly orgId: string;
  readonly kind: "meter" | "account" | "surroundings";
}

/** What metering must know of the catalog. Answers may be cached until `onChange` reports the organization. */
export interface UsageDirectory {
  /** The meters that exist, by code; a code without an entry is an undefined meter. */
  meters(orgId: string, codes: readonly string[]): Promise<ReadonlyMap<string, MeterSchema>>;

  /** One resolution for every code asked for; creates the accounts that are missing. */
  accounts(
    orgId: string,
    codes: readonly string[],
  ): Promise<ReadonlyMap<string, AccountResolution>>;

  /** The codes that a meter and an account have now; undefined for one that is gone. */
  codes(
    orgId: string,
    ids: { readonly meterId: string; readonly accountId: string },
  ): Promise<{ readonly meter: string | undefined; readonly account: string | undefined }>;

  /** What calculations may name of the meters and accounts that exist, defaults included. */
  customFields(orgId: string, of: CustomFieldOwners): Promise<OwnedCustomFields>;

  /** What each lookup finds now, in their order. */
  lookups(orgId: string, lookups: readonly PrintedLookup[]): Promise<readonly FoundRow[]>;

  /** Calls the listener after every committed change of what it was asked about; returns how to stop. */
  onChange(listener: (change: DirectoryChange) => void): () => void;
}
