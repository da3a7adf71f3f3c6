import type { Answer } from "./answer.ts";

/** A column of the relation: its name to the query, and its type in DuckDB. */
export interface RelationColumn {
  readonly name: string;
  readonly type: string;
}

/**
 * A query and what to ask it of: groups `0 … groups - 1`, each with the rows of the Parquet file whose column `group` is
 * its number, in the file's order, `columns` standing in the file as `c0, c1, …`. Without a file the groups are empty.
 */
export interface Job {
  readonly sql: string;
  readonly columns: readonly RelationColumn[];
  readonly file?: string | undefined;
  readonly groups: number;
  /** The group to begin with. */
  readonly first: number;
  /** No group begins later than that, but for the first. */
  readonly turnMs: number;
}

/** What the process says: that it is ready, then for each job one message for each group and the end of the turn. */
export type Message =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly answer: Answer }
  | { readonly kind: "done" }
  /** The statement is not one that may run; there are no answers. */
  | { readonly kind: "refused"; readonly reason: string }
  /** The process has killed itself. */
  | { readonly kind: "too-much-memory" };
