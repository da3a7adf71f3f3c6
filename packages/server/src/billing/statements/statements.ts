import { sql } from "kysely";
import { z } from "zod";
import { account } from "@turnpike/contract/accounts/account.ts";
import { organizationConfig } from "@turnpike/contract/accounts/organization-config.ts";
import { statementDefinition } from "@turnpike/contract/accounts/statement-definition.ts";
import type { StatementJobStatus } from "@turnpike/contract/billing/statement-job.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { billFactsFromText } from "@turnpike/engine/bill/facts-json.ts";
import type { BillFacts } from "@turnpike/engine/bill/facts.ts";
import type { BillLine } from "@turnpike/engine/bill/rate-bill.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import { intersection } from "@turnpike/engine/time/period.ts";
import type { Database, StatementFormat } from "../../ports/database.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import { aggregationMethod } from "../../records/aggregation-method.ts";
import { lookup } from "../../records/lookup.ts";
import { storedFactsOf, findLines, getBill } from "../bill-queries.ts";
import { type BillRow, readLine, type StoredLine } from "../bill-replies.ts";
import { countedUsage, type LineUsage, lineUsage } from "../line-usage.ts";
import { type Statement, type StatementLine, statementWriters } from "./files.ts";
import { moveStatementJob, readStatementJob } from "./jobs.ts";
import { plainShape, type StatementShape, usageRows, type UsageSubject } from "./usage.ts";

/** Of usage in one statement, which is made in memory: some 50 MB. */
const rowsMax = 200_000;

export interface StatementParts {
  readonly database: Database;
  readonly usage: UsageStore;
  readonly now: () => Date;
}

/** The account's definition, else its organization's (m3ter semantics 19). */
const shapeOf = async (database: Database, bill: BillRow): Promise<StatementShape> => {
  const orgId = bill.org_id;
  const billed = await lookup(database, account, { orgId, id: bill.account_id });
  const config = await lookup(database, organizationConfig, { orgId, id: orgId });
  const id = billed?.statementDefinitionId ?? config?.defaultStatementDefinitionId;
  if (id === undefined) return plainShape;
  return (await lookup(database, statementDefinition, { orgId, id })) ?? plainShape;
};

/**
 * What of the usage is the line's own: within its service period, as a price that spans the plan looks further back, and of
 * its account where several are rated together, who are not to see each other's.
 */
const ownPart = (usage: LineUsage, { servicePeriod, usageAccountId }: BillLine): LineUsage => ({
  ...usage,
  window: {
    ...usage.window,
    sources: usage.window.sources.flatMap(({ accountId, period }) => {
      if (usageAccountId !== undefined && accountId !== usageAccountId) return [];
      const part = intersection(period, servicePeriod);
      return part === undefined ? [] : [{ accountId, period: part }];
    }),
  },
});

interface Subject {
  readonly bill: BillRow;
  readonly facts: BillFacts;
  readonly shape: StatementShape;
}

/** Codes of the meter's numbers; none once it is gone. */
const numbersOf = async (
  { database }: StatementParts,
  key: { orgId: string; id: string },
): Promise<readonly string[]> => {
  const found = await lookup(database, meter, key);
  return [...(found?.dataFields ?? []), ...(found?.derivedFields ?? [])]
    .filter(({ category }) => isNumericCategory(category))
    .map(({ code }) => code);
};

/** Undefined for what is not measured from the events of one meter: it is in the line as a whole. */
const usageSubject = async (
  parts: StatementParts,
  { bill: { org_id: orgId }, facts }: Subject,
  line: BillLine,
): Promise<(UsageSubject & { quantityPerUnit: Decimal }) | undefined> => {
  const measured = lineUsage(facts, line);
  const { aggregation } = measured ?? {};
  if (measured === undefined || aggregation?.type !== "SIMPLE") return undefined;
  const scan = countedUsage(orgId, ownPart(measured, line), aggregation);
  if (scan === undefined) return undefined;
  const { zone } = facts.organization;
  return {
    ...scan,
    field: { fieldCode: aggregation.targetField, method: aggregationMethod(aggregation, zone) },
    numbers: await numbersOf(parts, { orgId, id: aggregation.meterId }),
    period: line.servicePeriod,
    zone,
    quantityPerUnit: measured.terms.quantityPerUnit,
  };
};

const tooLarge = (): Problem =>
  new Problem("DOWNLOAD_TOO_LARGE", [
    { field: "statement", message: `has more than ${rowsMax} rows of usage` },
  ]);

const statementLine = async (
  parts: StatementParts,
  subject: Subject,
  { row, rowsLeft }: { row: StoredLine; rowsLeft: number },
): Promise<StatementLine> => {
  const line = readLine(row.line);
  const counted = await usageSubject(parts, subject, line);
  if (counted === undefined) return { row, line, usage: [], quantityPerUnit: undefined };
  const { shape } = subject;
  const usage = await usageRows(parts.usage, counted, { shape, rowsMax: rowsLeft });
  if (usage === undefined) throw tooLarge();
  return { row, line, usage, quantityPerUnit: counted.quantityPerUnit };
};

