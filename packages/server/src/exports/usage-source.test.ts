import { setTimeout as delay } from "node:timers/promises";
import { Kysely, PostgresDialect } from "kysely";
import { Pool } from "pg";
import { expect, onTestFinished, test } from "vitest";
import type { Tables } from "../ports/database.ts";
import { usageElsewhere } from "../usage-elsewhere.ts";
import { newestFirst, usageSource } from "./usage-source.ts";

/** `count` rows; every `perMillisecond` of them share one. */
const rowsOf = (count: number, perMillisecond: number) =>
  Array.from({ length: count }, (_, index) => ({
    uid: String(index),
    ts: new Date(Math.floor(index / perMillisecond)).toISOString(),
  }));

/** What a store does: the newest `limit` before an instant, and whether there are more. */
const storeOf =
  (rows: readonly { uid: string; ts: string }[]) => async (before: string, limit: number) => {
    const found = rows.filter(({ ts }) => ts < before).toReversed();
    return { data: found.slice(0, limit), hasMoreData: found.length > limit };
  };

const uidsOf = async (count: number, perMillisecond: number): Promise<unknown[]> => {
  const uids: unknown[] = [];
  const before = new Date(1_000_000).toISOString();
  for await (const page of newestFirst(storeOf(rowsOf(count, perMillisecond)), before)) {
    uids.push(...page.map(({ uid }) => uid));
  }
  return uids;
};

test.each([
  ["nothing", 0, 1],
  ["less than a page", 5, 2],
  ["exactly one page", 20_000, 1],
  ["milliseconds across the edges of pages", 50_000, 7],
  ["a millisecond of more than a page", 70_000, 50_000],
])("every measurement comes once: %s", async (_, count, perMillisecond) => {
  const uids = await uidsOf(count, perMillisecond);
  expect(uids.length).toBe(count);
  expect(new Set(uids).size).toBe(count);
});

test("a refusal waits for who reads: one that nobody handles ends the process", async () => {
  const rejections: unknown[] = [];
  const note = (reason: unknown): void => void rejections.push(reason);
  process.on("unhandledRejection", note);
  onTestFinished(() => void process.off("unhandledRejection", note));
  // Nothing is read of it: a meter that is no id is known not to be there.
  const database = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new Pool() }) });
  const parts = { database, usage: usageElsewhere, now: () => new Date() };
  const source = usageSource(parts, {
    orgId: "organization",
    order: {
      sourceType: "USAGE",
      exportFileFormat: "CSV",
      startDate: "2025-03-01T00:00:00Z",
      endDate: "2025-04-01T00:00:00Z",
      aggregations: [
        { meterId: "gone", fieldCode: "calls", fieldType: "MEASURE", function: "SUM" },
      ],
    },
  });
  await delay(20);
  expect(rejections).toEqual([]);
  await expect(source.columns()).rejects.toThrow("names no meter");
});
