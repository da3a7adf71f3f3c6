import { Problem } from "@turnpike/contract/problem.ts";
import {
  type BillFilter,
  findBills,
  findLines,
  getBill as findBill,
  getLatestBill as findLatestBill,
} from "../billing/bill-queries.ts";
import { type BillRow, billReply, lineReply } from "../billing/bill-replies.ts";
import { decodePosition, pageOf } from "../records/paging.ts";
import type { Handlers, World } from "./handler.ts";

const withLines = async ({ database }: World, orgId: string, bill: BillRow) =>
  billReply(bill, (await findLines(database, orgId, [bill.id])).get(bill.id));

const page = async (
  { database }: World,
  orgId: string,
  query: {
    filter: BillFilter;
    pageSize: number;
    nextToken?: string | undefined;
    excludeLineItems?: boolean | undefined;
  },
) => {
  const { filter, pageSize, nextToken, excludeLineItems } = query;
  const after = nextToken === undefined ? undefined : decodePosition(nextToken);
  const found = pageOf(
    await findBills(database, orgId, { filter, limit: pageSize + 1, after }),
    pageSize,
    (bill) => ({ createdAt: bill.dt_created.toISOString(), id: bill.id }),
  );
  const ids = excludeLineItems === true ? [] : found.data.map(({ id }) => id);
  const lines = await findLines(database, orgId, ids);
  return { ...found, data: found.data.map((bill) => billReply(bill, lines.get(bill.id))) };
};

export const listBills: Handlers["listBills"] = ({ orgId, query }, world) => {
  const { pageSize, nextToken, excludeLineItems, ...filter } = query;
  return page(world, orgId, { filter, pageSize, nextToken, excludeLineItems });
};

export const listBillsOfAccount: Handlers["listBillsOfAccount"] = (
  { orgId, params, query },
  world,
) => page(world, orgId, { ...query, filter: { accountId: params["accountId"] ?? "" } });

export const getBill: Handlers["getBill"] = async ({ orgId, params }, world) =>
  withLines(world, orgId, await findBill(world.database, { orgId, id: params["id"] ?? "" }));

export const getLatestBill: Handlers["getLatestBill"] = async ({ orgId, params }, world) => {
  const accountId = params["accountId"] ?? "";
  return withLines(world, orgId, await findLatestBill(world.database, { orgId, accountId }));
};

const linesOf = async ({ database }: World, orgId: string, billId: string) => {
  const bill = await findBill(database, { orgId, id: billId });
  return (await findLines(database, orgId, [bill.id])).get(bill.id) ?? [];
};

/** Pages by the place in the bill: lines of one bill come in print order. */
export const listBillLineItems: Handlers["listBillLineItems"] = async (
  { orgId, params, query },
  world,
) => {
  const lines = await linesOf(world, orgId, params["billId"] ?? "");
  const start = query.nextToken === undefined ? 0 : Number(query.nextToken);
  if (!Number.isInteger(start)) {
    throw new Problem("INVALID_NEXT_TOKEN", [{ field: "nextToken", message: "is not valid" }]);
  }
  const end = start + query.pageSize;
  return {
    data: lines.slice(start, end).map((line) => lineReply(line, "bandUsage")),
    ...(end < lines.length ? { nextToken: String(end) } : {}),
  };
};

export const getBillLineItem: Handlers["getBillLineItem"] = async ({ orgId, params }, world) => {
  const lines = await linesOf(world, orgId, params["billId"] ?? "");
  const line = lines.find(({ id }) => id === params["id"]);
  if (line === undefined) throw new Problem("NOT_FOUND");
  return lineReply(line, "bandUsage");
};
