import type { PrincipalType } from "@turnpike/contract/access/operations.ts";
import type { BillJobRequest, BillJobStatus } from "@turnpike/contract/billing/bill-job.ts";
import type { StatementJobStatus } from "@turnpike/contract/billing/statement-job.ts";
import type { ExportOrder, ExportStatus } from "@turnpike/contract/sync/export-job.ts";
import type { RunStatus } from "@turnpike/contract/sync/integration-operations.ts";
import type { ColumnType, Generated, Kysely, Transaction } from "kysely";

/** A timestamptz: a Date when read, an ISO text or a Date when written. */
type At = ColumnType<Date, Date | string, Date | string>;
/** A bigint column: text when read, so that no digit is lost. */
type Big = ColumnType<string, string | number | bigint, string | number | bigint>;
type Json<T> = ColumnType<T, string, string>;

export type Document = Readonly<Record<string, unknown>>;

interface Audited {
  dt_created: At;
  dt_last_modified: At;
  created_by: string;
  last_modified_by: string;
}

export interface RecordTable extends Audited {
  org_id: string;
  kind: string;
  id: string;
  parent_id: string | null;
  code: string | null;
  folded_code: string | null;
  version: Big;
  document: Json<Document>;
}

export interface LookupJobTable {
  org_id: string;
  id: string;
  revision_id: string;
  table_id: string;
  destination_id: string | null;
  type: "COPY" | "UPLOAD" | "DOWNLOAD" | "ARCHIVE";
  status: "PENDING" | "FAILED" | "SUCCEEDED";
  file_name: string | null;
  content_type: string | null;
  failure_reason: string | null;
  version: Big;
  data_version: Big | null;
  job_date: At;
  content_length: Big | null;
  stored_as: string | null;
}

/** A date column: `YYYY-MM-DD`. */
type LocalDate = string;
/** A numeric column: text when read, so that no digit is lost. */
type Exact = ColumnType<string, string, string>;

export interface BillJobTable extends Audited {
  org_id: string;
  id: string;
  version: Big;
  type: "CREATE" | "RECALCULATE";
  status: BillJobStatus;
  request: Json<JobRequest>;
}

/** What a run was asked for; the bills are those of a RECALCULATE. */
export interface JobRequest extends BillJobRequest {
  readonly billIds?: string[] | undefined;
}

export interface BillTable extends Audited {
  org_id: string;
  id: string;
  version: Big;
  account_id: string;
  bill_date: LocalDate;
  currency: string;
  billing_frequency: string;
  billing_interval: number;
  /** Which of the account's bills of that date it is: see the engine's `billGroups`. */
  group_key: string;
  status: "PENDING" | "APPROVED";
  is_locked: Generated<boolean>;
  job_id: string;
  starts_at: At;
  ends_at: At;
  start_date: LocalDate;
  end_date: LocalDate;
  due_date: LocalDate;
  external_invoice_date: LocalDate;
  time_zone: string;
  total: Exact;
  last_calculated_at: At;
  facts: string;
  usage_mark: string | null;
  usage_reach: Json<readonly object[]> | null;
  invoice_number: string | null;
  request: Json<BillJobRequest>;
  approved_at: At | null;
  approved_by: string | null;
  locked_at: At | null;
  locked_by: string | null;
  is_locked_by_date: Generated<boolean>;
}

export type MemoType = "CREDIT_MEMO" | "DEBIT_MEMO";

export interface BillMemoTable extends Audited {
  org_id: string;
  id: string;
  bill_id: string;
  version: Big;
  line_item_type: MemoType;
  document: Json<Document>;
  memo: Json<unknown>;
}

export interface StatementJobTable extends Audited {
  org_id: string;
  id: string;
  version: Big;
  bill_id: string;
  status: StatementJobStatus;
  includes_csv: boolean;
  meter_ids: Json<string[]>;
}

export type StatementFormat = "JSON" | "CSV";

export interface StatementTable {
  org_id: string;
  bill_id: string;
  format: StatementFormat;
  job_id: string | null;
  is_stale: Generated<boolean>;
  body: string;
  made_at: At;
}

export interface BillLineTable {
  org_id: string;
  bill_id: string;
  id: string;
  sequence_number: number;
  key: string;
  line_item_type: string;
  converted_subtotal: Exact;
  line: Json<unknown>;
}

export interface UsageUploadTable {
  org_id: string;
  id: string;
  version: Big;
  file_name: string;
  content_type: string;
  content_length: Big;
  status: "notUploaded" | "running" | "failed" | "succeeded";
  stored_as: string | null;
  failure_reason: string | null;
  total_rows: Big | null;
  processed_rows: ColumnType<string, string | undefined, string>;
  failed_rows: ColumnType<string, string | undefined, string>;
  is_in_doubt: Generated<boolean>;
  created_at: At;
}

