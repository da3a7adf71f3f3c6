import type { Operation, Request } from "@turnpike/contract/operation.ts";
import type { operations, OperationId } from "@turnpike/contract/operations.ts";
import type { Tokens } from "../access/tokens.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { PlainUsage } from "../authorization/plain-usage.ts";
import type { Database } from "../ports/database.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { Catalog } from "../resources/verbs.ts";

/** What handlers may use; built once by `world.ts`. */
export interface World {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly tokens: Tokens;
  readonly usage: UsageStore;
  readonly ledger: Ledger;
  readonly plainUsage: PlainUsage;
  readonly now: () => Date;
  /** To be told once who may do what has changed in an organization. */
  readonly accessChanged: (orgId: string) => void;
}

export type Handler<O extends Operation> = (request: Request<O>, world: World) => Promise<unknown>;

/** One handler for each operation: a missing one does not compile. */
export type Handlers = { readonly [Id in OperationId]: Handler<(typeof operations)[Id]> };
