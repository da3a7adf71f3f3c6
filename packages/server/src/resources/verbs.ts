import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { Database, Reader } from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";
import { type CatalogChange, inShort } from "../records/catalog-change.ts";
import type { Background } from "./background.ts";
import { tellServers } from "./catalog-news.ts";
import type { KindOf } from "./filters.ts";
import { createLists, type Lists } from "./lists.ts";
import type { Place, Scope } from "../records/place.ts";
import { findRecord, isWithin, type RecordRow } from "../records/records.ts";
import { type Reply, toReplies } from "./replies.ts";
import type { Secrets } from "./secrets.ts";
import { createWriter, type Writer } from "./writer.ts";
import { locked } from "./writes.ts";

/** The verbs that serve every declared resource. A Problem says why not. */
export interface Catalog extends Lists {
  readonly create: (place: Place, body: unknown) => Promise<Reply>;
  readonly retrieve: (place: Place, id: string) => Promise<Reply>;
  readonly update: (place: Place, change: { id: string; body: unknown }) => Promise<Reply>;
  readonly remove: (place: Place, id: string) => Promise<Reply>;
  /** Several writes that happen together or not at all. */
  readonly change: <T>(caller: Caller, work: (writer: Writer) => Promise<T>) => Promise<T>;
  /** Does the work and takes its writes back: nobody else sees them, and nothing of them stays. */
  readonly rehearse: <T>(caller: Caller, work: (writer: Writer) => Promise<T>) => Promise<T>;
  /** Records as clients read them. */
  readonly replies: (
    reader: Reader,
    resource: Resource,
    rows: readonly RecordRow[],
  ) => Promise<Reply[]>;
}

/** Told after a change is committed, before the client is. */
export type OnChange = (change: CatalogChange) => void;

/** What takes too long for a transaction, done before a body is written; a Problem says why it will not be. */
export type Examine = (place: Place, body: unknown) => Promise<void>;

export interface CatalogParts {
  readonly database: Database;
  readonly resources: readonly Resource[];
  readonly secrets: Secrets;
  readonly now: () => Date;
  readonly background: Background;
  readonly onChange: OnChange;
  readonly examine: Examine;
}

/** Of a write that is taken back. */
const tellNobody = (): void => undefined;

export const createCatalog = (parts: CatalogParts): Catalog => {
  const { database, secrets, now, background } = parts;
  const kindOf = referencedKinds(parts.resources);

  const replies: Catalog["replies"] = (reader, resource, rows) =>
    toReplies(reader, { resource, rows, kindOf, secrets, at: now() });

  const change: Catalog["change"] = async (caller, work) => {
    const written: CatalogChange[] = [];
    const onWrite = (one: CatalogChange): void => void written.push(one);
    const [result, changes] = await database.transaction().execute(async (transaction) => {
      const writing = { caller, at: now(), secrets, background, onWrite };
      const done = await work(createWriter(transaction, writing));
      const told = inShort(written);
      await tellServers(transaction, told);
      return [done, told];
    });
    for (const each of changes) parts.onChange(each);
    return result;
  };

  const rehearse: Catalog["rehearse"] = async (caller, work) => {
    const transaction = await database.startTransaction().execute();
    try {
      const unheard = { caller, at: now(), secrets, background, onWrite: tellNobody };
      return await work(createWriter(transaction, unheard));
    } finally {
      await transaction.rollback().execute();
    }
  };

  const write = (
    { caller, resource }: Place,
    work: (writer: Writer) => Promise<RecordRow>,
  ): Promise<Reply> =>
    change(caller, async (writer) =>
      only(await replies(writer.transaction, resource, [await work(writer)])),
    );

  return {
    change,
    rehearse,
    replies,
    create: async (place, body) => {
      await parts.examine(place, body);
      return write(place, (writer) => writer.create(place.resource, within(body, place.scope)));
    },
    update: async (place, { id, body }) => {
      await parts.examine(place, body);
      return write(place, (writer) => {
        const { scope, resource } = place;
        return writer.update(resource, { id, body: within(body, scope), scope });
      });
    },
    remove: ({ resource, caller, scope }, id) =>
      change(caller, async (writer) => {
        const { transaction } = writer;
        const row = await locked(transaction, resource, { caller, id, scope });
        // Before it goes: what goes with it, the reply is calculated from.
        const reply = only(await replies(transaction, resource, [row]));
        await writer.remove(resource, { id, scope });
        return reply;
      }),

    retrieve: async ({ resource, caller, scope }, id) => {
      const row = await findRecord(database, { orgId: caller.orgId, kind: resource.kind, id });
      if (row === undefined || !isWithin(row, scope)) throw new Problem("NOT_FOUND");
      return only(await replies(database, resource, [row]));
    },

    ...createLists({ database, now, kindOf, replies }),
  };
};

const only = (found: readonly Reply[]): Reply => {
  const [reply] = found;
  if (reply === undefined) throw new Error("a record has a reply");
  return reply;
};

/** The path says what a record lives within, whatever the body says. */
const within = (body: unknown, scope: Scope = {}): unknown =>
  typeof body === "object" && body !== null && !Array.isArray(body) ? { ...body, ...scope } : body;

/** `(kind, field) → kind`, as the declarations say; a declaration that names no such reference is a mistake. */
const referencedKinds = (resources: readonly Resource[]): KindOf => {
  const byKind = new Map(resources.map((resource) => [resource.kind, resource.references]));
  return (kind, field) => {
    const target = byKind.get(kind)?.[field];
    if (target === undefined) throw new Error(`${kind} declares no reference ${field}`);
    return target;
  };
};