export interface ExportJobTable {
  org_id: string;
  id: string;
  version: Big;
  /** Of an export that a schedule asked for. */
  schedule_id: string | null;
  status: ExportStatus;
  request: Json<ExportOrder>;
  /** What the file store calls the file, while it is kept. */
  stored_as: string | null;
  failure_reason: string | null;
  dt_created: At;
  started_at: At | null;
  finished_at: At | null;
  created_by: string;
}

export interface IntegrationRunTable extends Audited {
  org_id: string;
  id: string;
  version: Big;
  config_id: string;
  entity_type: string;
  entity_id: string;
  destination: string;
  destination_id: string | null;
  status: RunStatus;
  log: Json<readonly { readonly at: string; readonly message: string }[]>;
}

/** The events of changes and the others, in one row shape. */
export interface EventFeedView {
  org_id: string;
  id: string;
  at: At;
  /** Of an event that is no change. */
  name: string | null;
  kind: string | null;
  action: "created" | "updated" | "deleted" | null;
  record_id: string | null;
  before: Json<Document> | null;
  after: Json<Document> | null;
}

/** The tables of the system of record, as `adapters/postgres/schema.sql` has them. */
export interface Tables {
  organization: { id: string; created_at: At };
  access_key: {
    access_key: string;
    org_id: string;
    service_user_id: string;
    id: string;
    secret_hash: string;
    created_at: At;
    created_by: string;
  };
  principal_permission: {
    org_id: string;
    id: string;
    policy_kind: Generated<string>;
    policy_id: string;
    principal_type: PrincipalType;
    principal_id: string;
    created_at: At;
    created_by: string;
  };
  installation: { name: string; key_id: string; sealed: Buffer };
  record: RecordTable;
  record_secret: { org_id: string; kind: string; id: string; key_id: string; sealed: Buffer };
  lookup_data: Audited & {
    org_id: string;
    revision_id: string;
    version: Big;
  };
  lookup_item: { org_id: string; revision_id: string; lookup_key: string; item: Json<Document> };
  lookup_job: LookupJobTable;
  unique_value: { org_id: string; kind: string; field: string; value: string; id: string };
  reference: {
    org_id: string;
    from_kind: string;
    from_id: string;
    field: string;
    to_kind: string;
    to_id: string;
  };
  change: {
    /** The database counts. */
    sequence: ColumnType<string, never, never>;
    org_id: string;
    at: At;
    principal: string;
    kind: string;
    record_id: string;
    action: "created" | "updated" | "deleted";
    before: Json<Document> | null;
    after: Json<Document> | null;
  };
  event: { org_id: string; id: string; at: At; name: string; detail: Json<Document> };
  failed_ingest: { org_id: string; event_id: string; body: string };
  event_feed: EventFeedView;
  usage_upload: UsageUploadTable;
  backfill_failures: {
    org_id: string;
    backfill_id: string;
    failed_rows: ColumnType<string, number, number>;
  };
  export_schedule: { org_id: string; kind: Generated<string>; id: string; next_run_at: At };
  export_job: ExportJobTable;
  integration_run: IntegrationRunTable;
  bill_job: BillJobTable;
  bill_job_account: {
    org_id: string;
    job_id: string;
    account_id: string;
    is_done: Generated<boolean>;
    failures: ColumnType<unknown[], string | undefined, string>;
  };
  bill: BillTable;
  bill_line: BillLineTable;
  bill_draw_down: {
    org_id: string;
    bill_id: string;
    line_key: string;
    credit_kind: "COMMITMENT" | "BALANCE";
    credit_id: string;
    amount: Exact;
    drawn_from: At;
    drawn_to: At;
  };
  bill_correction: {
    org_id: string;
    bill_id: string;
    key: string;
    corrected_bill_id: string;
    correction: Json<unknown>;
  };
  bill_memo: BillMemoTable;
  bill_sequence: { org_id: string; last: Big };
  bill_schedule: { org_id: string; last_run_at: At };
  statement_job: StatementJobTable;
  statement: StatementTable;
}

/** The system of record: one SQL dialect, PostgreSQL, embedded or at DATABASE_URL. */
export type Database = Kysely<Tables>;
export type DatabaseTransaction = Transaction<Tables>;
/** Who reads need not care whether it is in a transaction. */
export type Reader = Database | DatabaseTransaction;
