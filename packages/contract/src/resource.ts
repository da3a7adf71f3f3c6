import type { z } from "zod";

/** What a query parameter of a list route compares. */
export type Filter = (
  | { readonly by: "id" }
  | { readonly by: "code" }
  /** The record's own field equals the value. */
  | { readonly by: "field"; readonly field: string }
  /** A field of the record at the end of a chain of references equals the value. */
  | { readonly by: "through"; readonly path: readonly string[]; readonly field: string }
  /** `[startDate, endDate)` contains the given instant or date. */
  | { readonly by: "activeOn" }
  /** Field ≥ value, or field < value. */
  | { readonly by: "from" | "before"; readonly field: string }
  /** true shows archived records too; they are hidden otherwise. */
  | { readonly by: "archived" }
  /** With one of `when` given, only records active now are listed unless this is true. */
  | { readonly by: "includeInactive"; readonly when: readonly string[] }
) & {
  /** The filter is refused unless this other parameter is given too. */
  readonly requires?: string;
};

/** A response field that belongs to another record: follow `path` from reference to reference, read `field`. */
export interface Derived {
  readonly path: readonly string[];
  readonly field: string;
}

/**
 * A collection of the API as a value. The five verbs in the server's `resources/` serve every one of them;
 * what a declaration cannot say is a named function in `resources/rules.ts`.
 */
export interface Resource<Fields extends z.ZodType = z.ZodType> {
  /** The record's kind: unique, camelCase, part of event names (`configuration.<kind>.created`). */
  readonly kind: string;
  /** m3ter's noun for it, in schema and operation names. */
  readonly noun: string;
  /** Under `/organizations/{orgId}/`; a `{name}` in it is the id of the `parent`. */
  readonly path: string;
  /** What a client may write. Unknown fields are ignored. */
  readonly fields: Fields;
  /** Present when there is exactly one record per organization: it is read and replaced, never created or listed. */
  readonly singleton?: { readonly initial: z.input<Fields> };
  readonly pageSizeMax: 100 | 200;
  readonly filters: Readonly<Record<string, Filter>>;
  /** Field → kind it points to. A field may hold one id or a list of ids. */
  readonly references: Readonly<Record<string, string>>;
  readonly derived?: Readonly<Record<string, Derived>>;
  /** Fields that no two records of the kind may share; the code is always one when there is one. */
  readonly unique?: readonly string[];
  readonly events: "configuration" | "billing";
}

export const defineResource = <Fields extends z.ZodType>(
  resource: Resource<Fields>,
): Resource<Fields> => resource;

/** What a client reads: the written fields with the standard ones (m3ter semantics 2.4). */
export type Stored<R extends Resource> = z.output<R["fields"]> & {
  readonly id: string;
  readonly version: number;
  readonly dtCreated: string;
  readonly dtLastModified: string;
  readonly createdBy: string;
  readonly lastModifiedBy: string;
};
