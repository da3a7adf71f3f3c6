import { sql } from "kysely";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { account } from "@turnpike/contract/accounts/account.ts";
import { contract } from "@turnpike/contract/accounts/contract.ts";
import { balanceTransaction } from "@turnpike/contract/balances/balance-transaction.ts";
import { balance } from "@turnpike/contract/balances/balance.ts";
import { charge } from "@turnpike/contract/billing/charge.ts";
import { commitment } from "@turnpike/contract/billing/commitment.ts";
import { transactionType } from "@turnpike/contract/billing/transaction-type.ts";
import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { planGroupLink } from "@turnpike/contract/catalog/plan-group-link.ts";
import { planGroup } from "@turnpike/contract/catalog/plan-group.ts";
import { planTemplate } from "@turnpike/contract/catalog/plan-template.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import type { OperationalDataType } from "@turnpike/contract/sync/export-schedule.ts";
import { findLines, selectBills } from "../billing/bill-queries.ts";
import { type BillRow, billReply, lineReply } from "../billing/bill-replies.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import type { Position } from "../records/paging.ts";
import { typed } from "../records/lookup.ts";
import type { RecordRow } from "../records/records.ts";
import type { Catalog } from "../resources/verbs.ts";
import { keysOf, type Row, type Source } from "./export-file.ts";

/** What operational data is read from: one transaction, so that all files show one moment. */
export interface OperationalReader {
  readonly transaction: DatabaseTransaction;
  readonly replies: Catalog["replies"];
  readonly orgId: string;
  /** Only what was created or changed since. */
  readonly since: string | undefined;
}

type Pages = (reader: OperationalReader) => AsyncIterable<readonly Row[]>;

const pageSize = 500;

const placeOf = ({ dt_created, id }: RecordRow | BillRow): Position => ({
  createdAt: dt_created.toISOString(),
  id,
});

const selectRecords = (
  { transaction, orgId, since }: OperationalReader,
  { kind }: Resource,
  after: Position | undefined,
): Promise<RecordRow[]> => {
  let query = transaction
    .selectFrom("record")
    .selectAll()
    .where("org_id", "=", orgId)
    .where("kind", "=", kind);
  if (since !== undefined) query = query.where("dt_last_modified", ">=", new Date(since));
  if (after !== undefined) {
    const { createdAt, id } = after;
    query = query.where(sql<boolean>`(dt_created, id) < (${createdAt}::timestamptz, ${id}::uuid)`);
  }
  return query.orderBy("dt_created", "desc").orderBy("id", "desc").limit(pageSize).execute();
};

const selectBillPage = (
  { transaction, orgId, since }: OperationalReader,
  after: Position | undefined,
): Promise<BillRow[]> => {
  const wanted = [];
  if (since !== undefined) wanted.push(sql<boolean>`bill.dt_last_modified >= ${new Date(since)}`);
  if (after !== undefined) {
    const { createdAt, id } = after;
    wanted.push(
      sql<boolean>`(bill.dt_created, bill.id) < (${createdAt}::timestamptz, ${id}::uuid)`,
    );
  }
  return selectBills(transaction, orgId, { wanted, limit: pageSize });
};

/** Page after page, newest first, until one is empty. */
async function* paged<T extends RecordRow | BillRow>(
  select: (after: Position | undefined) => Promise<T[]>,
): AsyncGenerator<readonly T[]> {
  let after: Position | undefined;
  for (;;) {
    const rows = await select(after);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    after = placeOf(last);
  }
}

const recordsOf = (reader: OperationalReader, resource: Resource) =>
  paged((after) => selectRecords(reader, resource, after));

const records = (resource: Resource): Pages =>
  async function* (reader) {
    for await (const rows of recordsOf(reader, resource)) {
      yield await reader.replies(reader.transaction, resource, rows);
    }
  };

const bands: Pages = async function* (reader) {
  for await (const rows of recordsOf(reader, pricing)) {
    yield rows.flatMap((row) =>
      typed(pricing, row).pricingBands.map((band) => ({ pricingId: row.id, ...band })),
    );
  }
};

const billPages = (reader: OperationalReader) => paged((after) => selectBillPage(reader, after));

const bills: Pages = async function* (reader) {
  for await (const rows of billPages(reader)) yield rows.map((row) => billReply(row, undefined));
};

const billLines: Pages = async function* (reader) {
  for await (const rows of billPages(reader)) {
    const ids = rows.map(({ id }) => id);
    const lines = await findLines(reader.transaction, reader.orgId, ids);
    yield [...lines.values()].flat().map((line) => lineReply(line, "bandUsage"));
  }
};

/** What each type of operational data is. */
const pagesOf: Readonly<Record<OperationalDataType, Pages>> = {
  BILLS: bills,
  BILL_LINE_ITEMS: billLines,
  COMMITMENTS: records(commitment),
  ACCOUNTS: records(account),
  BALANCES: records(balance),
  CONTRACTS: records(contract),
  ACCOUNT_PLANS: records(accountPlan),
  AGGREGATIONS: records(aggregation),
  PLANS: records(plan),
  PRICING: records(pricing),
  PRICING_BANDS: bands,
  METERS: records(meter),
  PRODUCTS: records(product),
  COMPOUND_AGGREGATIONS: records(compoundAggregation),
  PLAN_GROUPS: records(planGroup),
  PLAN_GROUP_LINKS: records(planGroupLink),
  PLAN_TEMPLATES: records(planTemplate),
  BALANCE_TRANSACTIONS: records(balanceTransaction),
  TRANSACTION_TYPES: records(transactionType),
  CHARGES: records(charge),
};

export const operationalSource = (reader: OperationalReader, type: OperationalDataType): Source => {
  const pages = () => pagesOf[type](reader);
  return { name: type, pages, columns: () => keysOf(pages()) };
};
