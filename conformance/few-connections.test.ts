import { join } from "node:path";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { startEmbeddedPostgres } from "@turnpike/server/adapters/postgres/embedded.ts";
import { callWithKey, Wallets } from "./authorization-client.ts";
import { newFolder, removeFolder, startServer } from "./server.ts";

const closers: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of closers.reverse()) await close();
});

/** A database whose owner may connect so many times. */
const databaseFor = async (folder: string, connectionsMax: number): Promise<string> => {
  const postgres = await startEmbeddedPostgres(join(folder, "postgres"), pino({ level: "silent" }));
  closers.push(postgres.stop);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  await client.query(`CREATE ROLE few LOGIN PASSWORD 'few' CONNECTION LIMIT ${connectionsMax}`);
  await client.query("CREATE DATABASE few OWNER few");
  await client.end();
  const url = new URL(postgres.url);
  return Object.assign(url, { username: "few", password: "few", pathname: "/few" }).href;
};

test("no request is refused where a role may connect as often as the server is told", async () => {
  const folder = await newFolder();
  closers.push(() => removeFolder(folder));
  const server = await startServer(folder, {
    DATABASE_URL: await databaseFor(folder, 5),
    TURNPIKE_DATABASE_CONNECTIONS_MAX: "5",
  });
  closers.push(server.stop);
  const wallets = await Wallets.open(server);
  await wallets.asset("USD", 6);
  await wallets.meter("calls");
  await wallets.account("a");
  await wallets.grant("a", "300");
  const charge = (uid: string) =>
    callWithKey(server, "authorizations", {
      uid,
      account: "a",
      meter: "calls",
      mode: "charge",
      amount: "1",
      asset: "USD",
      measure: { units: 1 },
    });
  const nth = Array.from({ length: 300 }, (_, index) => index);
  const [answers] = await Promise.all([
    Promise.all(nth.map((index) => charge(`call-${index}`))),
    Promise.all(nth.map(() => wallets.wallet("a"))),
  ]);
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
  expect((await wallets.wallet("a")).available).toBe("0");
});