const buildStatement = async (
  parts: StatementParts,
  { orgId, billId, meterIds }: { orgId: string; billId: string; meterIds: readonly string[] },
): Promise<Statement> => {
  const { database } = parts;
  const bill = await getBill(database, { orgId, id: billId });
  const shape = await shapeOf(database, bill);
  const { text } = await storedFactsOf(database, { orgId, id: bill.id });
  const subject = { bill, shape, facts: billFactsFromText(text) };
  const rows = (await findLines(database, orgId, [bill.id])).get(bill.id) ?? [];
  const lines: StatementLine[] = [];
  let rowsLeft = rowsMax;
  for (const row of rows) {
    const { meterId } = readLine(row.line);
    const isWanted = meterIds.length === 0 || meterId === undefined || meterIds.includes(meterId);
    if (!isWanted) continue;
    const line = await statementLine(parts, subject, { row, rowsLeft });
    rowsLeft -= line.usage.length;
    lines.push(line);
  }
  return { bill, shape, lines, facts: text };
};

interface FilesOrder {
  readonly orgId: string;
  readonly billId: string;
  readonly meterIds: readonly string[];
  readonly formats: readonly StatementFormat[];
  readonly jobId: string | null;
}

/** Makes the files and puts them in the place of the bill's earlier ones. NOT_FOUND, DOWNLOAD_TOO_LARGE. */
export const makeStatements = async (
  parts: StatementParts,
  { formats, jobId, ...order }: FilesOrder,
): Promise<void> => {
  const statement = await buildStatement(parts, order);
  const { orgId } = order;
  await parts.database.transaction().execute(async (transaction) => {
    const current = await transaction
      .selectFrom("bill")
      .select("facts")
      .where("org_id", "=", orgId)
      .where("id", "=", statement.bill.id)
      .forShare()
      .executeTakeFirst();
    if (current === undefined) throw new Problem("NOT_FOUND");
    // Calculated again or changed by a memo while its usage was read.
    const isStale = current.facts !== statement.facts;
    for (const format of formats) {
      const content = {
        job_id: jobId,
        is_stale: isStale,
        body: statementWriters[format](statement),
        made_at: parts.now(),
      };
      await transaction
        .insertInto("statement")
        .values({ org_id: orgId, bill_id: statement.bill.id, format, ...content })
        .onConflict((conflict) =>
          conflict.columns(["org_id", "bill_id", "format"]).doUpdateSet(content),
        )
        .execute();
    }
  });
};

/** The file; NOT_FOUND when none was made. */
export const readStatement = async (
  database: Database,
  { orgId, billId, format }: { orgId: string; billId: string; format: StatementFormat },
): Promise<string> => {
  const row = await database
    .selectFrom("statement")
    .select("body")
    .where("org_id", "=", orgId)
    .where("format", "=", format)
    .where(sql<boolean>`bill_id::text = ${billId}`)
    .executeTakeFirst();
  if (row === undefined) {
    throw new Problem("NOT_FOUND", [{ field: "statement", message: "was not generated yet" }]);
  }
  return row.body;
};

const lineUsageFile = z.object({
  lineItems: z.array(z.looseObject({ lineItem: z.looseObject({ id: z.string() }) })),
});

/** Keeps the digits of a number that is printed again. */
const exactNumber = (_key: string, value: unknown, context?: { source?: string }): unknown =>
  typeof value === "number" && context?.source !== undefined ? JSON.rawJSON(context.source) : value;

/** The part of a JSON statement that is about one line; NOT_FOUND when there is none. */
export const readLineStatement = async (
  database: Database,
  { orgId, billId, lineId }: { orgId: string; billId: string; lineId: string },
): Promise<string> => {
  const body = await readStatement(database, { orgId, billId, format: "JSON" });
  const whole: unknown = JSON.parse(body, exactNumber);
  const found = lineUsageFile.parse(whole).lineItems.find(({ lineItem }) => lineItem.id === lineId);
  if (found === undefined) throw new Problem("NOT_FOUND");
  return JSON.stringify(found);
};

/** Runs a statement job from the start, however often a server was killed over it; what fails has failed. */
export const runStatementJob = async (
  parts: StatementParts,
  key: { orgId: string; jobId: string },
): Promise<void> => {
  const { database, now } = parts;
  const job = await readStatementJob(database, key).catch(ignoreGone);
  if (job === undefined) return;
  const caller = { orgId: key.orgId, principal: job.created_by };
  const move = (to: StatementJobStatus): Promise<boolean> =>
    moveStatementJob(database, caller, { jobId: key.jobId, to, at: now() });
  if (!(await move("RUNNING"))) return;
  const formats: StatementFormat[] = job.includes_csv ? ["JSON", "CSV"] : ["JSON"];
  const order = { orgId: key.orgId, billId: job.bill_id, jobId: job.id, formats };
  try {
    await makeStatements(parts, { ...order, meterIds: job.meter_ids }).catch(ignoreGone);
  } catch (error) {
    await move("FAILED");
    if (error instanceof Problem && error.code === "DOWNLOAD_TOO_LARGE") return;
    throw error;
  }
  await move("COMPLETE");
};

/** A bill that is deleted takes its statement jobs with it. */
const ignoreGone = (error: unknown): undefined => {
  if (error instanceof Problem && error.code === "NOT_FOUND") return undefined;
  throw error;
};
