import type { z } from "zod";

/**
 * One route that is not a verb of a resource. The table in `operations.ts` holds them all; the server's
 * `operations/index.ts` has a handler for each or does not compile.
 */
export interface Operation {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** From the root, parameters in braces. */
  readonly path: string;
  readonly noun: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodType;
  /** Without one, any JSON object. */
  readonly reply?: z.ZodType;
  /** Who may call: a bearer of the organization in the path, anyone with a key, or anyone. */
  readonly access: "organization" | "key" | "public";
}

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler receives once the contract has been checked. */
export interface Request<O extends Operation> {
  readonly orgId: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Parsed<O["query"]>;
  readonly body: Parsed<O["body"]>;
}
