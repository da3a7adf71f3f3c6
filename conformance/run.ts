import { execFile } from "node:child_process";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import {
  organizationPrefix,
  type RunningServer,
  servedRoutes,
  startServer,
} from "./running-server.ts";

const run = promisify(execFile);
const here = fileURLToPath(new URL(".", import.meta.url));

/** An official SDK: how it is made ready in a folder, and what is then run. */
interface Sdk {
  readonly name: string;
  readonly toolchain: string;
  readonly prepare: (folder: string) => Promise<void>;
  readonly command: (folder: string) => readonly [string, ...string[]];
}

const python: Sdk = {
  name: "python",
  toolchain: "python3",
  prepare: async (folder) => {
    await run("python3", ["-m", "venv", folder]);
    const requirements = join(here, "python", "requirements.txt");
    await run(join(folder, "bin", "pip"), ["install", "--quiet", "--requirement", requirements]);
  },
  command: (folder) => [join(folder, "bin", "python"), join(here, "python", "scenario.py")],
};

const go: Sdk = {
  name: "go",
  toolchain: "go",
  prepare: async (folder) => {
    await cp(join(here, "go"), folder, { recursive: true });
    await run("go", ["mod", "tidy"], { cwd: folder });
    await run("go", ["build", "-o", "scenario", "."], { cwd: folder });
  },
  command: (folder) => [join(folder, "scenario")],
};

const isPresent = (toolchain: string): Promise<boolean> =>
  run(toolchain, ["version"]).then(
    () => true,
    (error: unknown) => !(error instanceof Error && "code" in error && error.code === "ENOENT"),
  );

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const textOf = (error: unknown, stream: "stdout" | "stderr"): string =>
  typeof error === "object" && error !== null && stream in error
    ? String(Reflect.get(error, stream)).trim()
    : "";

interface Target {
  readonly server: RunningServer;
  readonly servedFile: string;
}

/** Runs the SDK's scenario. False when a check failed; an SDK that cannot be had here is skipped aloud. */
const drive = async (sdk: Sdk, folder: string, { server, servedFile }: Target) => {
  if (!(await isPresent(sdk.toolchain))) {
    say(`${sdk.name}: skipped, ${sdk.toolchain} is not on this machine`);
    return true;
  }
  try {
    await sdk.prepare(folder);
  } catch (error) {
    const reason = textOf(error, "stderr").split("\n").slice(-2).join(" ");
    say(`${sdk.name}: skipped, its SDK could not be installed from its registry: ${reason}`);
    return true;
  }
  const [program, ...args] = sdk.command(folder);
  const env = {
    ...process.env,
    M3TER_BASE_URL: server.url,
    M3TER_API_KEY: server.accessKey,
    M3TER_API_SECRET: server.apiSecret,
    M3TER_ORG_ID: server.orgId,
    TURNPIKE_SERVED: servedFile,
    TURNPIKE_SDK_RESOURCES: join(here, "sdk", "resources.json"),
  };
  try {
    const { stdout } = await run(program, args, { env });
    say(stdout.trim());
    return true;
  } catch (error) {
    say([textOf(error, "stdout"), textOf(error, "stderr")].filter(Boolean).join("\n"));
    return false;
  }
};

const main = async (): Promise<boolean> => {
  const folder = await mkdtemp(join(tmpdir(), "turnpike-sdk-"));
  try {
    let held = true;
    for (const sdk of [python, go]) {
      // Each SDK gets a new server: both create the same codes.
      const server = await startServer();
      try {
        const servedFile = join(folder, `${sdk.name}.served`);
        const served = (await servedRoutes(server)).map(({ path }) => path);
        const paths = served.map((path) => path.replace(organizationPrefix, ""));
        await writeFile(servedFile, paths.join("\n"));
        held = (await drive(sdk, join(folder, sdk.name), { server, servedFile })) && held;
      } finally {
        await server.stop();
      }
    }
    return held;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

process.exitCode = (await main()) ? 0 : 1;
