import { setTimeout as delay } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import {
  money,
  sampleGrant,
  sampleHold,
  sampleSettle,
} from "@turnpike/engine/ledger/sample-request.ts";
import { decideBatch } from "./batch.ts";
import { ledgerDatabase, workOf } from "./rows/ledger-database.suite.ts";

const { pool, server, organization, record } = ledgerDatabase();

test("who gives a slot of a removed limit back waits for who still counts there", async () => {
  const orgId = await organization(["acme", "bolt"]);
  const limit = { code: "all", scope: {}, limit: 5 };
  await record(orgId, "concurrencyLimit", limit);
  const knowing = server();
  const grants = ["acme", "bolt"].map((account) =>
    sampleGrant(`${account}'s`, money("10"), { account }),
  );
  const holds = [
    sampleHold("one", money("1")),
    sampleHold("other", money("1"), { account: "bolt" }),
  ];
  await decideBatch(knowing, orgId, [workOf(orgId, [...grants, ...holds])]);
  await pool().query("DELETE FROM record WHERE org_id = $1 AND kind = 'concurrencyLimit'", [orgId]);
  const held = async (): Promise<unknown> =>
    (await pool().query("SELECT held FROM concurrency_count WHERE org_id = $1", [orgId])).rows;
  // As a server does that has not heard of the removal, between reading the count and writing it.
  const client = await pool().connect();
  await client.query("BEGIN");
  await client.query(
    `SELECT pg_advisory_xact_lock(hashtextextended($1::text || concurrency_limit_id, 0))
     FROM concurrency_count WHERE org_id = $1::uuid`,
    [orgId],
  );
  const settled = decideBatch(server(), orgId, [
    { ...workOf(orgId, [sampleSettle("one", money("1"))]), accounts: ["acme"] },
  ]);
  await delay(500);
  await client.query("UPDATE concurrency_count SET held = 3 WHERE org_id = $1", [orgId]);
  await client.query("COMMIT");
  client.release();
  await settled;
  expect(await held()).toEqual([{ held: 2 }]);
});

test("a server whose clock is set back remembers limits no longer than any other", async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  try {
    const orgId = await organization(["acme"]);
    const remembering = server();
    await decideBatch(remembering, orgId, [workOf(orgId, [sampleGrant("acme's", money("10"))])]);
    const limit = { code: "none", scope: {}, limit: 0 };
    await record(orgId, "concurrencyLimit", limit);
    vi.setSystemTime(Date.now() - 3_600_000);
    await delay(2_100);
    const hold = workOf(orgId, [sampleHold("one", money("1"))]);
    expect(await decideBatch(remembering, orgId, [hold])).toMatchObject([
      [{ decision: "deny", reasons: [{ code: "CONCURRENCY_EXCEEDED" }] }],
    ]);
  } finally {
    vi.useRealTimers();
  }
});
