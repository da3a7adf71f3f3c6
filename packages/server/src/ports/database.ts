import type { ColumnType, Generated, Kysely, Transaction } from "kysely";

/** A timestamptz: a Date when read, an ISO text or a Date when written. */
type At = ColumnType<Date, Date | string, Date | string>;
/** A bigint column: text when read, so that no digit is lost. */
type Big = ColumnType<string, string | number | bigint, string | number | bigint>;
type Json<T> = ColumnType<T, string, string>;

export type Document = Readonly<Record<string, unknown>>;

export interface RecordTable {
  org_id: string;
  kind: string;
  id: string;
  parent_id: string | null;
  code: string | null;
  version: Big;
  document: Json<Document>;
  dt_created: At;
  dt_last_modified: At;
  created_by: string;
  last_modified_by: string;
}

/** The tables of the system of record, as `adapters/postgres/schema.sql` has them. */
export interface Tables {
  organization: { id: string; created_at: At };
  service_user: { id: string; org_id: string; name: string; created_at: At };
  access_key: { access_key: string; service_user_id: string; secret_hash: string; created_at: At };
  installation: { name: string; value: string };
  record: RecordTable;
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
    sequence: Generated<Big>;
    org_id: string;
    at: At;
    principal: string;
    kind: string;
    record_id: string;
    action: "created" | "updated" | "deleted";
    before: Json<Document> | null;
    after: Json<Document> | null;
  };
}

/** The system of record: one SQL dialect, PostgreSQL, embedded or at DATABASE_URL. */
export type Database = Kysely<Tables>;
export type DatabaseTransaction = Transaction<Tables>;
