import type { Resource } from "@turnpike/contract/resource.ts";
import type { DatabaseTransaction, Document } from "../ports/database.ts";
import type { ScheduledEntry } from "./balance-schedules.ts";
import { organizationZone } from "./organization.ts";
import type { Rules } from "./rule.ts";

/** What a kind of schedule makes. */
export interface ScheduleKind {
  readonly makes: Resource;
  readonly entriesOf: (
    transaction: DatabaseTransaction,
    schedule: { readonly orgId: string; readonly zone: string; readonly document: Document },
  ) => Promise<readonly ScheduledEntry[]>;
  /** The server's own fields of what it makes. */
  readonly owned: (scheduleId: string) => Document;
}

/** At most this many entries in one write, so that none holds its locks for long; the clock makes the rest. */
const entriesPerWrite = 200;

const hasRun = ({ at }: ScheduledEntry, previousRun: unknown): boolean =>
  typeof previousRun === "string" && at.epochMilliseconds <= Date.parse(previousRun);

/** What has fallen due since the last run. */
const dueEntries = (
  entries: readonly ScheduledEntry[],
  previousRun: unknown,
  now: Date,
): readonly ScheduledEntry[] =>
  entries
    .filter((entry) => !hasRun(entry, previousRun) && entry.at.epochMilliseconds <= now.getTime())
    .slice(0, entriesPerWrite);

/** `previousRun` with this write, and `nextRun`; undefined is not stored. */
const runFields = (
  entries: readonly ScheduledEntry[],
  { previousRun: before }: Document,
  now: Date,
): Document => {
  const last = dueEntries(entries, before, now).at(-1);
  const previousRun = last === undefined ? before : textOf(last);
  const next = entries.find((entry) => !hasRun(entry, previousRun));
  return { previousRun, nextRun: next && textOf(next) };
};

const textOf = ({ at }: ScheduledEntry): string => new Date(at.epochMilliseconds).toISOString();

/**
 * Every write of a schedule, the client's or the clock's, makes what has fallen due since the one before, in the same
 * transaction: each entry is made once, however often and from wherever it is asked for (m3ter semantics 16.5).
 */
export const scheduleRules = ({ makes, entriesOf, owned }: ScheduleKind): Rules => ({
  write: async ({ transaction, orgId, document, at }) => {
    const zone = await organizationZone(transaction, orgId);
    const entries = await entriesOf(transaction, { orgId, zone, document });
    return { ...document, ...runFields(entries, document, at) };
  },
  follow: async ({ writer, row, before }) => {
    const { transaction, at } = writer;
    const { org_id: orgId, document } = row;
    const zone = await organizationZone(transaction, orgId);
    const entries = await entriesOf(transaction, { orgId, zone, document });
    for (const { body } of dueEntries(entries, before?.document["previousRun"], at)) {
      await writer.create(makes, body, owned(row.id));
    }
  },
});
