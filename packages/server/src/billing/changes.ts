import type { Selectable } from "kysely";
import type {
  BillJobTable,
  DatabaseTransaction,
  Document,
  StatementJobTable,
} from "../ports/database.ts";
import type { Caller } from "../records/caller.ts";

/** Rows of the audit log written by one statement: far below what a statement may have of parameters. */
const batchSize = 500;

/** What billing changes and is no record of the catalog. */
export type ChangedKind = "bill" | "billJob" | "statementJob";

export interface Change {
  readonly id: string;
  /** Absent: it is new. */
  readonly before?: Document | undefined;
  /** Absent: it is gone. */
  readonly after?: Document | undefined;
}

const textOf = (document: Document | undefined): string | null =>
  document === undefined ? null : JSON.stringify(document);

const actionOf = ({ before, after }: Change): "created" | "updated" | "deleted" => {
  if (before === undefined) return "created";
  return after === undefined ? "deleted" : "updated";
};

/** The audit log's rows, in the changes' own transaction. They are what events are made from (m3ter semantics 22). */
export const recordChanges = async (
  transaction: DatabaseTransaction,
  { orgId, principal }: Caller,
  { kind, at, changes }: { kind: ChangedKind; at: Date; changes: readonly Change[] },
): Promise<void> => {
  const rows = changes.map((change) => ({
    org_id: orgId,
    at,
    principal,
    kind,
    record_id: change.id,
    action: actionOf(change),
    before: textOf(change.before),
    after: textOf(change.after),
  }));
  for (let start = 0; start < rows.length; start += batchSize) {
    const batch = rows.slice(start, start + batchSize);
    await transaction.insertInto("change").values(batch).execute();
  }
};

const auditFields = (job: Selectable<BillJobTable> | Selectable<StatementJobTable>) => ({
  dtCreated: job.dt_created.toISOString(),
  dtLastModified: job.dt_last_modified.toISOString(),
  createdBy: job.created_by,
  lastModifiedBy: job.last_modified_by,
});

/** What was asked for and where it stands; how far a run has come is not a change of it. */
export const billJobDocument = (job: Selectable<BillJobTable>): Document => ({
  id: job.id,
  version: Number(job.version),
  ...job.request,
  type: job.type,
  status: job.status,
  ...auditFields(job),
});

export const statementJobDocument = (job: Selectable<StatementJobTable>): Document => ({
  id: job.id,
  version: Number(job.version),
  billId: job.bill_id,
  statementJobStatus: job.status,
  includeCsvFormat: job.includes_csv,
  ...(job.meter_ids.length === 0 ? {} : { filters: { meterIds: job.meter_ids } }),
  ...auditFields(job),
});
