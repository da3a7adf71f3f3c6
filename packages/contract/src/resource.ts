import type { z } from "zod";

/** What a query parameter of a list route compares. */
export type Filter = (
  | { readonly by: "id" }
  | { readonly by: "code" }
  /** The record's own field equals the value; or is one of a list of values; or is a list that holds it. */
  | { readonly by: "field" | "in" | "contains"; readonly field: string }
  /** A field of the record at the end of a chain of references equals the value. */
  | { readonly by: "through"; readonly path: readonly string[]; readonly field: string }
  /** `[startDate, endDate)` contains the given instant or date. */
  | { readonly by: "activeOn" }
  /** Field ≥ value, or field < value, as dates; a record without the field is judged by the other one. */
  | { readonly by: "from" | "before"; readonly field: string; readonly orElse?: string }
  /** true shows archived records too; they are hidden otherwise. */
  | { readonly by: "archived" }
  /** With one of `when` given, only records active now are listed unless this is true. */
  | { readonly by: "includeInactive"; readonly when: readonly string[] }
  /** ASC lists the oldest record first. */
  | { readonly by: "order" }
) & {
  /** The filter is refused unless this other parameter is given too. */
  readonly requires?: string;
  /** The list is refused without it. */
  readonly required?: true;
  /** Given and empty, it lists the records that have nothing there; elsewhere an empty one counts as absent. */
  readonly orNone?: true;
};

export const verbs = ["create", "retrieve", "update", "delete", "list"] as const;
export type Verb = (typeof verbs)[number];

/** A further list of the same records: only those whose fields equal what the path says. */
export interface View {
  /** Field → name of the path parameter it must equal. */
  readonly match: Readonly<Record<string, string>>;
  readonly pageSizeMax: 100 | 200;
}

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
  /** Under `/organizations/{orgId}/`; a `{name}` in it is what the record lives `within`. */
  readonly path: string;
  /**
   * The `{name}` in the path and the field that holds it. When it is a reference, the record lives under
   * that other record and goes with it.
   */
  readonly within?: string;
  /** What can be done with it; without, all five. */
  readonly verbs?: readonly Verb[];
  /** Callers may show their key pair itself (HTTP Basic) and save the way for a token. */
  readonly takesKey?: true;
  /** What a client may write. Unknown fields are ignored. */
  readonly fields: Fields;
  /** Present when there is exactly one record per organization: it is read and replaced, never created or listed. */
  readonly singleton?: { readonly initial: z.input<Fields> };
  readonly pageSizeMax: 100 | 200;
  readonly filters: Readonly<Record<string, Filter>>;
  /** Field, or field of a field (`scope.product`), → kind it points to. It may hold one id or a list of ids. */
  readonly references: Readonly<Record<string, string>>;
  readonly derived?: Readonly<Record<string, Derived>>;
  /** Fields of the reply that the server calculates when the record is read. */
  readonly computed?: z.ZodObject;
  /** Fields, or fields taken together, that no two records of the kind may share; the code always is one. */
  readonly unique?: readonly (readonly string[])[];
  /** Fields that `…/search` finds records by, besides the standard ones. */
  readonly search?: readonly string[];
  /** Further lists by their path below the collection's. */
  readonly views?: Readonly<Record<string, View>>;
  /** Fields that the server sets: a client's value is ignored, and they survive its updates. */
  readonly owned?: readonly string[];
  /** Fields that are stored apart and never shown, listed, searched or written to the audit log. */
  readonly secrets?: readonly string[];
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
