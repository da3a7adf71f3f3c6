import { randomUUID } from "node:crypto";
import { expect, test } from "vitest";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import type { Database } from "../ports/database.ts";
import { createConfigurations } from "./configuration.ts";
import { createLimits } from "./limits.ts";

const connection = ownConnection();

const budget = { code: "monthly", scope: {}, asset: "USD", limit: "1", window: "billingPeriod" };
const usd = { code: "USD", name: "US dollar", scale: 6, kind: "fiat" };
const epochs = { yearEpoch: "2024-01-01", monthEpoch: "2024-01-01", weekEpoch: "2024-01-01" };
const config = (timezone: string) => ({ timezone, ...epochs, dayEpoch: "2024-01-01" });

/** An organization with a budget by billing period; its id. */
const organization = async (): Promise<string> => {
  const { pool } = connection();
  const orgId = randomUUID();
  await pool.query("INSERT INTO organization (id, created_at) VALUES ($1, now())", [orgId]);
  for (const [kind, id, document] of [
    ["asset", randomUUID(), usd],
    ["budget", randomUUID(), { ...budget, mode: "hard", timeZone: "UTC", alerts: [] }],
    ["organizationConfig", orgId, config("UTC")],
  ])
    await pool.query(
      `INSERT INTO record (org_id, kind, id, version, document, dt_created, dt_last_modified, created_by, last_modified_by)
       VALUES ($1, $2, $3, 1, $4, now(), now(), 'test', 'test')`,
      [orgId, kind, id, document],
    );
  return orgId;
};

/** The same, where something happens as soon as a record of the kind was read for the first time. */
const whenRead = (database: Database, kind: string, happens: () => Promise<void>): Database => {
  const state = { hasHappened: false };
  return database.withPlugin({
    transformQuery: ({ node }) => node,
    transformResult: async ({ result }) => {
      if (!state.hasHappened && result.rows.some((row) => row["kind"] === kind)) {
        state.hasHappened = true;
        await happens();
      }
      return result;
    },
  });
};

test("billing periods that are changed while they are read for the first time are read again", async () => {
  const orgId = await organization();
  const { pool } = connection();
  const database = whenRead(connection().database, "organizationConfig", async () => {
    await pool.query(
      "UPDATE record SET document = $2 WHERE org_id = $1 AND kind = 'organizationConfig'",
      [orgId, config("Asia/Tokyo")],
    );
    limits.announce({ orgId, kind: "organizationConfig", isNew: false });
  });
  const parts = { database, now: () => 0, hearsNews: () => true };
  const limits = createLimits({ ...parts, configurations: createConfigurations(parts) });
  const zones = async () =>
    (await limits.of(orgId, ["acme"])).budgets.map(({ window }) =>
      window.kind === "billingPeriod" ? window.periods.otherwise.zone : window.kind,
    );
  expect(await zones()).toEqual(["UTC"]);
  expect(await zones()).toEqual(["Asia/Tokyo"]);
});
