import { randomUUIDv7 } from "node:crypto";
import { type RawBuilder, sql } from "kysely";
import type { Correction } from "@turnpike/engine/bill/corrections.ts";
import { toJson } from "@turnpike/engine/bill/facts-json.ts";
import { type Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { startOfDay } from "@turnpike/engine/time/cadence.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import { exactNumber } from "../records/exact-number.ts";
import type { CalculatedBill } from "./bill-calculation.ts";
import type { DrawDown } from "./bill-history.ts";

/** What bills do to other records: balances are drawn down, commitments spent, charges billed. */

export interface Writer {
  readonly orgId: string;
  readonly principal: string;
  readonly at: Date;
}

/** What a bill takes and carries, or nothing any more. */
export interface BillEffects {
  readonly id: string;
  readonly accountId: string;
  readonly drawDowns: readonly DrawDown[];
  /** What balances give it, below zero. */
  readonly entries: readonly BalanceDraw[];
  readonly corrections: readonly Correction[];
  readonly chargeIds: readonly string[];
}

export interface BalanceDraw {
  readonly balanceId: string;
  readonly amount: Decimal;
  readonly description: string;
  readonly appliedDate: string;
}

/** The record as the audit log shows it: what a client reads (m3ter semantics 2.4). */
const reply = (record: string): RawBuilder<unknown> => {
  const column = (name: string) => sql.ref(`${record}.${name}`);
  const instant = (name: string) =>
    sql`to_char(${column(name)} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return sql`jsonb_build_object('id', ${column("id")}, 'version', ${column("version")}) || ${column("document")}
    || jsonb_build_object('dtCreated', ${instant("dt_created")}, 'dtLastModified', ${instant("dt_last_modified")},
      'createdBy', ${column("created_by")}, 'lastModifiedBy', ${column("last_modified_by")})`;
};

/** Overwrites documents of records and writes the audit log; `next` gives (id, document). */
const overwriteDocuments = async (
  transaction: DatabaseTransaction,
  { orgId, principal, at }: Writer,
  { kind, next }: { kind: string; next: RawBuilder<unknown> },
): Promise<void> => {
  await sql`
    WITH next AS (${next}),
    earlier AS (
      SELECT record.* FROM record JOIN next USING (id) WHERE org_id = ${orgId} AND kind = ${kind} FOR UPDATE OF record
    ),
    later AS (
      UPDATE record SET document = next.document, version = record.version + 1, dt_last_modified = ${at},
        last_modified_by = ${principal}
      FROM next WHERE record.org_id = ${orgId} AND record.kind = ${kind} AND record.id = next.id
        AND record.document IS DISTINCT FROM next.document
      RETURNING record.*
    )
    INSERT INTO change (org_id, at, principal, kind, record_id, action, before, after)
    SELECT ${orgId}::uuid, ${at}::timestamptz, ${principal}, ${kind}, later.id, 'updated', ${reply("earlier")}, ${reply("later")}
    FROM later JOIN earlier USING (id)
  `.execute(transaction);
};

const replaceDrawDowns = async (
  transaction: DatabaseTransaction,
  { orgId }: Writer,
  bills: readonly BillEffects[],
): Promise<void> => {
  const ids = bills.map(({ id }) => id);
  const rows = bills.flatMap(({ drawDowns }) =>
    drawDowns
      .filter(({ amount }) => !amount.isZero())
      .map((draw) => ({
        bill_id: draw.billId,
        line_key: draw.lineKey,
        credit_kind: draw.creditKind,
        credit_id: draw.creditId,
        amount: draw.amount.toString(),
        drawn_from: draw.drawnFor.start.toString(),
        drawn_to: draw.drawnFor.end.toString(),
      })),
  );
  await transaction
    .deleteFrom("bill_draw_down")
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ANY(${ids}::uuid[])`)
    .execute();
  if (rows.length === 0) return;
  await sql`
    INSERT INTO bill_draw_down (org_id, bill_id, line_key, credit_kind, credit_id, amount, drawn_from, drawn_to)
    SELECT ${orgId}, row.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS row(bill_id uuid,
      line_key text, credit_kind text, credit_id uuid, amount numeric, drawn_from timestamptz, drawn_to timestamptz)
  `.execute(transaction);
};

