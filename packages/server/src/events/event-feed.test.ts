import { beforeAll, expect, test } from "vitest";
import { integrationEvents } from "@turnpike/contract/event.ts";
import { runStatuses } from "@turnpike/contract/sync/integration-operations.ts";
import { ownConnection } from "../adapters/postgres/own-connection.suite.ts";
import { listEvents, readEvent } from "./event-feed.ts";

const orgId = "11111111-1111-4111-8111-111111111111";
const connection = ownConnection();

beforeAll(async () => {
  const row = { id: orgId, created_at: new Date() };
  await connection().database.insertInto("organization").values(row).execute();
});

test("a run of an integration is an event as soon as it has ended without reaching its system", async () => {
  const { database } = connection();
  const at = new Date("2025-03-01T00:00:00Z");
  const audit = { created_by: "a", last_modified_by: "a", dt_created: at, dt_last_modified: at };
  const runs = runStatuses.map((status) => ({
    ...audit,
    org_id: orgId,
    id: crypto.randomUUID(),
    version: 1,
    config_id: crypto.randomUUID(),
    entity_type: "Bill",
    entity_id: "b",
    destination: "Stripe",
    destination_id: null,
    status,
    log: JSON.stringify([{ at: "2025-03-01T00:00:00Z", message: `is ${status}` }]),
  }));
  await database.insertInto("integration_run").values(runs).execute();

  const page = { at, pageSize: 100 };
  const all = await listEvents(database, orgId, { ...page, filter: {} });
  const seen = all.data.map(({ id, eventName }) => [
    runs.find((run) => run.id === id)?.status,
    eventName,
  ]);
  expect(Object.fromEntries(seen)).toEqual(integrationEvents);
  const filter = { eventType: "IntegrationEvent" };
  expect((await listEvents(database, orgId, { ...page, filter })).data).toEqual(all.data);
  const id = runs.find(({ status }) => status === "ERROR")?.id ?? "";
  expect((await readEvent(database, { orgId, id, at })).m3terEvent.eventData).toMatchObject({
    newDto: { id, entityType: "Bill", entityId: "b", destination: "Stripe", error: "is ERROR" },
  });
});
