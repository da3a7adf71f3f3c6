import { balance } from "@turnpike/contract/balances/balance.ts";
import { balanceChargeSchedule } from "@turnpike/contract/balances/balance-charge-schedule.ts";
import { balanceTransaction } from "@turnpike/contract/balances/balance-transaction.ts";
import { balanceTransactionSchedule } from "@turnpike/contract/balances/balance-transaction-schedule.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { validate } from "@turnpike/contract/validation.ts";
import { type BalanceTransaction, balanceSummary } from "@turnpike/engine/balances/balance.ts";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { lookup, lookupChildren } from "../records/lookup.ts";
import { chargesOf, transactionsOf } from "../resources/balance-schedules.ts";
import { organizationZone } from "../resources/organization.ts";
import type { Handlers, World } from "./handler.ts";

const balanceInPath = async (
  { database }: World,
  { orgId, params }: { orgId: string; params: Readonly<Record<string, string>> },
): Promise<Stored<typeof balance>> => {
  const found = await lookup(database, balance, { orgId, id: params["balanceId"] ?? "" });
  if (found === undefined) throw new Problem("NOT_FOUND");
  return found;
};

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
  const summary = balanceSummary(
    {
      period: { start: instant(startDate), end: instant(endDate) },
      rolloverAmount: rolloverAmount === undefined ? undefined : decimal(rolloverAmount),
      rolloverEnd: rolloverEndDate === undefined ? undefined : instant(rolloverEndDate),
      transactions: entries.map(asEngineTransaction),
    },
    Temporal.Instant.fromEpochMilliseconds(world.now().getTime()),
  );
  return Object.fromEntries(
    Object.entries(summary).map(([name, amount]) => [name, Number(amount.toString())]),
  );
};

/** A bill's draw-down is dated when it applies, which says whether it came out of the rollover. */
const asEngineTransaction = (entry: Stored<typeof balanceTransaction>): BalanceTransaction => {
  const appliedAt = instant(entry.appliedDate ?? entry.dtCreated);
  const isDraw = "entityType" in entry && entry.entityType === "BILL";
  return {
    amount: decimal(entry.amount),
    appliedAt,
    ...(isDraw ? { drawnFor: { start: appliedAt, end: appliedAt } } : {}),
  };
};

const pageOfPreview = (
  schedule: object,
  entities: readonly object[],
  { pageSize, nextToken }: { pageSize: number; nextToken?: string | undefined },
) => {
  const start = nextToken === undefined ? 0 : Number(nextToken);
  if (!Number.isSafeInteger(start) || start < 0) {
    throw fieldProblem("INVALID_NEXT_TOKEN", "nextToken", "is not valid");
  }
  const end = start + pageSize;
  return {
    // The document answers with the schedule's schema; what it would make stands beside it.
    id: previewId,
    ...schedule,
    data: entities.slice(start, end),
    ...(end < entities.length ? { nextToken: String(end) } : {}),
  };
};

/** Nothing was stored, so nothing can be found by it. */
const previewId = "00000000-0000-0000-0000-000000000000";

export const previewBalanceTransactionSchedule: Handlers["previewBalanceTransactionSchedule"] =
  async (request, world) => {
    const { id: balanceId } = await balanceInPath(world, request);
    const schedule = validate(balanceTransactionSchedule.fields, { ...request.body, balanceId });
    const zone = await organizationZone(world.database, request.orgId);
    return pageOfPreview(schedule, transactionsOf(schedule, zone), request.query);
  };

export const previewBalanceChargeSchedule: Handlers["previewBalanceChargeSchedule"] = async (
  request,
  world,
) => {
  const { id: balanceId, accountId } = await balanceInPath(world, request);
  const schedule = validate(balanceChargeSchedule.fields, { ...request.body, balanceId });
  const zone = await organizationZone(world.database, request.orgId);
  return pageOfPreview(schedule, chargesOf(schedule, { accountId, zone }), request.query);
};
