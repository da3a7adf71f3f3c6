import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { expireExports } from "./export-run.ts";

const connection = ownConnection();
const today = Date.parse("2024-06-30T00:00:00Z");
const daysAgo = (days: number): Date => new Date(today - days * 86_400_000);

interface Job {
  readonly status: "RUNNING" | "SUCCEEDED" | "FAILED";
  readonly daysAgo: number;
  readonly file?: string;
}

/** An export that began, and unless it runs ended, so many days ago. */
const exported = async (orgId: string, job: Job): Promise<string> => {
  const [id, at] = [randomUUID(), daysAgo(job.daysAgo)];
  await connection()
    .database.insertInto("export_job")
    .values({
      org_id: orgId,
      id,
      version: 1,
      schedule_id: null,
      status: job.status,
      request: "{}",
      stored_as: job.file ?? null,
      failure_reason: job.status === "FAILED" ? "no room" : null,
      dt_created: at,
      started_at: at,
      finished_at: job.status === "RUNNING" ? null : at,
      created_by: "tester",
    })
    .execute();
  return id;
};

test("a file is kept for a day and its job for 28, in every organization, and what runs stays", async () => {
  const { database } = connection();
  const [orgId, other] = [randomUUID(), randomUUID()];
  for (const id of [orgId, other]) {
    await database
      .insertInto("organization")
      .values({ id, created_at: daysAgo(99) })
      .execute();
  }
  const kept = [
    await exported(orgId, { status: "RUNNING", daysAgo: 40 }),
    await exported(orgId, { status: "FAILED", daysAgo: 27 }),
    await exported(other, { status: "SUCCEEDED", daysAgo: 2, file: "past its day" }),
    await exported(other, { status: "SUCCEEDED", daysAgo: 0.9, file: "of today" }),
  ];
  await exported(orgId, { status: "FAILED", daysAgo: 29 });
  await exported(other, { status: "SUCCEEDED", daysAgo: 30, file: "of a server that was away" });
  const removed: string[] = [];
  const files = { remove: async (name: string) => void removed.push(name) };

  await expireExports({ database, files, now: () => new Date(today) });

  const rows = await database.selectFrom("export_job").select(["id", "stored_as"]).execute();
  expect(rows.map(({ id }) => id).toSorted()).toEqual(kept.toSorted());
  expect(removed.toSorted()).toEqual(["of a server that was away", "past its day"]);
  expect(rows.flatMap(({ stored_as }) => stored_as ?? [])).toEqual(["of today"]);
});
