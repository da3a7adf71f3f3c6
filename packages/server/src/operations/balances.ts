import { z } from "zod";
import type { balance } from "@turnpike/contract/balances/balance.ts";
import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { balanceTransaction } from "@turnpike/contract/balances/balance-transaction.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import { type BalanceTransaction, balanceSummary } from "@turnpike/engine/balances/balance.ts";
import { type Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import type { Period } from "@turnpike/engine/time/period.ts";
import { exactNumber } from "../records/exact-number.ts";
import { lookupChildren } from "../records/lookup.ts";
import { placeOf, tokenOf } from "../records/paging.ts";
import { storedBalance, chargesOf, transactionsOf } from "../resources/balance-schedules.ts";
import { organizationZone } from "../resources/organization.ts";
import type { Handlers, World } from "./handler.ts";

const balanceInPath = (
  { database }: World,
  { orgId, params }: { orgId: string; params: Readonly<Record<string, string>> },
): Promise<Stored<typeof balance>> =>
  storedBalance(database, { orgId, id: params["balanceId"] ?? "" });

const instant = (text: string): Temporal.Instant => Temporal.Instant.from(text);

export const getBalanceTransactionsSummary: Handlers["getBalanceTransactionsSummary"] = async (
  request,
  world,
) => {
  const { id, startDate, endDate, rolloverAmount, rolloverEndDate } = await balanceInPath(
    world,
    request,
  );
  const on = { orgId: request.orgId, id };
  const entries = await lookupChildren(world.database, balanceTransaction, on);
  const draws = await drawsByBill(world, on);
  const summary = balanceSummary(
    {
      period: { start: instant(startDate), end: instant(endDate) },
      rolloverAmount: rolloverAmount === undefined ? undefined : decimal(rolloverAmount),
      rolloverEnd: rolloverEndDate === undefined ? undefined : instant(rolloverEndDate),
      transactions: entries.flatMap((entry) => asEngineTransactions(entry, draws)),
    },
    Temporal.Instant.fromEpochMilliseconds(world.now().getTime()),
  );
  return Object.fromEntries(
    Object.entries(summary).map(([name, amount]) => [name, exactNumber(amount)]),
  );
};

interface Draw {
  readonly amount: Decimal;
  readonly drawnFor: Period;
}

/** What lines of bills took, by bill, with the periods that they charge. */
const drawsByBill = async (
  { database }: World,
  { orgId, id }: { orgId: string; id: string },
): Promise<ReadonlyMap<string, readonly Draw[]>> => {
  const rows = await database
    .selectFrom("bill_draw_down")
    .select(["bill_id", "amount", "drawn_from", "drawn_to"])
    .where("org_id", "=", orgId)
    .where("credit_id", "=", id)
    .execute();
  const byBill = Map.groupBy(rows, ({ bill_id }) => bill_id);
  const drawOf = (row: (typeof rows)[number]): Draw => ({
    amount: decimal(row.amount).neg(),
    drawnFor: {
      start: Temporal.Instant.fromEpochMilliseconds(row.drawn_from.getTime()),
      end: Temporal.Instant.fromEpochMilliseconds(row.drawn_to.getTime()),
    },
  });
  return new Map([...byBill].map(([billId, taken]) => [billId, taken.map(drawOf)]));
};

/** One entry says what a bill took in all; for what it took it tells balance from rollover. */
const asEngineTransactions = (
  entry: Stored<typeof balanceTransaction>,
  draws: ReadonlyMap<string, readonly Draw[]>,
): readonly BalanceTransaction[] => {
  const appliedAt = instant(entry.appliedDate ?? entry.dtCreated);
  const billId = "entityId" in entry && typeof entry.entityId === "string" ? entry.entityId : "";
  const taken = draws.get(billId);
  if (taken !== undefined) return taken.map((draw) => ({ ...draw, appliedAt }));
  return [{ amount: decimal(entry.amount), appliedAt }];
};

/** How many were shown before. */
const entityPlace = z.string().regex(/^\d{1,9}$/);

const pageOfPreview = (
  schedule: object,
  entities: readonly object[],
  { pageSize, nextToken }: { pageSize: number; nextToken?: string | undefined },
) => {
  const start = nextToken === undefined ? 0 : Number(placeOf(nextToken, entityPlace));
  const end = start + pageSize;
  return {
    // The document answers with the schedule's schema; what it would make stands beside it.
    id: previewId,
    ...schedule,
    data: entities.slice(start, end),
    ...(end < entities.length ? { nextToken: tokenOf(String(end)) } : {}),
  };
};

/** Nothing was stored, so nothing can be found by it. */
const previewId = "00000000-0000-0000-0000-000000000000";

export const previewBalanceTransactionSchedule: Handlers["previewBalanceTransactionSchedule"] =
  async (request, world) => {
    const { id: balanceId } = await balanceInPath(world, request);
    const schedule = validate(balanceTransactionSchedule.fields, { ...request.body, balanceId });
    const zone = await organizationZone(world.database, request.orgId);
    const entries = transactionsOf(schedule, zone).map(({ body }) => ({
      ...body,
      entityType: "SCHEDULER",
    }));
    return pageOfPreview(schedule, entries, request.query);
  };

export const previewBalanceChargeSchedule: Handlers["previewBalanceChargeSchedule"] = async (
  request,
  world,
) => {
  const owner = await balanceInPath(world, request);
  const schedule = validate(balanceChargeSchedule.fields, {
    ...request.body,
    balanceId: owner.id,
  });
  const zone = await organizationZone(world.database, request.orgId);
  const charges = chargesOf(schedule, { ...owner, zone }).map(({ body }) => body);
  return pageOfPreview(schedule, charges, request.query);
};
