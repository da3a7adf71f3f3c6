import { once } from "node:events";
import { createServer, connect, type Socket } from "node:net";
import { Pool } from "pg";
import { pino } from "pino";
import { expect, test } from "vitest";
import { Problem } from "@turnpike/contract/problem.ts";
import { UnfitDatabase } from "../../ports/unfit-database.ts";
import { checkWritable, unfitness } from "./fitness.ts";
import { openPostgres } from "./open.ts";
import { ownConnection } from "./own-connection.suite.ts";

const own = ownConnection();
const urlOfOwn = (): URL => new URL(own().pool.options.connectionString ?? "");
const open = (url: URL) => openPostgres(url.href, pino({ level: "silent" }));

const usual = { version: 140_000, encoding: "UTF8", isReadOnly: false };

test.each([
  ["the oldest that works", usual, undefined],
  ["the embedded one", { ...usual, version: 180_004 }, undefined],
  [
    "one that is older",
    { ...usual, version: 130_023 },
    "it is PostgreSQL 13, and 14 is the oldest that works",
  ],
  [
    "one that keeps bytes",
    { ...usual, encoding: "SQL_ASCII" },
    "its encoding is SQL_ASCII, and only UTF8 has every character",
  ],
  [
    "a standby",
    { ...usual, isReadOnly: true },
    "it can only be read, as a standby: name the one that is written",
  ],
])("says why not, of %s", (_what, facts, reason) => {
  expect(unfitness(facts)).toBe(reason);
});

test("a database of another encoding is refused before anything is written", async () => {
  await own().pool.query("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0");
  await expect(open(Object.assign(urlOfOwn(), { pathname: "/latin" }))).rejects.toThrow(
    new UnfitDatabase(
      "The database cannot be used: its encoding is LATIN1, and only UTF8 has every character",
    ),
  );
});

test.each([
  ["no such database", { pathname: "/nowhere" }, 'database "nowhere" does not exist'],
  ["nobody who listens", { href: "postgres://127.0.0.1:1/x" }, "connect ECONNREFUSED 127.0.0.1:1"],
])("where there is %s, a start says so in a sentence", async (_what, other, reason) => {
  await expect(open(Object.assign(urlOfOwn(), other))).rejects.toThrow(
    new UnfitDatabase(`The database cannot be used: ${reason}`),
  );
});

test("who can only read is not ready", async () => {
  const options = "-c default_transaction_read_only=on";
  const standby = new Pool({ connectionString: urlOfOwn().href, options });
  try {
    await expect(checkWritable(standby)).rejects.toThrow(new Problem("UNAVAILABLE"));
    await expect(checkWritable(own().pool)).resolves.toBeUndefined();
  } finally {
    await standby.end();
  }
});

const headBytes = 5;
const notification = "A".charCodeAt(0);

/** What is whole of an answer without what was notified, and the rest. */
const withoutNews = (answer: Buffer): { passed: Buffer; rest: Buffer } => {
  const passed: Buffer[] = [];
  let rest = answer;
  while (rest.length >= headBytes && rest.length > rest.readUInt32BE(1)) {
    const end = rest.readUInt32BE(1) + 1;
    if (rest[0] !== notification) passed.push(rest.subarray(0, end));
    rest = rest.subarray(end);
  }
  return { passed: Buffer.concat(passed), rest };
};

/** Like a pooler that lends sessions: what is said between two transactions does not come through. */
const passOn = (client: Socket, server: Socket): void => {
  let left: Buffer = Buffer.alloc(0);
  client.pipe(server);
  server.on("data", (bytes: Buffer) => {
    const { passed, rest } = withoutNews(Buffer.concat([left, bytes]));
    left = rest;
    client.write(passed);
  });
  server.on("close", () => client.destroy());
};

test("a pooler that does not keep sessions is refused", async () => {
  const { hostname, port } = urlOfOwn();
  const pooler = createServer((client) => passOn(client, connect(Number(port), hostname)));
  await once(pooler.listen(0, "127.0.0.1"), "listening");
  const address = pooler.address();
  try {
    const url = urlOfOwn();
    url.search = "";
    url.port = String(typeof address === "object" && address?.port);
    await expect(open(url)).rejects.toThrow("PgBouncer: pool_mode = session");
  } finally {
    pooler.close();
  }
}, 30_000);
