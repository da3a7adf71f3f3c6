import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { describe, expect, test } from "vitest";

const root = join(import.meta.dirname, "..");
const tracked = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
  cwd: root,
  encoding: "utf8",
})
  .split("\n")
  .filter((path) => path !== "" && existsSync(join(root, path)));
const code = tracked.filter((path) => /\.(ts|tsx)$/.test(path));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
/** This file names what it looks for. */
const self = "scripts/tidy.test.ts";
const isTest = (path: string): boolean => /\.(test|suite)\.ts$/.test(path);

/** The rooms of the server and what each may import from; a room not listed may import from anything. */
const roomsOfServer: Readonly<Record<string, readonly string[]>> = {
  ports: ["ports"],
  adapters: ["adapters", "ports", "ingest"],
  ingest: ["ingest", "ports"],
  metering: ["metering", "records", "ports"],
  records: ["records", "ports"],
  resources: ["resources", "records", "ports"],
  billing: ["billing", "records", "ports"],
  jobs: ["jobs", "ports"],
  events: ["events", "records", "ports"],
  authorization: ["authorization", "records", "ports"],
  access: ["access", "resources", "records", "ports"],
  exports: ["exports", "resources", "records", "billing", "metering", "ports"],
  operations: [
    "operations",
    "exports",
    "access",
    "resources",
    "records",
    "billing",
    "metering",
    "ingest",
    "authorization",
    "events",
    "jobs",
    "ports",
  ],
  metrics: ["metrics", "ports"],
  http: ["http", "metrics", "operations", "resources", "records", "access", "ports"],
};

const importsOf = (path: string): string[] =>
  [...read(path).matchAll(/(?:from|import)\s+"([^"]+)"/g)].map(([, target = ""]) => target);

const roomOf = (path: string): string | undefined =>
  /^packages\/server\/src\/([^/]+)\//.exec(path)?.[1];

const packageOf = (path: string): string | undefined => /^packages\/([^/]+)\//.exec(path)?.[1];

const packagesAllowed: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  contract: ["engine"],
  server: ["engine", "contract"],
  cli: ["engine", "contract", "server"],
};

describe("import directions", () => {
  test("packages import only from those beneath them", () => {
    const wrong = code
      .filter((path) => !isTest(path))
      .flatMap((path) => {
        const allowed = packagesAllowed[packageOf(path) ?? ""];
        if (allowed === undefined) return [];
        return importsOf(path)
          .flatMap((target) => /^@turnpike\/([^/]+)/.exec(target)?.[1] ?? [])
          .filter((name) => !allowed.includes(name))
          .map((name) => `${path} imports ${name}`);
      });
    expect(wrong).toEqual([]);
  });

  test("the engine imports nothing but itself", () => {
    const wrong = code
      .filter((path) => path.startsWith("packages/engine/src/") && !isTest(path))
      .flatMap((path) => importsOf(path).filter((target) => !target.startsWith(".")));
    expect(wrong).toEqual([]);
  });

  test("rooms of the server import only from the rooms beneath them", () => {
    const wrong = code
      .filter((path) => !isTest(path))
      .flatMap((path) => {
        const allowed = roomsOfServer[roomOf(path) ?? ""];
        if (allowed === undefined) return [];
        return importsOf(path)
          .filter((target) => target.startsWith("."))
          .map((target) => relative(root, join(root, dirname(path), target)))
          .filter((target) => !allowed.includes(roomOf(target) ?? ""))
          .map((target) => `${path} imports ${target}`);
      });
    expect(wrong).toEqual([]);
  });
});

describe("the tree", () => {
  test("has at most 14 visible entries at its root", () => {
    const entries = new Set(tracked.map((path) => path.split("/")[0] ?? ""));
    expect([...entries].filter((name) => !name.startsWith(".")).length).toBeLessThanOrEqual(14);
  });

  test("goes at most three folders below src", () => {
    const deep = code.filter((path) => (path.split("/src/")[1] ?? "").split("/").length > 4);
    expect(deep).toEqual([]);
  });

  test("has no file or folder whose name says nothing", () => {
    const vague =
      /(^|[/-])(utils?|helpers?|common|misc|core|lib|manager|service(?!-user)|base|impl|info)([./-]|$)/;
    expect(code.filter((path) => vague.test(path))).toEqual([]);
  });

  test("has no blobs and no file of more than 500 lines", () => {
    const long = code.filter((path) => read(path).split("\n").length > 501);
    expect(long).toEqual([]);
    expect(
      tracked.filter((path) => /\.(png|jpg|gz|zip|db|duckdb|parquet|csv)$/.test(path)),
    ).toEqual([]);
  });

  // knip takes every file of a package for an entry, because all of them are exported (`./*`).
  test("exports nothing that is named nowhere else", () => {
    const times = new Map<string, number>();
    for (const path of code) {
      for (const [name] of read(path).matchAll(/\w+/g)) times.set(name, (times.get(name) ?? 0) + 1);
    }
    const declared = /^export (?:const|(?:async )?function|class|interface|type) (\w+)/gm;
    const unused = code
      .filter((path) => path.startsWith("packages/"))
      .flatMap((path) =>
        [...read(path).matchAll(declared)].map(([, name = ""]) => ({ name, path })),
      )
      .filter(({ name }) => times.get(name) === 1)
      .map(({ name, path }) => `${path} exports ${name}`);
    expect(unused).toEqual([]);
  });

  test("has no marks of unfinished work", () => {
    const mark = /\b(TODO|FIXME|XXX|HACK)\b/;
    expect(code.filter((path) => path !== self && mark.test(read(path)))).toEqual([]);
  });

  test("gives a reason for every rule of lint that it switches off", () => {
    const bare = code.flatMap((path) => {
      const lines = read(path).split("\n");
      return lines.flatMap((line, index) => {
        if (path === self || !line.includes("oxlint-disable")) return [];
        const above = lines[index - 1] ?? "";
        return / -- \S/.test(line) || above.trim().startsWith("//") ? [] : [`${path}:${index + 1}`];
      });
    });
    expect(bare).toEqual([]);
  });

  test("has a README in every domain folder", () => {
    const folders = new Set(
      code
        .filter((path) => !isTest(path))
        .map((path) => /^(packages\/(?:engine|server)\/src\/[^/]+)\//.exec(path)?.[1])
        .filter((folder) => folder !== undefined),
    );
    const missing = [...folders].filter((folder) => !tracked.includes(`${folder}/README.md`));
    expect(missing).toEqual([]);
  });

  test("lists every declared resource in the table", () => {
    const table = read("packages/contract/src/resources.ts");
    const declared = code.filter(
      (path) => path.startsWith("packages/contract/src/") && /= defineResource\(/.test(read(path)),
    );
    const forgotten = declared.filter((path) => !table.includes(path.split("/src/")[1] ?? ""));
    expect(forgotten).toEqual([]);
  });
});

test("every decision is listed by its title", () => {
  const list = read("docs/decisions/README.md");
  const lines = tracked
    .filter((path) => /^docs\/decisions\/\d/.test(path))
    .map((path) => {
      const [, number, title] = /^# (\d+)\. (.+)/.exec(read(path)) ?? [];
      return `- [${number}](${path.slice("docs/decisions/".length)}): ${title}`;
    });
  expect(lines.filter((line) => !list.includes(line))).toEqual([]);
});

describe("the README", () => {
  test("shows the commands that users rely on", () => {
    const text = read("README.md");
    for (const command of ["npm ci && npm run demo", "npm ci && npm start", "npm ci && npm test"]) {
      expect(text).toContain(command);
    }
  });
});
