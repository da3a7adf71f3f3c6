import type { AggregationDefinition, SimpleDefinition } from "@turnpike/engine/bill/facts.ts";
import type { UsageWindow } from "@turnpike/engine/bill/usage-windows.ts";
import { expect, test } from "vitest";
import { reachOf } from "./usage-reach.ts";

const period = (start: string, end: string) => ({
  start: Temporal.Instant.from(`2024-${start}T00:00:00Z`),
  end: Temporal.Instant.from(`2024-${end}T00:00:00Z`),
});

const simple = (id: string, meterId: string, changes: Partial<SimpleDefinition> = {}) =>
  ({
    type: "SIMPLE",
    id,
    version: 1,
    name: id,
    code: id,
    meterId,
    method: "SUM",
    targetField: "n",
    ...changes,
  }) as const;

const compound: AggregationDefinition = {
  type: "COMPOUND",
  id: "ratio",
  version: 1,
  name: "ratio",
  calculation: "aggregation.calls / aggregation.disk",
  evaluateNullAggregations: false,
};

const calls = simple("calls", "m1");
const disk = simple("disk", "m2", {
  method: "LATEST",
  statistic: { kind: "TIME_WEIGHTED_SUM", unit: "HOUR" },
});

const window = (aggregationId: string, type: UsageWindow["aggregationType"]): UsageWindow => ({
  key: aggregationId,
  aggregationId,
  aggregationType: type,
  filters: [],
  sources: [
    { accountId: "a", period: period("05-01", "06-01") },
    { accountId: "b", period: period("04-01", "05-01") },
  ],
});

test("a bill depends on the usage in its windows, of every meter that is measured", () => {
  expect(reachOf([window("calls", "SIMPLE")], [calls, disk])).toEqual([
    {
      meterId: "m1",
      accountIds: ["a", "b"],
      start: "2024-04-01T00:00:00Z",
      end: "2024-06-01T00:00:00Z",
    },
  ]);
  const meters = reachOf([window("ratio", "COMPOUND")], [calls, disk, compound]);
  expect(meters.map(({ meterId }) => meterId)).toEqual(["m1", "m2"]);
});

test("what is weighed with time depends on everything before its windows, too", () => {
  expect(reachOf([window("disk", "SIMPLE")], [disk])).toEqual([
    {
      meterId: "m2",
      accountIds: ["a", "b"],
      start: "0001-01-01T00:00:00Z",
      end: "2024-06-01T00:00:00Z",
    },
  ]);
});
