import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import { findLines, getBill } from "../billing/bill-queries.ts";
import { lineReply, type StoredLine } from "../billing/bill-replies.ts";
import { explainLine } from "../billing/explanation.ts";
import { findLineItems } from "../billing/line-queries.ts";
import { pageBy, placeOf } from "../records/paging.ts";
import type { Handlers, World } from "./handler.ts";

const linesOf = async ({ database }: World, orgId: string, billId: string) => {
  const bill = await getBill(database, { orgId, id: billId });
  return (await findLines(database, orgId, [bill.id])).get(bill.id) ?? [];
};

/** The line that a page ended with. */
const endOf = (token: string | undefined): string | undefined =>
  token === undefined ? undefined : placeOf(token, z.uuid());

const page = (lines: readonly StoredLine[], size: number, additional: readonly string[] = []) => {
  const shown = pageBy(lines, size, ({ id }) => id);
  return { ...shown, data: shown.data.map((line) => lineReply(line, "bandUsage", additional)) };
};

/** In print order; a page ends with a line, and the next one begins after it. */
export const listBillLineItems: Handlers["listBillLineItems"] = async (
  { orgId, params, query },
  world,
) => {
  const lines = await linesOf(world, orgId, params["billId"] ?? "");
  const after = endOf(query.nextToken);
  const start = after === undefined ? 0 : lines.findIndex(({ id }) => id === after) + 1;
  return page(lines.slice(start), query.pageSize, query.additional);
};

/** Of every bill, the latest first. */
export const listLineItems: Handlers["listLineItems"] = async ({ orgId, query }, { database }) => {
  const { pageSize, nextToken, additional, ...filter } = query;
  const after = endOf(nextToken);
  const lines = await findLineItems(database, orgId, { filter, limit: pageSize + 1, after });
  return page(lines, pageSize, additional);
};

export const getBillLineItem: Handlers["getBillLineItem"] = async (
  { orgId, params, query },
  world,
) => {
  const lines = await linesOf(world, orgId, params["billId"] ?? "");
  const line = lines.find(({ id }) => id === params["id"]);
  if (line === undefined) throw new Problem("NOT_FOUND");
  return lineReply(line, "bandUsage", query.additional);
};

export const explainBillLineItem: Handlers["explainBillLineItem"] = (
  { orgId, params, query },
  world,
) =>
  explainLine(world, {
    orgId,
    billId: params["billId"] ?? "",
    lineId: params["id"] ?? "",
    ...query,
  });
