import { setTimeout as delay } from "node:timers/promises";
import { Pool } from "pg";
import { beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Client, connect } from "./client.ts";
import { ownDatabase, serverPair } from "./wallet-world.ts";

/** Two servers on one database: what one changes in the catalog counts at the other, which remembers it. */
const databaseUrl = ownDatabase();
const { servers } = serverPair(databaseUrl);
const clients: Client[] = [];

const client = (nth: number): Client => {
  const found = clients[nth];
  if (found === undefined) throw new Error("no server");
  return found;
};

beforeAll(async () => {
  for (const server of servers) clients.push(await connect(server));
});

/** Ends every connection that listens for news; how many there were. */
const endListening = async (): Promise<number> => {
  const pool = new Pool({ connectionString: databaseUrl(), max: 1 });
  const { rows } = await pool.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN turnpike_catalog%'",
  );
  await pool.end();
  return rows.length;
};

const meterOf = (calculation: string) => ({
  name: "Calls",
  code: "calls",
  dataFields: [{ category: "MEASURE", code: "n", name: "N", unit: "1" }],
  derivedFields: [{ category: "COST", code: "cost", name: "Cost", unit: "1", calculation }],
});

const costs = z.object({ data: z.tuple([z.object({ "calls.cost.SUM": z.number() })]) });

/** The cost that the first server, which keeps usage, derives for one call. */
const costNow = async (meterId: string): Promise<number> => {
  const account = `a${crypto.randomUUID()}`;
  const sent = { uid: account, meter: "calls", account, ts: "2025-05-10T00:00:00Z" };
  const body = { measurements: [{ ...sent, measure: { n: 1 } }] };
  expect((await client(0).call("POST", "measurements", body)).status).toBe(200);
  const { data } = await client(0).list(`accounts?codes=${account}`);
  const answer = await client(0).call("POST", "usage/query", {
    startDate: "2025-05-01T00:00:00Z",
    endDate: "2025-06-01T00:00:00Z",
    accountIds: data.map(({ id }) => id),
    aggregations: [{ meterId, fieldCode: "cost", fieldType: "MEASURE", function: "SUM" }],
  });
  return costs.parse(answer.body).data[0]["calls.cost.SUM"];
};

const soon = async (meterId: string, cost: number): Promise<void> => {
  const deadline = Date.now() + 10_000;
  while ((await costNow(meterId)) !== cost && Date.now() < deadline) await delay(50);
  expect(await costNow(meterId)).toBe(cost);
};

test("a meter's formula that one server changes counts at the other, also after its connection was lost", async () => {
  const { id } = await client(1).create("meters", meterOf("n * 2"));
  await soon(id, 2);
  await client(1).put(`meters/${id}`, { ...meterOf("n * 3"), version: 1 });
  await soon(id, 3);

  expect(await endListening()).toBe(2);
  await client(1).put(`meters/${id}`, { ...meterOf("n * 4"), version: 2 });
  await soon(id, 4);
});
