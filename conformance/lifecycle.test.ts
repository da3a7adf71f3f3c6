import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, readFile, stat } from "node:fs/promises";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { connect } from "../scripts/demo/api.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const main = fileURLToPath(new URL("../packages/server/src/main.ts", import.meta.url));

/** Runs a server to its end; for those that are expected to refuse. */
const runServer = (env: Record<string, string>): Promise<{ code: number; stderr: string }> =>
  new Promise((resolve) => {
    const options = { env: { PATH: process.env["PATH"], ...env } };
    execFile(process.execPath, [main], options, (error, _stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stderr }),
    );
  });

describe("a server's life", () => {
  const state: { folder: string; server?: ServerProcess } = { folder: "" };
  const running = (): ServerProcess => {
    if (state.server === undefined) throw new Error("no server");
    return state.server;
  };
  const products = async (): Promise<unknown> =>
    (await (await connect(running())).call("GET", "products"))["data"];

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("announces itself in server.json and keeps its secrets to its owner", async () => {
    const { url, orgId, pid } = running();
    const text = await readFile(join(state.folder, "data/server.json"), "utf8");
    expect(JSON.parse(text)).toEqual({ url, pid, orgId });
    expect((await stat(join(state.folder, "data/credentials.json"))).mode & 0o777).toBe(0o600);
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  test("refuses a second server on its directory, with a sentence and exit code 1", async () => {
    const second = await runServer({
      TURNPIKE_PORT: "0",
      TURNPIKE_DATA_DIR: join(state.folder, "data"),
    });
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(/^Another process is using the usage store .*\n$/);
    expect((await fetch(`${running().url}/readyz`)).status).toBe(200);
    expect(existsSync(join(state.folder, "data/server.json"))).toBe(true);
  });

  test.each([
    ["TURNPIKE_PORT", "eighty", 'must be a whole number from 0 to 65535, not "eighty"'],
    ["DATABASE_URL", "mysql://me:secret@here/x", "must begin with postgres:// or postgresql://"],
  ])("refuses a setting that makes no sense, naming it: %s", async (name, value, reason) => {
    const refused = await runServer({ [name]: value });
    expect(refused).toEqual({ code: 1, stderr: `${name} ${reason}\n` });
  });

  test("says why a start fails, down to the first cause", async () => {
    const folder = join(state.folder, "other");
    // Where the file of usage is to be.
    await mkdir(join(folder, "usage.duckdb"), { recursive: true });
    const failed = await runServer({ TURNPIKE_PORT: "0", TURNPIKE_DATA_DIR: folder });
    expect(failed.code).toBe(1);
    expect(failed.stderr).toMatch(/usage\.duckdb does not open\n[^]*\[cause\]: .*directory/);
  });

  test("finds everything again after SIGKILL, which leaves its database running", async () => {
    const api = await connect(running());
    await api.call("POST", "products", { name: "Kept", code: "kept" });
    const before = await products();
    await running().kill();
    state.server = await startServer(state.folder);
    expect(await products()).toEqual(before);
  });

  test("ends with 0 on SIGTERM, removes server.json, and finds everything at the next start", async () => {
    const before = await products();
    expect(await running().stop()).toBe(0);
    expect(existsSync(join(state.folder, "data/server.json"))).toBe(false);
    state.server = await startServer(state.folder);
    expect(await products()).toEqual(before);
  });

  /** A connection of a client that would keep it, and what was sent back. */
  const open = () => {
    const { hostname, port } = new URL(running().url);
    const socket = connectSocket(Number(port), hostname).setEncoding("utf8");
    const texts: string[] = [];
    socket.on("data", (text: string) => texts.push(text));
    return { socket, closed: once(socket, "close"), heard: () => texts.join("") };
  };

  test("answers what is asked while it ends, in its own words, and waits for no connection that stays open after that", async () => {
    const [begun, late] = [open(), open()];
    const head = "POST /oauth/token HTTP/1.1\r\nhost: here\r\ncontent-type: application/json";
    begun.socket.write(`${head}\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n{`);
    late.socket.write("GET /organizations/none/products HTTP/1.1\r\n");
    await expect.poll(begun.heard).toContain("100 Continue");
    const ended = running().stop();
    const isListening = (): Promise<boolean> =>
      fetch(`${running().url}/readyz`).then(
        () => true,
        () => false,
      );
    await expect.poll(isListening).toBe(false);
    begun.socket.write("}");
    late.socket.write("host: here\r\n\r\n");
    await Promise.all([begun.closed, late.closed]);
    expect(begun.heard()).toContain("INVALID_CREDENTIALS");
    expect(late.heard()).toContain('"errorCode":"UNAUTHORIZED"');
    for (const { heard } of [begun, late])
      expect(heard().toLowerCase()).toContain("connection: close");
    expect(await ended).toBe(0);
    state.server = await startServer(state.folder);
  });

  test("creates the organization and key it is told to", async () => {
    await running().stop();
    const settings = {
      TURNPIKE_ORG_ID: "3f1f0d5e-1111-4222-8333-444455556666",
      TURNPIKE_ACCESS_KEY: "given-key",
      TURNPIKE_API_SECRET: "given-secret",
    };
    state.server = await startServer(state.folder, settings);
    expect(running().orgId).toBe(settings.TURNPIKE_ORG_ID);
    expect(await products()).toEqual([]);
  });

  test("ends with 0 on SIGTERM while it starts, and its database with it", async () => {
    await running().stop();
    const postmaster = join(state.folder, "data/postgres/data/postmaster.pid");
    const starting = spawn(process.execPath, [main], {
      env: {
        PATH: process.env["PATH"],
        TURNPIKE_PORT: "0",
        TURNPIKE_DATA_DIR: join(state.folder, "data"),
      },
      stdio: "ignore",
    });
    const ended = once(starting, "exit");
    while (!existsSync(postmaster) && starting.exitCode === null) await delay(5);
    starting.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(existsSync(postmaster)).toBe(false);
  });
});
