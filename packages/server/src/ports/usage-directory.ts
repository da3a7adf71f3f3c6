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

export interface DirectoryChange {
  readonly orgId: string;
  readonly kind: "meter" | "account";
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

  /** Calls the listener after every committed change of a meter or an account code; returns how to stop. */
  onChange(listener: (change: DirectoryChange) => void): () => void;
}
