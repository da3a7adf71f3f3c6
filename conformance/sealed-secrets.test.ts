import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { connect } from "./client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const state = { folder: "", bearer: "" };
beforeAll(async () => {
  state.folder = await newFolder();
});
afterAll(() => removeFolder(state.folder));

const webhook = {
  name: "Hook",
  description: "Ours",
  code: "hook",
  url: "https://example.com/found-in-the-open",
  credentials: { type: "M3TER_SIGNED_REQUEST", apiKey: "sealed-key", secret: "sealed-secret" },
};
const path = "integrationdestinations/webhooks";

/** Which of the texts stand anywhere in the database's files, the log of changes included. */
const textsOnDisk = async (texts: readonly string[]): Promise<Set<string>> => {
  const folder = join(state.folder, "data/postgres");
  const found = new Set<string>();
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const bytes = await readFile(join(entry.parentPath, entry.name));
    for (const text of texts) if (bytes.includes(text)) found.add(text);
  }
  return found;
};

test("credentials stand nowhere on the disk as they were given, and serve after a restart", async () => {
  const first = await startServer(state.folder);
  const client = await connect(first);
  state.bearer = client.bearer;
  const { id } = await client.create(path, webhook);
  await client.create("integrationconfigs", {
    entityType: "Bill",
    destination: "Stripe",
    credentials: { type: "KEY", token: "sealed-token" },
  });
  expect(await first.stop()).toBe(0);

  const texts = ["found-in-the-open", "sealed-key", "sealed-secret", "sealed-token"];
  expect([...(await textsOnDisk(texts))]).toEqual(["found-in-the-open"]);
  const { mode } = await stat(join(state.folder, "data/secret.key"));
  expect((mode & 0o777).toString(8)).toBe("600");

  const again = await startServer(state.folder);
  const reply = await (await connect(again)).get(`${path}/${id}`);
  expect(reply).toMatchObject({ credentials: { apiKey: "sealed-key" } });
  expect(JSON.stringify(reply)).not.toContain("sealed-secret");
  expect(await statusOfOldToken(again)).toBe(200);
  await again.stop();
}, 60_000);

/** The status of a call with the token that the first server issued. */
const statusOfOldToken = async ({ url, orgId }: ServerProcess): Promise<number> => {
  const headers = { authorization: `Bearer ${state.bearer}` };
  return (await fetch(`${url}/organizations/${orgId}/products`, { headers })).status;
};

test("another key is refused at the start, and joins the old one", async () => {
  const other = "ab".repeat(32);
  await expect(startServer(state.folder, { TURNPIKE_SECRET_KEYS: other })).rejects.toThrow(
    "stored credentials and keys are sealed with",
  );
  const old = (await readFile(join(state.folder, "data/secret.key"), "utf8")).trim();
  const both = await startServer(state.folder, { TURNPIKE_SECRET_KEYS: `${other},${old}` });
  const { data } = await (await connect(both)).list(path);
  expect(data).toMatchObject([{ credentials: { apiKey: "sealed-key" } }]);
  expect(await statusOfOldToken(both)).toBe(200);
  await both.stop();
}, 60_000);
