import type { Operation, Request } from "@turnpike/contract/operation.ts";
import type { operations, OperationId } from "@turnpike/contract/operations.ts";
import type { Links } from "../access/links.ts";
import type { Tokens } from "../access/tokens.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { PlainUsage } from "../authorization/usage/plain-usage.ts";
import type { UsageCorrections } from "../authorization/usage/usage-corrections.ts";
import type { Background } from "../billing/background.ts";
import type { Doors } from "../ingest/door.ts";
import type { IngestFailures } from "../events/ingest-failures.ts";
import type { Database } from "../ports/database.ts";
import type { FileStore } from "../ports/file-store.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import type { Catalog } from "../resources/verbs.ts";

/** An answer that is a file to download instead of JSON. */
export class FileReply {
  readonly name: string;
  readonly contentType: string;
  readonly body: string | AsyncIterable<Uint8Array>;

  constructor({ name, contentType, body }: Pick<FileReply, "name" | "contentType" | "body">) {
    this.name = name;
    this.contentType = contentType;
    this.body = body;
  }
}

/** What handlers may use; built once by `world.ts`. */
export interface World {
  readonly database: Database;
  readonly catalog: Catalog;
  readonly tokens: Tokens;
  readonly links: Links;
  readonly background: Background;
  readonly usage: UsageStore;
  readonly ledger: Ledger;
  readonly plainUsage: PlainUsage;
  readonly usageCorrections: UsageCorrections;
  readonly failures: IngestFailures;
  readonly doors: Doors;
  /** What was uploaded. */
  readonly files: FileStore;
  /** What was exported. */
  readonly exports: FileStore;
  readonly now: () => Date;
  /** To be told once who may do what has changed in an organization. */
  readonly accessChanged: (orgId: string) => void;
}

export type Handler<O extends Operation> = (request: Request<O>, world: World) => Promise<unknown>;

/** One handler for each operation: a missing one does not compile. */
export type Handlers = { readonly [Id in OperationId]: Handler<(typeof operations)[Id]> };
