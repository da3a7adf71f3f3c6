import { account } from "@turnpike/contract/accounts/account.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import { type UsageQueryBody, usageRowsMax } from "@turnpike/contract/usage/usage-query.ts";
import type { Database } from "../ports/database.ts";
import type { UsageQuery, UsageStore, Window } from "../ports/usage-store.ts";
import { aggregationMethod } from "../records/aggregation-method.ts";
import { lookupAll } from "../records/lookup.ts";
import { metersSelected } from "../records/usage-fields.ts";
import { type Names, rowOfEvent, rowOfGroup, type UsageRow } from "./usage-rows.ts";
import { windowOf } from "./time-periods.ts";

export interface UsageParts {
  readonly database: Database;
  readonly usage: UsageStore;
  readonly now: () => Date;
}

/** Nothing is measured later than the clocks of clients may run ahead. */
const untilAhead = { hours: 24 };
const beginning = Temporal.Instant.from("0001-01-01T00:00:00Z");

const earlier = (one: Temporal.Instant, other: Temporal.Instant): Temporal.Instant =>
  Temporal.Instant.compare(one, other) < 0 ? one : other;

/**
 * [R] 20: the dates may be absent; usage has then no bound on that side. What is weighed with time is weighed up to now:
 * a value would hold on in hours that have not come. Anything else ends where usage does: up to the year 9999 a zone
 * changes its clocks sixteen thousand times, which would all be looked up and told apart.
 */
export const windowAsked = (
  body: Pick<UsageQueryBody, "timePeriod" | "startDate" | "endDate" | "aggregations">,
  { at, timeZone }: { at: Temporal.Instant; timeZone: string },
): Window => {
  const { timePeriod, startDate, endDate, aggregations = [] } = body;
  if (timePeriod !== undefined) return windowOf(timePeriod, { at, timeZone });
  const start = startDate === undefined ? beginning : Temporal.Instant.from(startDate);
  const isWeighed = aggregations.some(({ statistic }) => statistic?.kind === "TIME_WEIGHTED_SUM");
  const lastEnd = isWeighed ? at : at.add(untilAhead);
  if (endDate === undefined) return { start, end: lastEnd };
  const end = Temporal.Instant.from(endDate);
  return { start, end: isWeighed ? end : earlier(end, lastEnd) };
};

/** [R] An empty list of meters or accounts narrows nothing, as an absent one does. */
const chosen = (ids: readonly string[] | undefined): readonly string[] | undefined =>
  ids === undefined || ids.length === 0 ? undefined : ids;

const asQuestion = (
  body: UsageQueryBody,
  { orgId, window, timeZone }: { orgId: string; window: Window; timeZone: string },
): UsageQuery => {
  const meterIds = chosen(body.meterIds);
  const accountIds = chosen(body.accountIds);
  return {
    orgId,
    window,
    timeZone,
    ...(meterIds === undefined ? {} : { meterIds }),
    ...(accountIds === undefined ? {} : { accountIds }),
    filters: body.dimensionFilters ?? [],
    aggregations: (body.aggregations ?? []).map(
      ({ meterId, fieldCode, function: method, customSql, statistic }) => ({
        meterId,
        fieldCode,
        method: aggregationMethod({ method, customSql, statistic }, timeZone),
      }),
    ),
    groups: (body.groups ?? []).map((group) => {
      if (group.groupType === "ACCOUNT") return { kind: "account" };
      if (group.groupType === "TIME") return { kind: "time", frequency: group.frequency };
      return { kind: "dimension", fieldCode: group.fieldCode };
    }),
    limit: body.limit ?? usageRowsMax,
  };
};

/** The rows of m3ter's usage query, most recent first (m3ter semantics 20). */
export const answerUsageQuery = async (
  { database, usage, now }: UsageParts,
  { orgId, timeZone, body }: { orgId: string; timeZone: string; body: UsageQueryBody },
): Promise<{ data: UsageRow[]; hasMoreData: boolean }> => {
  const named = await metersSelected(database, { orgId, selection: body });
  const at = Temporal.Instant.fromEpochMilliseconds(now().getTime());
  const window = windowAsked(body, { at, timeZone });
  const question = asQuestion(body, { orgId, window, timeZone });
  const answer = await usage.query(question);
  if (answer.kind === "failed") {
    const field = `aggregations[${answer.aggregation}].customSql`;
    throw new Problem("VALIDATION_FAILED", [{ field, message: answer.reason }]);
  }
  const read = async (
    meterIds: Iterable<string>,
    accountIds: Iterable<string>,
  ): Promise<Names> => ({
    meters: await lookupAll(database, meter, { orgId, ids: meterIds }),
    accounts: await lookupAll(database, account, { orgId, ids: accountIds }),
  });
  const { hasMore: hasMoreData } = answer;
  if (answer.kind === "events") {
    const { events } = answer;
    const names = await read(
      events.map(({ meterId }) => meterId),
      events.map(({ accountId }) => accountId),
    );
    return { data: events.map((event) => rowOfEvent(event, names)), hasMoreData };
  }
  const { groups } = answer;
  const names = await read(
    named.keys(),
    groups.flatMap(({ accountId }) => accountId ?? []),
  );
  const { aggregations } = question;
  return { data: groups.map((group) => rowOfGroup(group, aggregations, names)), hasMoreData };
};
