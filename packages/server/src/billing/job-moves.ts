import { type Selectable, sql } from "kysely";
import type {
  BillJobTable,
  Database,
  DatabaseTransaction,
  Document,
  StatementJobTable,
} from "../ports/database.ts";
import { billJobDocument, recordChanges, statementJobDocument } from "./changes.ts";

interface Job {
  readonly id: string;
  readonly status: string;
  readonly created_by: string;
}

/** A kind of job: its table, and what the audit log keeps of a row. */
interface JobKind<Row extends Job> {
  readonly kind: "billJob" | "statementJob";
  readonly table: "bill_job" | "statement_job";
  readonly document: (row: Row) => Document;
}

export const billJobs: JobKind<Selectable<BillJobTable>> = {
  kind: "billJob",
  table: "bill_job",
  document: billJobDocument,
};

export const statementJobs: JobKind<Selectable<StatementJobTable>> = {
  kind: "statementJob",
  table: "statement_job",
  document: statementJobDocument,
};

/** Where a job goes, from which statuses only, and by whom; without a principal, by who began it. */
interface Move<Status> {
  readonly orgId: string;
  readonly jobId: string;
  readonly from: readonly Status[];
  readonly to: Status;
  readonly at: Date;
  readonly principal?: string;
}

/** Moves a job on, when it is there and in one of the statuses, and records that; whether it moved. */
export const moveJob = <Row extends Job>(
  database: Database,
  jobs: JobKind<Row>,
  move: Move<Row["status"]>,
): Promise<boolean> =>
  database.transaction().execute(async (transaction) => {
    const before = await lockedJob(transaction, jobs, move);
    if (before === undefined) return false;
    const { orgId, to, at, principal = before.created_by } = move;
    const { rows } = await sql<Row>`
      UPDATE ${sql.table(jobs.table)}
      SET status = ${to}, version = version + 1, dt_last_modified = ${at}, last_modified_by = ${principal}
      WHERE org_id = ${orgId} AND id = ${before.id} RETURNING *
    `.execute(transaction);
    const changes = rows.map((after) => ({
      id: before.id,
      before: jobs.document(before),
      after: jobs.document(after),
    }));
    await recordChanges(transaction, { orgId, principal }, { kind: jobs.kind, at, changes });
    return true;
  });

const lockedJob = async <Row extends Job>(
  transaction: DatabaseTransaction,
  { table }: JobKind<Row>,
  { orgId, jobId, from }: Move<Row["status"]>,
): Promise<Row | undefined> => {
  const { rows } = await sql<Row>`
    SELECT * FROM ${sql.table(table)}
    WHERE org_id = ${orgId} AND id::text = ${jobId} AND status = ANY(${from}) FOR UPDATE
  `.execute(transaction);
  return rows[0];
};
