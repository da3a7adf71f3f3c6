import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { connect } from "./client.ts";
import { type Ended, turnpike as run } from "./command-line.ts";
import { newFolder, removeFolder, startServer } from "./server.ts";

/** Each command is a process of its own, and most of them start a server. */
const slowMs = 180_000;

const state = { folder: "" };
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(() => removeFolder(state.folder));

/** On the data directory of the test. */
const turnpike = (...args: string[]): Promise<Ended> =>
  run({ TURNPIKE_DATA_DIR: join(state.folder, "data") }, ...args);

const pair = z.object({ accessKey: z.string(), apiSecret: z.string() });
const users = z.array(
  z.object({ name: z.string(), keys: z.array(z.object({ accessKey: z.string() })) }),
);

const printed = async (...args: string[]): Promise<unknown> => {
  const { code, stdout, stderr } = await turnpike(...args);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
};

/** Nothing is printed as a result, and the reason is said. */
const refused = async (args: string[], reason: string, code = 1): Promise<void> => {
  const ended = await turnpike(...args);
  expect(ended).toEqual({ code, stdout: "", stderr: expect.stringContaining(reason) });
};

const keysOf = async (name: string): Promise<string[]> =>
  users
    .parse(await printed("keys", "list"))
    .filter((user) => user.name === name)
    .flatMap(({ keys }) => keys.map(({ accessKey }) => accessKey));

test(
  "keys are made, listed and deleted while a server runs, and count at once",
  async () => {
    const server = await startServer(state.folder);
    try {
      const made = pair.parse(await printed("keys", "create", "--name", "Bot"));
      expect(await keysOf("Bot")).toEqual([made.accessKey]);
      const client = await connect({ ...server, ...made });
      expect((await client.call("GET", "products")).status).toBe(200);
      expect(JSON.stringify(await printed("keys", "delete", made.accessKey))).not.toContain(
        made.apiSecret,
      );
      expect(await keysOf("Bot")).toEqual([]);
      expect((await client.call("GET", "products")).status).toBe(403);
      await refused(["keys", "delete", "none"], "There is no key none");
      await refused(["keys", "create", "--policy", "none"], "There is no policy none; known are");
    } finally {
      await server.stop();
    }
  },
  slowMs,
);

test(
  "without a server one is started for the command, and its keys stay",
  async () => {
    const made = pair.parse(await printed("keys", "create", "--name", "Offline"));
    const server = await startServer(state.folder);
    try {
      const client = await connect({ ...server, ...made });
      expect((await client.call("GET", "users/me")).status).toBe(200);
    } finally {
      await server.stop();
    }
  },
  slowMs,
);

test(
  "the ledger is verified and exported once the server is stopped",
  async () => {
    const server = await startServer(state.folder);
    const client = await connect(server);
    await client.create("meters", {
      name: "Calls",
      code: "calls",
      dataFields: [{ category: "MEASURE", code: "n", name: "N", unit: "1" }],
      derivedFields: [],
    });
    const measurement = { meter: "calls", account: "someone", ts: "2025-01-01T00:00:00Z" };
    const measurements = [1, 2].map((n) => ({ ...measurement, uid: `${n}`, measure: { n } }));
    const sent = await client.call("POST", "measurements", { measurements });
    expect(sent.status).toBe(200);
    const whileItRuns = await turnpike("ledger", "verify");
    expect(whileItRuns.code).toBe(1);
    expect(whileItRuns.stdout).toBe("");
    await server.stop();
    expect(await printed("ledger", "verify")).toMatchObject({ kind: "sound" });
    const file = join(state.folder, "usage.parquet");
    expect(await printed("ledger", "export", file)).toMatchObject({ kind: "sound" });
    expect((await stat(file)).size).toBeGreaterThan(0);
  },
  slowMs,
);

test.each([
  [["ledger", "export"], 1, "needs the name of a file"],
  [["keys", "shred"], 2, "Usage:"],
  [[], 2, "Usage:"],
])("%j ends with %i and says why", (args, code, reason) => refused(args, reason, code), slowMs);

const credentials = pair.extend({ orgId: z.string() });

test(
  "a second organization is made beside the first, sees nothing of it, and makes keys of its own",
  async () => {
    const made = credentials.parse(await printed("organizations", "create"));
    const server = await startServer(state.folder);
    const own = {
      TURNPIKE_DATA_DIR: join(state.folder, "data"),
      TURNPIKE_ORG_ID: made.orgId,
      TURNPIKE_ACCESS_KEY: made.accessKey,
      TURNPIKE_API_SECRET: made.apiSecret,
    };
    try {
      const [first, second] = [await connect(server), await connect({ ...server, ...made })];
      const { id } = await first.create("products", { name: "Same", code: "same" });
      await second.create("products", { name: "Same", code: "same" });
      expect((await second.call("GET", `products/${id}`)).status).toBe(404);
      const another = await run(own, "keys", "create");
      const bot = await connect({ ...server, ...made, ...pair.parse(JSON.parse(another.stdout)) });
      expect((await bot.list("products")).data).toHaveLength(1);
    } finally {
      await server.stop();
    }
    expect(await printed("organizations", "list")).toMatchObject([
      { orgId: server.orgId },
      { orgId: made.orgId },
    ]);
  },
  slowMs,
);

test(
  "the first organization's credentials are not written over for another",
  async () => {
    const path = join(state.folder, "data", "credentials.json");
    const before = await readFile(path, "utf8");
    const other = { TURNPIKE_ORG_ID: "22222222-2222-4333-8444-555555555555" };
    const ended = await run(
      { TURNPIKE_DATA_DIR: join(state.folder, "data"), ...other },
      "keys",
      "list",
    );
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining("is of organization") });
    expect(await readFile(path, "utf8")).toBe(before);
  },
  slowMs,
);
