import type { z } from "zod";
import type { Permission } from "./access/permission.ts";

/**
 * One route that is not a verb of a resource. The table in `operations.ts` holds them all; the server's
 * `operations/index.ts` has a handler for each or does not compile.
 */
export type Operation = Route & Access;

interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** From the root, parameters in braces. */
  readonly path: string;
  readonly noun: string;
  readonly summary: string;
  readonly query?: z.ZodObject;
  /** How the body comes: as JSON unless said otherwise; `raw` and `stream` are read by the handler itself. */
  readonly accepts?: "json or form" | "json or nothing" | "raw" | "stream";
  /** Its body may be as large as one of measurements: it holds as many. */
  readonly holdsMeasurements?: true;
  readonly body?: z.ZodType;
  /** Without one, any JSON object. */
  readonly reply?: z.ZodType;
}

/** Who may call: a bearer of the organization in the path who is permitted, anyone with a key, or anyone. */
export type Access =
  | {
      readonly access: "organization";
      readonly permission: Permission | "none";
      /** Callers may show their key pair itself (HTTP Basic) and save the way for a token. */
      readonly takesKey?: true;
    }
  | { readonly access: "key" | "public" };

type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

/** What a handler receives once the contract has been checked. */
export interface Request<O extends Operation> {
  /** Of the caller, which is the one in the path. */
  readonly orgId: string;
  /** The service user that calls. */
  readonly principal: string;
  /** The key that it calls with. */
  readonly accessKey: string;
  /** Where the caller reached the server, for URLs in replies: scheme, host and port. */
  readonly origin: string;
  readonly params: Readonly<Record<string, string>>;
  readonly query: Parsed<O["query"]>;
  readonly body: Parsed<O["body"]>;
  /** The body as it came, with the headers that say how to read it. */
  readonly raw: {
    readonly body: Uint8Array;
    readonly contentType: string | undefined;
    readonly contentEncoding: string | undefined;
  };
  /** Of a route that accepts a `stream`, the body as it arrives; ends at once on any other. */
  readonly stream: AsyncIterable<Uint8Array>;
}
