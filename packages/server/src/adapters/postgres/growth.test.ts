import { appendFile, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startWritingGrowth } from "./growth.ts";

const state = { data: "", lost: 0 };

beforeEach(async () => {
  state.lost = 0;
  state.data = await mkdtemp(join(tmpdir(), "turnpike-growth-"));
  await mkdir(join(state.data, "base/5"), { recursive: true });
});
afterEach(() => rm(state.data, { recursive: true, force: true }));

const path = (name: string): string => join(state.data, "base/5", name);

const start = () =>
  startWritingGrowth({
    data: state.data,
    logger: pino({ level: "silent" }),
    intervals: { writeMs: 5, lookMs: 50 },
    onLost: () => {
      state.lost += 1;
    },
  });

/** Grows a file for a while. */
const grow = async (name: string): Promise<void> => {
  await rm(path(name), { force: true });
  await writeFile(path(name), "");
  for (let nth = 0; nth < 40; nth += 1) {
    await appendFile(path(name), "zeros");
    await delay(5);
  }
};

/** And then puts another in its place that no disk takes. */
const growAndBreak = async (name: string): Promise<void> => {
  await grow(name);
  await rm(path(name));
  await symlink("/dev/null", path(name));
  await delay(60);
};

const triesMax = 10;

/** Where sizes happen to be looked at right behind the exchange, the other file has not grown: then once more. */
const breakUntilLost = async (name: string): Promise<void> => {
  for (let tries = 0; tries < triesMax && state.lost === 0; tries += 1) await growAndBreak(name);
};

test.each([
  { what: "a table", name: "16384" },
  { what: "a later piece of a large one", name: "20000.3" },
])(
  "$what that grows is synced: when the disk does not take it, that is said once",
  async ({ name }) => {
    const growth = start();
    await breakUntilLost(name);
    expect(state.lost).toBe(1);
    await growAndBreak(name);
    await growth.stop();
    expect(state.lost).toBe(1);
  },
);

test.each(["1259", "16384_fsm", "pg_filenode.map"])("%s is left to the kernel", async (name) => {
  const growth = start();
  for (let tries = 0; tries < 3; tries += 1) await growAndBreak(name);
  await growth.stop();
  expect(state.lost).toBe(0);
});

test("a table that does not grow is left alone, and one that goes away is nobody's loss", async () => {
  await symlink("/dev/null", path("16385"));
  const growth = start();
  await grow("16386");
  await rm(path("16386"));
  await delay(100);
  await growth.stop();
  expect(state.lost).toBe(0);
});
