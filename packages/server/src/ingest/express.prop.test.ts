import * as fc from "fast-check";
import { expect, test } from "vitest";
import { MemoryUsageDirectory } from "../adapters/memory/usage-directory.ts";
import { MemoryUsageLog } from "../adapters/memory/usage-log.ts";
import { readMeasurements } from "./body.ts";
import { DirectoryCache } from "./directory-cache.ts";
import { packRows, unpackRows } from "../adapters/duckdb/packed-rows.ts";
import { Express } from "./express.ts";
import { GeneralLane } from "./general-lane.ts";
import type { LaneOutcome } from "./general-lane.ts";
import { OpenGroup } from "./open-group.ts";
import { type Lesson, ReadAhead } from "./read-ahead.ts";
import type { RowBuffer } from "./row-buffer.ts";
import { UidMemory } from "./uid-memory.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 500);
const orgId = "org";
const receivedAtMs = Date.UTC(2024, 4, 20, 12);

const meters = [
  {
    id: "1",
    code: "calls",
    dataFields: [
      { code: "n", category: "MEASURE" },
      { code: "price", category: "COST" },
      { code: "model", category: "WHAT" },
      { code: "trace", category: "METADATA" },
    ],
    derivedFields: [],
  },
  { id: "2", code: "logins", dataFields: [{ code: "who", category: "WHO" }], derivedFields: [] },
] as const;