const replaceCorrections = async (
  transaction: DatabaseTransaction,
  { orgId }: Writer,
  bills: readonly BillEffects[],
): Promise<void> => {
  await transaction
    .deleteFrom("bill_correction")
    .where("org_id", "=", orgId)
    .where(sql<boolean>`bill_id = ANY(${bills.map(({ id }) => id)}::uuid[])`)
    .execute();
  const rows = bills.flatMap(({ id, corrections }) =>
    corrections.map((correction) => ({
      bill_id: id,
      key: correction.key,
      corrected_bill_id: correction.billId,
      correction: toJson(correction),
    })),
  );
  if (rows.length === 0) return;
  await sql`
    INSERT INTO bill_correction (org_id, bill_id, key, corrected_bill_id, correction)
    SELECT ${orgId}, row.* FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS row(bill_id uuid, key text,
      corrected_bill_id uuid, correction jsonb)
  `.execute(transaction);
};

/** `amountSpent` is the sum over all bills (m3ter semantics 15.4). */
const updateCommitments = async (
  transaction: DatabaseTransaction,
  writer: Writer,
  commitmentIds: readonly string[],
): Promise<void> => {
  if (commitmentIds.length === 0) return;
  const { orgId } = writer;
  await overwriteDocuments(transaction, writer, {
    kind: "commitment",
    next: sql`
      SELECT id, jsonb_set(document, '{amountSpent}', to_jsonb(coalesce((
        SELECT trim_scale(sum(amount)) FROM bill_draw_down
        WHERE bill_draw_down.org_id = record.org_id AND credit_id = record.id
      ), 0))) AS document
      FROM record WHERE org_id = ${orgId} AND kind = 'commitment' AND id = ANY(${commitmentIds}::uuid[])
    `,
  });
};

/** One entry per bill and balance: the negative sum of what its lines took (m3ter semantics 16.2). */
const balanceDraws = (
  { facts, drawDowns }: Pick<CalculatedBill, "facts" | "drawDowns">,
  at: Date,
): BalanceDraw[] => {
  const onBillDate = startOfDay(facts.billDate, facts.organization.zone).epochMilliseconds;
  // A bill of the period that is still open has drawn already.
  const appliedDate = new Date(Math.min(onBillDate, at.getTime())).toISOString();
  const ofBalances = drawDowns.filter(({ creditKind }) => creditKind === "BALANCE");
  return [...Map.groupBy(ofBalances, ({ creditId }) => creditId)].flatMap(([balanceId, draws]) => {
    const amount = sum(draws.map((draw) => draw.amount)).neg();
    const description = `Drawn down by the bill of ${facts.billDate.toString()}`;
    return amount.isZero() ? [] : [{ balanceId, amount, description, appliedDate }];
  });
};

export const effectsOf = (bill: CalculatedBill, at: Date): BillEffects => ({
  id: bill.id,
  accountId: bill.planned.identity.accountId,
  drawDowns: bill.drawDowns,
  entries: balanceDraws(bill, at),
  corrections: bill.facts.corrections,
  chargeIds: bill.rated.lines.flatMap(({ chargeId }) => chargeId ?? []),
});

