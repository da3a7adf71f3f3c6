import {
  type BillFilter,
  findBills,
  findLines,
  getBill as findBill,
  getLatestBill as findLatestBill,
} from "../billing/bill-queries.ts";
import { type BillRow, billReply } from "../billing/bill-replies.ts";
import { previewBill as preview } from "../billing/bill-preview.ts";
import { searchBills as search } from "../billing/bill-search.ts";
import { scheduler } from "../records/caller.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import { rehearseDueSchedules } from "../resources/schedule-clock.ts";
import { parseSearch } from "../resources/search.ts";
import { periodOf } from "./bill-period.ts";
import type { Handlers, World } from "./handler.ts";

interface Shown {
  readonly bills: readonly BillRow[];
  readonly excludeLineItems?: boolean | undefined;
  readonly additional?: readonly string[] | undefined;
}

const replies = async (
  { database }: World,
  orgId: string,
  { bills, excludeLineItems, additional }: Shown,
) => {
  const ids = excludeLineItems === true ? [] : bills.map(({ id }) => id);
  const lines = await findLines(database, orgId, ids);
  return bills.map((bill) => billReply(bill, lines.get(bill.id), additional));
};

/** One bill with its lines. */
export const billWithLines = async (
  world: World,
  { orgId, id }: { orgId: string; id: string },
  additional?: readonly string[],
) => {
  const bill = await findBill(world.database, { orgId, id });
  return (await replies(world, orgId, { bills: [bill], additional }))[0];
};

const page = async (
  world: World,
  orgId: string,
  query: {
    filter: BillFilter;
    pageSize: number;
    nextToken?: string | undefined;
  } & Omit<Shown, "bills">,
) => {
  const { filter, pageSize, nextToken, excludeLineItems, additional } = query;
  const after = nextToken === undefined ? undefined : decodePosition(nextToken);
  const found = pageOf(
    await findBills(world.database, orgId, { filter, limit: pageSize + 1, after }),
    pageSize,
    (bill) => ({ createdAt: bill.dt_created.toISOString(), id: bill.id }),
  );
  const shown = { bills: found.data, excludeLineItems, additional };
  return { ...found, data: await replies(world, orgId, shown) };
};

export const listBills: Handlers["listBills"] = ({ orgId, query }, world) => {
  const { pageSize, nextToken, excludeLineItems, additional, ...filter } = query;
  return page(world, orgId, { filter, pageSize, nextToken, excludeLineItems, additional });
};

export const listBillsOfAccount: Handlers["listBillsOfAccount"] = (
  { orgId, params, query },
  world,
) => page(world, orgId, { ...query, filter: { accountId: params["accountId"] ?? "" } });

export const getBill: Handlers["getBill"] = ({ orgId, params, query }, world) =>
  billWithLines(world, { orgId, id: params["id"] ?? "" }, query.additional);

export const getLatestBill: Handlers["getLatestBill"] = async ({ orgId, params, query }, world) => {
  const accountId = params["accountId"] ?? "";
  const { id } = await findLatestBill(world.database, { orgId, accountId });
  return billWithLines(world, { orgId, id }, query.additional);
};

export const searchBills: Handlers["searchBills"] = async ({ orgId, query }, world) => {
  const { pageSize, fromDocument, operator, sortBy, sortOrder } = query;
  const bills = await search(world.database, orgId, {
    clauses: parseSearch(query.searchQuery),
    operator,
    sortBy,
    sortOrder,
    offset: fromDocument,
    limit: pageSize + 1,
  });
  const data = await replies(world, orgId, { bills: bills.slice(0, pageSize) });
  if (bills.length <= pageSize) return { data };
  return { data, nextToken: String(fromDocument + pageSize) };
};

export const listBillsOfPeriod: Handlers["listBillsOfPeriod"] = ({ orgId, params, query }, world) =>
  page(world, orgId, { ...query, filter: periodOf(params) });

/** What a run of this moment would make; it would begin with what schedules owe, so a preview does, too. */
export const previewBill: Handlers["previewBill"] = (request, { catalog, usage }) =>
  catalog.rehearse({ orgId: request.orgId, principal: scheduler }, async (writer) => {
    await rehearseDueSchedules(writer);
    return preview({ ...writer, usage }, request, request.body);
  });