/** Numbers as clients write them, and some as nobody should. */
const numberText = fc.oneof(
  { weight: 20, arbitrary: fc.integer().map(String) },
  {
    weight: 20,
    arbitrary: fc
      .tuple(fc.integer({ min: -9999, max: 9999 }), fc.stringMatching(/^[0-9]{1,11}$/))
      .map(([whole, fraction]) => `${whole}.${fraction}`),
  },
  fc.double({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc
    .tuple(fc.integer({ min: -9999, max: 9999 }), fc.stringMatching(/^[0-9]{1,14}$/))
    .map(([whole, fraction]) => `${whole}.${fraction}`),
  fc.constantFrom("-0", "0.0", "-0.50", "1e3", "1E-2", "100", "9007199254740993", "0.000000000001"),
  fc.constantFrom("01", "1.", ".5", "+1", "-", "1e999", "null", '"1"'),
);
const ordinary = fc.string({
  unit: fc.constantFrom(..."abcXYZ019 _-:/.".split("")),
  minLength: 1,
  maxLength: 30,
});
const text = fc.oneof(
  { weight: 40, arbitrary: ordinary.map((value) => JSON.stringify(value)) },
  fc.constantFrom('""', '"\\u0041"', '"é"', '"a\\"b"', '"\\n"', '"\t"', "7", "null"),
);
const instant = fc.oneof(
  {
    weight: 40,
    arbitrary: fc
      .date({ min: new Date(0), max: new Date(receivedAtMs), noInvalidDate: true })
      .map((date) => date.toISOString()),
  },
  fc.constantFrom(
    "2024-02-29T23:59:59Z",
    "2024-05-20T12:05:00.000001Z",
    "2024-05-20T12:05:00Z",
    "2023-02-29T00:00:00Z",
    "2024-05-01T00:00:60Z",
    "2024-05-01T00:00:00.Z",
    "2024-05-01T00:00:00.1234567891Z",
    "2024-05-01T00:00:00.123456789Z",
    "2024-05-01T02:00:00+02:00",
    "2024-05-01T00:00Z",
    "1969-12-31T23:59:59Z",
  ),
);

const member = (key: string, value: string): string => `"${key}":${value}`;
const anyMeasurement = fc
  .record({
    uid: fc.oneof(
      { weight: 20, arbitrary: fc.nat(20).map((n) => `"uid ${n}"`) },
      fc.constantFrom('""', '"é"', `"${"x".repeat(51)}"`),
    ),
    account: fc.oneof(
      { weight: 20, arbitrary: fc.constantFrom('"acme"', '"beta"') },
      fc.constantFrom('"Acme"', '"new one"', '" acme"'),
    ),
    ts: instant,
    ets: fc.oneof({ weight: 20, arbitrary: fc.constant(null) }, instant),
    fields: fc.record({ n: numberText, price: numberText, model: text, trace: text, who: text }),
    isLogin: fc.boolean(),
    odd: fc.oneof(
      { weight: 20, arbitrary: fc.constant("") },
      fc.constantFrom(',"more":1', ',"other":{"model":"x"}', ',"uid":"again"'),
    ),
  })
  .map(({ uid, account, ts, ets, fields, isLogin, odd }) => {
    const common = [member("uid", uid), member("account", account), member("ts", `"${ts}"`)];
    if (ets !== null) common.unshift(member("ets", `"${ets}"`));
    const calls = [
      member("meter", '"calls"'),
      member("measure", `{${member("n", fields.n)}}`),
      member("cost", `{ ${member("price", fields.price)} }`),
      member("what", `{${member("model", fields.model)}}`),
      member("metadata", `{${member("trace", fields.trace)}}`),
    ];
    const logins = [member("meter", '"logins"'), member("who", `{${member("who", fields.who)}}`)];
    return `{${[...common, ...(isLogin ? logins : calls)].join(", ")}${odd}}`;
  });

/** Most bodies are of one kind with nothing odd, so that the express lane takes them. */
const anyBody = fc
  .array(anyMeasurement, { minLength: 1, maxLength: 6 })
  .map((measurements) => `{"measurements":[${measurements.join(",\n")}]}`);

/** Everything that would be stored. */
const contents = (group: OpenGroup) =>
  [...group.spareMemory.rows.values()]
    .filter(({ count }) => count > 0)
    .map((rows: RowBuffer) => ({
      meter: rows.layout.meterId,
      positions: rows.positions.words.slice(0, rows.count * 2),
      accounts: rows.accounts.slice(0, rows.count),
      ts: rows.ts.words.slice(0, rows.count * 2),
      rows: Array.from({ length: rows.count }, (_, row) => [
        rows.etsPresent.get(row) ? Array.from(rows.ets.words.slice(row * 2, row * 2 + 2)) : null,
        ...[rows.uids, rows.extras, ...rows.fields].map((column) => {
          if (!column.present.get(row)) return null;
          return column.kind === "text"
            ? Buffer.from(column.bytes.slice(column.start(row), column.ends[row])).toString()
            : [...column.mantissas.words.slice(row * 2, row * 2 + 2), column.scales[row]];
        }),
      ]),
    }));

interface Lane {
  admit(body: Uint8Array): Promise<LaneOutcome | "invalid" | undefined>;
  readonly group: OpenGroup;
}

interface Lanes {
  readonly express: Lane;
  /** The express lane, with bodies that were read ahead where that could be done. */
  readonly ahead: Lane & { readonly readAhead: () => number };
  readonly general: Lane;
  readonly directory: MemoryUsageDirectory;
}

/** All lanes begin with the same directory and the same uids seen. */
const createLanes = async (): Promise<Lanes> => {
  const directory = new MemoryUsageDirectory();
  for (const meter of meters) directory.putMeter(orgId, meter);
  directory.putAccount(orgId, "acme", "acme");
  directory.putAccount(orgId, "beta", "beta");
  const parts = () => {
    const log = new MemoryUsageLog();
    return { log, uids: new UidMemory(log.secret), directory: new DirectoryCache(directory) };
  };
  const lane = async () => {
    const laneParts = parts();
    await laneParts.directory.findMeters(orgId, ["calls", "logins"]);
    await laneParts.directory.findAccounts(orgId, ["acme", "beta"]);
    laneParts.log.accountNumber(orgId, "acme");
    laneParts.log.accountNumber(orgId, "beta");
    return { laneParts, group: new OpenGroup(0) };
  };
  const fast = await lane();
  const faster = await lane();
  const slow = await lane();
  const lessons: Lesson[] = [];
  const expressLane = new Express(fast.laneParts, () => undefined);
  const aheadLane = new Express(faster.laneParts, (lesson) => void lessons.push(lesson));
  const reader = new ReadAhead(faster.laneParts.log.secret);
  const generalLane = new GeneralLane(slow.laneParts);
  let readAhead = 0;
  return {
    directory,
    ahead: {
      group: faster.group,
      readAhead: () => readAhead,
      admit: async (body) => {
        for (const lesson of lessons.splice(0)) reader.learn(lesson);
        const rows = reader.read(orgId, { body, receivedAtMs });
        if (rows !== undefined) readAhead++;
        const ahead = rows && unpackRows(packRows(rows));
        return aheadLane.admit({ orgId, body, receivedAtMs, ahead }, faster.group);
      },
    },
    express: {
      group: fast.group,
      admit: async (body) => expressLane.admit({ orgId, body, receivedAtMs }, fast.group),
    },
    general: {
      group: slow.group,
      admit: async (body) => {
        const read = readMeasurements(body, "json");
        if (read.kind === "invalid") return "invalid";
        const batch = await generalLane.resolve({ orgId, receivedAtMs }, read.measurements);
        return generalLane.admit(batch, slow.group);
      },
    },
  };
};

/** A random uid is not comparable. */
const hasUids = (body: string): boolean => !body.includes('"uid":""');

test("what the express lane takes, read ahead or not, the general lane takes just so", async () => {
  let taken = 0;
  let takenAhead = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyBody.filter(hasUids), { minLength: 1, maxLength: 5 }),
      async (bodies) => {
        const { express, ahead, general } = await createLanes();
        for (const body of bodies) {
          const before = contents(express.group);
          const fast = await express.admit(Buffer.from(body));
          expect(await ahead.admit(Buffer.from(body))).toEqual(fast);
          expect(contents(ahead.group)).toEqual(contents(express.group));
          if (fast === undefined) {
            expect(contents(express.group)).toEqual(before);
            return;
          }
          taken++;
          takenAhead += ahead.readAhead();
          expect(fast).toEqual(await general.admit(Buffer.from(body)));
          expect(contents(express.group)).toEqual(contents(general.group));
        }
      },
    ),
    { numRuns: runs },
  );
  expect(taken).toBeGreaterThan(runs / 10);
  expect(takenAhead).toBeGreaterThan(runs / 50);
});