/** Balance transactions of the bills; one that is as it was stays the entry it was. */
const replaceEntries = async (
  transaction: DatabaseTransaction,
  { orgId, principal, at }: Writer,
  bills: readonly BillEffects[],
): Promise<void> => {
  const billIds = bills.map(({ id }) => id);
  const rows = bills.flatMap(({ id: billId, entries }) =>
    entries.map(({ balanceId, amount, description, appliedDate }) => ({
      id: randomUUIDv7(),
      bill_id: billId,
      balance_id: balanceId,
      amount: amount.toString(),
      document: {
        balanceId,
        amount: exactNumber(amount),
        description,
        appliedDate,
        transactionDate: appliedDate,
        entityType: "BILL",
        entityId: billId,
      },
    })),
  );
  await sql`
    WITH wanted AS (
      SELECT * FROM jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS row(id uuid, bill_id text,
        balance_id uuid, amount numeric, document jsonb)
    ),
    standing AS (
      SELECT record.*, wanted.id AS replaced_by FROM record LEFT JOIN wanted ON wanted.balance_id = parent_id
        AND wanted.bill_id = record.document->>'entityId'
        AND wanted.amount = (record.document->>'amount')::numeric
      WHERE org_id = ${orgId} AND kind = 'balanceTransaction' AND record.document->>'entityType' = 'BILL'
        AND record.document->>'entityId' = ANY(${billIds})
    ),
    gone AS (
      DELETE FROM record USING standing WHERE standing.replaced_by IS NULL AND record.org_id = standing.org_id
        AND record.kind = standing.kind AND record.id = standing.id RETURNING record.*
    ),
    added AS (
      INSERT INTO record (org_id, kind, id, parent_id, version, document, dt_created, dt_last_modified, created_by,
        last_modified_by)
      SELECT ${orgId}::uuid, 'balanceTransaction', id, balance_id, 1, document, ${at}::timestamptz, ${at}::timestamptz,
        ${principal}, ${principal}
      FROM wanted WHERE NOT EXISTS (SELECT FROM standing WHERE replaced_by = wanted.id)
      RETURNING *
    )
    INSERT INTO change (org_id, at, principal, kind, record_id, action, before, after)
    SELECT ${orgId}::uuid, ${at}::timestamptz, ${principal}, gone.kind, gone.id, 'deleted', ${reply("gone")}, NULL::jsonb FROM gone
    UNION ALL
    SELECT ${orgId}::uuid, ${at}::timestamptz, ${principal}, added.kind, added.id, 'created', NULL::jsonb, ${reply("added")} FROM added
  `.execute(transaction);
};

/** A charge knows the bill that carries it, and forgets one that does no more (m3ter semantics 17). */
const updateCharges = async (
  transaction: DatabaseTransaction,
  writer: Writer,
  bills: readonly BillEffects[],
): Promise<void> => {
  const billIds = bills.map(({ id }) => id);
  const accountIds = [...new Set(bills.map(({ accountId }) => accountId))];
  const rows = bills.flatMap(({ id: billId, chargeIds }) =>
    chargeIds.map((id) => ({ id, billId })),
  );
  await overwriteDocuments(transaction, writer, {
    kind: "charge",
    next: sql`
      SELECT record.id, CASE WHEN billed.id IS NULL THEN document - 'billId'
        ELSE document || jsonb_build_object('billId', billed."billId") END AS document
      FROM record LEFT JOIN jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS billed(id uuid, "billId" text)
        ON billed.id = record.id
      WHERE org_id = ${writer.orgId} AND kind = 'charge' AND document->>'accountId' = ANY(${accountIds})
        AND (billed.id IS NOT NULL OR document->>'billId' = ANY(${billIds}))
    `,
  });
};

/** Makes what bills take from credits, and which charges they carry, what these bills say; nothing else of them. */
export const storeBillEffects = async (
  transaction: DatabaseTransaction,
  writer: Writer,
  bills: readonly BillEffects[],
): Promise<void> => {
  if (bills.length === 0) return;
  const billIds = bills.map(({ id }) => id);
  const { rows: drawn } = await sql<{ creditId: string }>`
    SELECT DISTINCT credit_id AS "creditId" FROM bill_draw_down
    WHERE org_id = ${writer.orgId} AND bill_id = ANY(${billIds}::uuid[]) AND credit_kind = 'COMMITMENT'
  `.execute(transaction);
  const drawing = bills.flatMap(({ drawDowns }) =>
    drawDowns.filter(({ creditKind }) => creditKind === "COMMITMENT"),
  );
  await replaceDrawDowns(transaction, writer, bills);
  await replaceCorrections(transaction, writer, bills);
  await replaceEntries(transaction, writer, bills);
  await updateCharges(transaction, writer, bills);
  const commitmentIds = [...new Set([...drawn, ...drawing].map(({ creditId }) => creditId))];
  await updateCommitments(transaction, writer, commitmentIds);
};

/** Gives back everything that a bill took and carries: before it is deleted. */
export const reverseBillEffects = async (
  transaction: DatabaseTransaction,
  writer: Writer,
  bill: { readonly id: string; readonly account_id: string },
): Promise<void> => {
  const none = { drawDowns: [], entries: [], corrections: [], chargeIds: [] };
  await storeBillEffects(transaction, writer, [
    { id: bill.id, accountId: bill.account_id, ...none },
  ]);
};
