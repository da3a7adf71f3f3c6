import type { Resource } from "@turnpike/contract/resource.ts";
import type { Caller } from "./caller.ts";

/** Field → the value that it must have. */
export type Scope = Readonly<Record<string, string>>;

/** A collection as one caller sees it; with a scope, only the part of it whose fields equal the scope's. */
export interface Place {
  readonly resource: Resource;
  readonly caller: Caller;
  readonly scope?: Scope | undefined;
}
