import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { meterCode } from "./catalog.ts";

export interface Measurement {
  readonly uid: string;
  readonly meter: string;
  readonly account: string;
  readonly ts: string;
  readonly measure: { readonly input_tokens: number; readonly output_tokens: number };
}

const header = "TIMESTAMP,ContextTokens,GeneratedTokens";

/** A row such as `2023-11-16 18:17:03.9799600,4808,10`, in UTC. */
const rowPattern = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?),(\d+),(\d+)$/;

/** The requests of a trace file, dealt to the accounts in turn; the line number names each one for good. */
export const readTrace = async (
  path: string,
  accounts: readonly string[],
): Promise<Measurement[]> => {
  const [first, ...rows] = (await readFile(path, "utf8")).trim().split(/\r?\n/);
  if (first !== header) throw new Error(`${path} must begin with the line ${header}`);
  const name = basename(path, ".csv").slice(0, 36);
  return rows.map((row, index) => {
    const [, day, time, input, output] = rowPattern.exec(row) ?? [];
    const account = accounts[index % accounts.length];
    if (day === undefined || account === undefined) {
      throw new Error(`${path}, line ${index + 2}: not a timestamp and two counts: ${row}`);
    }
    return {
      uid: `${name}-${index + 1}`,
      meter: meterCode,
      account,
      ts: `${day}T${time}Z`,
      measure: { input_tokens: Number(input), output_tokens: Number(output) },
    };
  });
};

/** A small generator with a fixed seed: the demo bills the same every time. */
const sequence = (seed: number) => {
  let state = seed;
  return (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
};

/** Twenty thousand requests over November 2023; each account has twice the traffic of the next one. */
export const generateUsage = (accounts: readonly string[], count = 20_000): Measurement[] => {
  const next = sequence(42);
  const start = Date.UTC(2023, 10, 1);
  const share = 2 ** accounts.length - 1;
  return Array.from({ length: count }, (_, index) => {
    const ticket = next(share);
    const rank = accounts.findIndex((_account, place) => ticket >= share >> (place + 1));
    return {
      uid: `generated-${index + 1}`,
      meter: meterCode,
      account: accounts[Math.max(rank, 0)] ?? "",
      ts: new Date(start + next(30 * 86_400) * 1000).toISOString(),
      measure: { input_tokens: 200 + next(4000), output_tokens: 20 + next(600) },
    };
  });
};
