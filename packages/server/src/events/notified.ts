import type { z } from "zod";
import { notification } from "@turnpike/contract/sync/notification.ts";
import { type CompiledCalculation, compile } from "@turnpike/engine/calculation/evaluator.ts";
import { noTables } from "@turnpike/engine/calculation/environment.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { Reference } from "@turnpike/engine/calculation/syntax.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import type { Database, Document } from "../ports/database.ts";
import { lookupCodes } from "../records/lookup.ts";
import { isRecordId } from "../records/records.ts";

/** What a notification looks at in an event. */
export interface Occurrence {
  readonly name: string;
  readonly at: Date;
  readonly before: Document | null;
  readonly after: Document | null;
}

/** A notification as it was from an instant on. */
interface Version {
  readonly from: Date;
  /** Undefined once it is deleted. */
  readonly rule: z.output<typeof notification.fields> | undefined;
  readonly calculation: CompiledCalculation | undefined;
}

/** Whether a notification was triggered by an event, and which events it ever waited for. */
export interface Notified {
  readonly eventNames: readonly string[];
  readonly by: (event: Occurrence) => boolean;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;

const inputOf = (value: unknown): Input => {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return value;
  return null;
};

/** What is not there is null: the documented sample compares `old.amountSpent` with null (m3ter semantics 22). */
const valueIn = ({ before, after }: Occurrence, reference: Reference): Input | undefined => {
  if (reference.kind !== "event") return undefined;
  let value: unknown = reference.side === "new" ? after : before;
  for (const name of reference.path) value = isRecord(value) ? value[name] : undefined;
  return inputOf(value);
};

const compiled = (text: string | undefined): CompiledCalculation | undefined => {
  const parsing = parse(text ?? "");
  return parsing.ok ? compile(parsing.calculation) : undefined;
};

const fires = ({ rule, calculation }: Version, event: Occurrence): boolean => {
  if (rule === undefined || !rule.active || rule.eventName !== event.name) return false;
  if (rule.alwaysFireEvent) return true;
  const read = (reference: Reference): Input | undefined => valueIn(event, reference);
  const answer = calculation?.({ read, lookup: noTables });
  return answer?.ok === true && answer.value === true;
};

/** Every state that a notification had, oldest first: the audit log is the one record of when it was what. */
const versionsOf = async (database: Database, orgId: string, id: string): Promise<Version[]> => {
  const rows = await database
    .selectFrom("change")
    .select(["at", "after"])
    .where("org_id", "=", orgId)
    .where("kind", "=", notification.kind)
    .where("record_id", "=", id)
    .orderBy("sequence")
    .execute();
  return rows.map(({ at, after }) => {
    const rule = after === null ? undefined : notification.fields.parse(after);
    return { from: at, rule, calculation: compiled(rule?.calculation) };
  });
};

/** The notification of that id; or of that code, while it has it. Nothing where there is none. */
const idOf = async (
  database: Database,
  orgId: string,
  { id, code }: { id?: string | undefined; code?: string | undefined },
): Promise<string | undefined> => {
  if (id !== undefined && !isRecordId(id)) return undefined;
  if (code === undefined) return id?.toLowerCase();
  const [found] = await lookupCodes(database, notification, { orgId, codes: [code] });
  return id === undefined || found?.id === id.toLowerCase() ? found?.id : undefined;
};

/** Judges each event by the notification as it was when the event happened (m3ter semantics 22). */
export const notifiedBy = async (
  database: Database,
  orgId: string,
  named: { id?: string | undefined; code?: string | undefined },
): Promise<Notified> => {
  const id = await idOf(database, orgId, named);
  const versions = id === undefined ? [] : await versionsOf(database, orgId, id);
  const eventNames = new Set(versions.flatMap(({ rule }) => rule?.eventName ?? []));
  return {
    eventNames: [...eventNames],
    by: (event) => {
      const then = versions.findLast(({ from }) => from.getTime() <= event.at.getTime());
      return then !== undefined && fires(then, event);
    },
  };
};
