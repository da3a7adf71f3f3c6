import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../packages/cli/src/main.ts", import.meta.url));

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The command line as an operator runs it: a process of its own. */
export const turnpike = (
  settings: Readonly<Record<string, string>>,
  ...args: string[]
): Promise<Ended> =>
  new Promise((resolve) => {
    const env = { PATH: process.env["PATH"], TURNPIKE_LOG_LEVEL: "silent", ...settings };
    execFile(process.execPath, [main, ...args], { env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : Number(error.code ?? 1);
      resolve({ code, stdout, stderr });
    });
  });