const login = (uid: string) => ({
  uid,
  meter: "logins",
  account: "acme",
  ts: "2024-05-01T00:00:00Z",
  who: { who: "somebody" },
});
const loginsOf = (uids: readonly string[]): string =>
  JSON.stringify({ measurements: uids.map(login) });
const logins = (count: number): Uint8Array =>
  Buffer.from(loginsOf(Array.from({ length: count }, (_, i) => `${count} ${i}`)));

test("a thousand ordinary measurements are taken, a thousand and one are not", async () => {
  const { express } = await createLanes();
  expect(await express.admit(logins(1000))).toEqual({ stored: 1000, failures: [] });
  expect(await express.admit(logins(1001))).toBeUndefined();
});

test("of a body with duplicates the others are taken, also of one that has a uid twice", async () => {
  const { express } = await createLanes();
  expect(await express.admit(Buffer.from(loginsOf(["a", "b"])))).toMatchObject({ stored: 2 });
  const second = await express.admit(Buffer.from(loginsOf(["c", "a", "d", "c"])));
  expect(second).toMatchObject({ stored: 2, failures: [{ index: 1 }, { index: 3 }] });
  const third = await express.admit(Buffer.from(loginsOf(["d", "e"])));
  expect(third).toMatchObject({ stored: 1, failures: [{ index: 0 }] });
});

test("a body that is left to the general reader makes no uid forgotten, and none remembered", async () => {
  const { express } = await createLanes();
  expect(await express.admit(Buffer.from(loginsOf(["a"])))).toMatchObject({ stored: 1 });
  const odd = `${loginsOf(["a", "b"])} odd`;
  expect(await express.admit(Buffer.from(odd))).toBeUndefined();
  // Bodies after one in vain are skipped for a while.
  for (let skipped = 0; skipped < 15; skipped++) {
    expect(await express.admit(Buffer.from(loginsOf(["a"])))).toBeUndefined();
  }
  const next = await express.admit(Buffer.from(loginsOf(["a", "b"])));
  expect(next).toMatchObject({ stored: 1, failures: [{ index: 0 }] });
});

test("a thousand rows that were read ahead stand behind those that were there", async () => {
  const { ahead, general } = await createLanes();
  for (const count of [3, 1000, 998, 1, 1000, 7]) {
    const body = logins(count);
    expect(await ahead.admit(body)).toEqual(await general.admit(body));
  }
  expect(contents(ahead.group)).toEqual(contents(general.group));
  // All but the first, which taught what they are read by; also the one whose uids are known, which was read again.
  expect(ahead.readAhead()).toBe(5);
});

test("rows that were read by what is no longer so are read again", async () => {
  const { ahead, directory } = await createLanes();
  await ahead.admit(Buffer.from(loginsOf(["a"])));
  directory.putAccount(orgId, "acme", "another");
  // The directory says nothing about the organization any more, so the general lane has to ask.
  expect(await ahead.admit(Buffer.from(loginsOf(["b"])))).toBeUndefined();
  expect(ahead.readAhead()).toBe(1);
});
