import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Wallets } from "./authorization-client.ts";
import { type Ended, turnpike } from "./command-line.ts";
import { inspect } from "./ledger-inspection.ts";
import { newFolder, removeFolder, sharedKeys, startServer } from "./server.ts";
import { ownDatabase } from "./wallet-world.ts";

const url = ownDatabase();
const state = { folder: "" };
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(() => removeFolder(state.folder));

/** From a data directory of its own, as from another machine. */
const verify = (): Promise<Ended> =>
  turnpike(
    { ...sharedKeys, DATABASE_URL: url(), TURNPIKE_DATA_DIR: join(state.folder, "other") },
    "wallets",
    "verify",
  );

test("wallets are added up from their postings beside a server that runs, and what differs is said", async () => {
  const server = await startServer(state.folder, { ...sharedKeys, DATABASE_URL: url() });
  try {
    const wallets = await Wallets.open(server);
    await wallets.asset("USD", 2);
    await wallets.meter("calls");
    await wallets.account("acme");
    await wallets.grant("acme", "10");
    await wallets.charge("acme", "first", "3");
    await wallets.hold("acme", "second", "2");
    const sound = await verify();
    expect({ ...sound, stdout: JSON.parse(sound.stdout) }).toEqual({
      code: 0,
      stdout: { result: "sound", organizations: 1 },
      stderr: "",
    });
    await inspect(url(), (pool) =>
      pool.query("UPDATE posting SET amount = amount + 1 WHERE authorization_id = 'first'"),
    );
    const broken = await verify();
    expect(broken).toMatchObject({ code: 1, stdout: "" });
    expect(broken.stderr).toContain(
      `The wallets are broken:\norganization ${server.orgId}: I1 USD/acme is not the fold of its postings`,
    );
  } finally {
    await server.stop();
  }
}, 60_000);
