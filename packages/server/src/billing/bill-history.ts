import { sql } from "kysely";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import type { Correction } from "@turnpike/engine/bill/corrections.ts";
import type { CreditDraw } from "@turnpike/engine/bill/credit-draws.ts";
import { fromJson, type Json } from "@turnpike/engine/bill/facts-json.ts";
import type { MemoTerms } from "@turnpike/engine/bill/facts.ts";
import type { CarriedCorrection } from "@turnpike/engine/bill/drawable.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Reader } from "../ports/database.ts";
import type { Snapshot } from "./snapshot.ts";
import type { UsageReach } from "./usage-reach.ts";

/** A bill as it stands, without its lines. */
export interface StoredBill {
  readonly id: string;
  readonly accountId: string;
  /** `YYYY-MM-DD`. */
  readonly billDate: string;
  readonly currency: string;
  readonly groupKey: string;
  readonly frequency: string;
  readonly interval: number;
  readonly isApproved: boolean;
  /** By itself or by the organization's lock date. */
  readonly isLocked: boolean;
  /** What the run that calculated it was asked for. */
  readonly request: BillJobRequest;
  /** Of the usage store, from before its usage was read. */
  readonly usageMark: string | null;
  readonly usageReach: readonly UsageReach[] | null;
}

/** What a line of a bill took from a commitment or balance, in its currency. */
export interface DrawDown extends CreditDraw {
  readonly billId: string;
}

/** What earlier runs left behind for some accounts. */
export interface History {
  readonly bills: readonly StoredBill[];
  /** Of the accounts' credits, by whichever bill. */
  readonly drawDowns: readonly DrawDown[];
  /** Dates of the bills that drew, some of which may be another account's. */
  readonly drawDates: ReadonlyMap<string, string>;
  readonly corrections: readonly CarriedCorrection[];
  /** By bill. */
  readonly memos: ReadonlyMap<string, readonly MemoTerms[]>;
}

const takeBills = async (
  reader: Reader,
  orgId: string,
  accountIds: readonly string[],
): Promise<StoredBill[]> => {
  const { rows } = await sql<StoredBill>`
    SELECT id, account_id AS "accountId", bill_date AS "billDate", currency, group_key AS "groupKey",
      billing_frequency AS frequency, billing_interval AS interval, status = 'APPROVED' AS "isApproved",
      is_locked AS "isLocked", request, usage_mark AS "usageMark", usage_reach AS "usageReach"
    FROM bill WHERE org_id = ${orgId} AND account_id = ANY(${accountIds}::uuid[])
    ORDER BY bill_date, group_key, id
  `.execute(reader);
  return rows;
};

interface DrawDownRow {
  readonly bill_id: string;
  readonly bill_date: string;
  readonly line_key: string;
  readonly credit_kind: "COMMITMENT" | "BALANCE";
  readonly credit_id: string;
  readonly amount: string;
  readonly drawn_from: Date;
  readonly drawn_to: Date;
}

const instantOf = (at: Date): Temporal.Instant =>
  Temporal.Instant.fromEpochMilliseconds(at.getTime());

const takeDrawDowns = async (
  reader: Reader,
  orgId: string,
  creditIds: readonly string[],
): Promise<Pick<History, "drawDowns" | "drawDates">> => {
  if (creditIds.length === 0) return { drawDowns: [], drawDates: new Map() };
  const { rows } = await sql<DrawDownRow>`
    SELECT bill_draw_down.*, bill.bill_date
    FROM bill_draw_down JOIN bill ON bill.org_id = bill_draw_down.org_id AND bill.id = bill_id
    WHERE bill_draw_down.org_id = ${orgId} AND credit_id = ANY(${creditIds}::uuid[])
    ORDER BY bill_id, line_key
  `.execute(reader);
  return {
    drawDates: new Map(rows.map(({ bill_id, bill_date }) => [bill_id, bill_date])),
    drawDowns: rows.map((row) => ({
      billId: row.bill_id,
      lineKey: row.line_key,
      creditKind: row.credit_kind,
      creditId: row.credit_id,
      amount: decimal(row.amount),
      drawnFor: { start: instantOf(row.drawn_from), end: instantOf(row.drawn_to) },
    })),
  };
};

/* oxlint-disable typescript/no-unsafe-type-assertion -- each reads what we wrote from that very type */
const readCorrection = (stored: unknown): Correction => fromJson(stored as Json) as Correction;
const readMemo = (stored: unknown): MemoTerms => fromJson(stored as Json) as MemoTerms;
/* oxlint-enable typescript/no-unsafe-type-assertion */

const takeCorrections = async (
  reader: Reader,
  orgId: string,
  billIds: readonly string[],
): Promise<CarriedCorrection[]> => {
  if (billIds.length === 0) return [];
  const { rows } = await sql<{ bill_id: string; bill_date: string; correction: unknown }>`
    SELECT bill_id, bill_date, correction
    FROM bill_correction JOIN bill ON bill.org_id = bill_correction.org_id AND bill.id = bill_id
    WHERE bill_correction.org_id = ${orgId} AND corrected_bill_id = ANY(${billIds}::uuid[])
    ORDER BY bill_id, key
  `.execute(reader);
  return rows.map(({ bill_id, bill_date, correction }) => ({
    billId: bill_id,
    billDate: Temporal.PlainDate.from(bill_date),
    correction: readCorrection(correction),
  }));
};

const takeMemos = async (
  reader: Reader,
  orgId: string,
  billIds: readonly string[],
): Promise<Map<string, MemoTerms[]>> => {
  if (billIds.length === 0) return new Map();
  const rows = await reader
    .selectFrom("bill_memo")
    .select(["bill_id", "memo"])
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ANY(${billIds}::uuid[])`)
    .orderBy("dt_created")
    .orderBy("id")
    .execute();
  const byBill = Map.groupBy(rows, ({ bill_id }) => bill_id);
  return new Map([...byBill].map(([id, memos]) => [id, memos.map(({ memo }) => readMemo(memo))]));
};

/** Four queries, however many accounts. */
export const takeHistory = async (
  reader: Reader,
  snapshot: Snapshot,
  accountIds: readonly string[],
): Promise<History> => {
  const { orgId, commitments, balances } = snapshot;
  const bills = await takeBills(reader, orgId, accountIds);
  const billIds = bills.map(({ id }) => id);
  const creditIds = [...commitments, ...balances].map(({ id }) => id);
  return {
    bills,
    ...(await takeDrawDowns(reader, orgId, creditIds)),
    corrections: await takeCorrections(reader, orgId, billIds),
    memos: await takeMemos(reader, orgId, billIds),
  };
};
