import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Segmentation } from "@turnpike/engine/bill/segments.ts";
import { sum } from "@turnpike/engine/exact/decimal.ts";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  inUnits,
  naiveBucket,
  type NaiveMethod,
  naiveQuantity,
  naiveWeight,
} from "../../metering/naive-usage.ts";
import type { NaiveEvent, NaiveWindow } from "../../metering/naive-usage.ts";
import { timeFrequencies } from "../../ports/usage-store.ts";
import type {
  AggregationMethod,
  UsageFilter,
  UsageQuery,
  UsageStore,
} from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { verifyLedger } from "./ledger.ts";
import {
  anyCorrection,
  anyEvent,
  correct,
  type Counting,
  half,
  ingest,
  instant,
  makeMeter,
  receivedAtMs,
  scenes,
} from "./random-usage.suite.ts";
import { openUsageStore } from "./usage-store.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 12);
const seed = process.env["TURNPIKE_SEED"];
const options = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };
let folder: string;
let store: UsageStore;
const directory = new MemoryUsageDirectory();
let organizations = 0;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-usage-"));
  store = await openUsageStore({
    path: join(folder, "usage.duckdb"),
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: receivedAtMs,
    // Rows move under the queries' feet.
    moves: { quietMs: 1, rowsMin: 1 },
    aheadBytesMin: 0,
  });
});

afterAll(async () => {
  await store.close();
  // What the reused buffers of both lanes held is what the chain was made of.
  expect(await verifyLedger(join(folder, "usage.duckdb"))).toMatchObject({ kind: "sound" });
  await rm(folder, { recursive: true });
  // A batch is looked for in the tables of all meters, and each run makes three.
}, 1_800_000);

const newOrganization = (): string => {
  const orgId = `org ${organizations++}`;
  makeMeter(directory, orgId);
  return orgId;
};

const methodsOf = (timeZone: string, percentile: string): readonly NaiveMethod[] => [
  ...(["SUM", "MIN", "MAX", "COUNT", "LATEST", "MEAN", "UNIQUE"] as const),
  { kind: "PERCENTILE", percentile },
  { kind: "TIME_WEIGHTED_SUM", unit: "MINUTE" },
  { kind: "PEAK_SUM", per: "HOUR", timeZone },
  { kind: "PEAK_SUM", per: "DAY", timeZone },
];

const segmentations: readonly Segmentation[] = [
  {
    fields: ["region", "tier"],
    segments: [
      { region: "eu", tier: "a" },
      { region: "eu", tier: "*" },
      { tier: "b" },
      { region: "it's", tier: "*" },
    ],
  },
  { fields: ["tier"], segments: [{ tier: "*" }, { tier: "b" }] },
];

/** The place of the segment with the fewest wildcards, of as many the one with the earlier literal (6.4, [R]). */
const naiveSegment = ({ fields, segments }: Segmentation, event: Counting): number | undefined => {
  const fits = segments.flatMap((segment, place) => {
    const literals = fields.map((field) => (segment[field] ?? "*") !== "*");
    const isOwn = fields.every(
      (field, index) =>
        !literals[index] || segment[field] === (field === "tier" ? event.tier : event.region),
    );
    const rank = [literals.filter(Boolean).length, ...literals.map(Number)].join("");
    return isOwn ? [{ place, rank }] : [];
  });
  return fits.toSorted((a, b) => (a.rank < b.rank ? 1 : -1))[0]?.place;
};

/** One dimension's values are alternatives, dimensions must all agree, what is excluded is out (14.3, [R]). */
const passes = (filters: readonly UsageFilter[], event: Counting): boolean => {
  const has = ({ dimensionCode, value }: UsageFilter): boolean =>
    (dimensionCode === "tier" ? event.tier : event.region) === value;
  return ["tier", "region"].every((code) => {
    const own = filters.filter(({ dimensionCode }) => dimensionCode === code);
    const included = own.filter(({ mode }) => mode === "INCLUDE");
    const excluded = own.filter(({ mode }) => mode === "EXCLUDE");
    return (included.length === 0 || included.some(has)) && !excluded.some(has);
  });
};

const anyFilters = fc.constantFrom<readonly UsageFilter[]>(
  [],
  [],
  [{ dimensionCode: "region", value: "eu", mode: "INCLUDE" }],
  [
    { dimensionCode: "region", value: "eu", mode: "INCLUDE" },
    { dimensionCode: "region", value: "it's", mode: "INCLUDE" },
    { dimensionCode: "tier", value: "b", mode: "EXCLUDE" },
  ],
);

const anyWindow = fc.tuple(fc.nat(80), fc.integer({ min: 1, max: 100 }));
const anyScene = fc.constantFrom(...scenes);
const anyPercentile = fc.constantFrom("95", "50", "0.5", "99.999999", "100", "33.3");

/** Groups by name, sorted, for a comparison that says what differs. */
const listed = (found: Iterable<readonly [string, string | null | undefined]>): string[] =>
  [...found].flatMap(([name, value]) => (value === undefined ? [] : `${name}: ${value}`)).sort();

interface World {
  readonly orgId: string;
  readonly zone: string;
  readonly counting: readonly Counting[];
  readonly window: NaiveWindow;
}

const codeOf = (orgId: string, accountId: string): string =>
  ["acme", "beta", "gamma"].find((code) => directory.accountId(orgId, code) === accountId) ?? "?";

const zoned = ({ start, end }: NaiveWindow) => ({ start: instant(start), end: instant(end) });

const quantities = async (
  { orgId, window }: Pick<World, "orgId" | "window">,
  method: AggregationMethod,
  change: { targetField?: string; segmentation?: Segmentation; filters?: readonly UsageFilter[] },
): Promise<string[]> => {
  const request = { orgId, meterId: orgId, targetField: "n", window: zoned(window), ...change };
  const found = await store.aggregate({ ...request, method });
  return listed(
    found.map(({ accountId, quantity, segment = 0 }) => [
      `${codeOf(orgId, accountId)} ${segment}`,
      quantity,
    ]),
  );
};

/** Each group of events by itself. */
const expected = (
  groups: ReadonlyMap<string, readonly NaiveEvent[]>,
  method: NaiveMethod,
  window: NaiveWindow,
): string[] =>
  listed([...groups].map(([name, events]) => [name, naiveQuantity(method, events, window)]));

const asLabels = (events: readonly Counting[]): NaiveEvent[] =>
  events.map((event) => ({ ...event, value: event.label }));

const compareAggregates = async (
  world: World,
  methods: readonly NaiveMethod[],
  { filters, segmentation }: { filters: readonly UsageFilter[]; segmentation: Segmentation | null },
): Promise<void> => {
  const counting = world.counting.filter((event) => passes(filters, event));
  const groups = Map.groupBy(
    counting.filter(
      (event) => segmentation === null || naiveSegment(segmentation, event) !== undefined,
    ),
    (event) => `${event.account} ${segmentation === null ? 0 : naiveSegment(segmentation, event)}`,
  );
  const change = { filters, ...(segmentation === null ? {} : { segmentation }) };
  for (const method of methods) {
    const found = await quantities(world, method, change);
    expect(found, JSON.stringify(method)).toEqual(expected(groups, method, world.window));
  }
  for (const method of ["COUNT", "UNIQUE"] as const) {
    const found = await quantities(world, method, { ...change, targetField: "label" });
    const labels = new Map([...groups].map(([name, events]) => [name, asLabels(events)]));
    expect(found, method).toEqual(expected(labels, method, world.window));
  }
};

interface Source {
  readonly window: NaiveWindow;
  readonly events: readonly NaiveEvent[];
}

/** Values of all sources as one lot; weights, which carry over, of each source on its own. */
const ofSources = (method: NaiveMethod, sources: readonly Source[]): string | undefined => {
  if (typeof method === "object" && method.kind === "TIME_WEIGHTED_SUM") {
    const weights = sources.flatMap(({ events, window }) => naiveWeight(events, window) ?? []);
    return weights.length === 0 ? undefined : inUnits(sum(weights), method.unit).toString();
  }
  const inside = sources.flatMap(({ events, window: { start, end } }) =>
    events.filter(({ tsMicros }) => tsMicros >= start && tsMicros < end),
  );
  const everything = { start: -Infinity, end: Infinity };
  return naiveQuantity(method, inside, everything);
};

/** Accounts together, in windows of their own. */
const compareJointly = async (world: World, methods: readonly NaiveMethod[]): Promise<void> => {
  const { orgId, counting, window } = world;
  const middle = window.start + Math.floor((window.end - window.start) / 2);
  const whole = ["acme", "beta"].map((account) => ({ account, window }));
  const parts = [
    { account: "beta", window: { start: window.start, end: middle } },
    { account: "gamma", window: { start: middle, end: window.end } },
  ];
  for (const method of methods) {
    const found = await store.aggregateJointly({
      orgId,
      meterId: orgId,
      targetField: "n",
      method,
      groups: [whole, parts].map((sources) =>
        sources.map((source) => ({
          accountId: directory.accountId(orgId, source.account) ?? "none",
          window: zoned(source.window),
        })),
      ),
    });
    const ofParts = parts.map((part) => ({
      ...part,
      events: counting.filter(({ account }) => account === part.account),
    }));
    const ofWhole = counting.filter(({ account }) => account !== "gamma");
    expect(
      listed(found.map(({ group, quantity }) => [String(group), quantity])),
      JSON.stringify(method),
    ).toEqual(
      listed([
        ["0", naiveQuantity(method, ofWhole, window)],
        ["1", ofSources(method, ofParts)],
      ]),
    );
  }
};

/** Half-hour pieces of the window, of which each is in one bucket; offsets and scenes are whole half hours. */
const slices = ({ start, end }: NaiveWindow): NaiveWindow[] => {
  const found: NaiveWindow[] = [];
  for (let at = start; at < end; at = Math.floor(at / half) * half + half) {
    found.push({ start: at, end: Math.min(Math.floor(at / half) * half + half, end) });
  }
  return found;
};

const rowName = (parts: readonly (string | null | undefined)[]): string => JSON.stringify(parts);

/** What a query's rows must be: by account and region as asked, and by bucket. */
const naiveRows = (
  { counting, window, zone }: World,
  method: NaiveMethod,
  groups: UsageQuery["groups"],
): string[] => {
  const isBy = (kind: string) => groups.some((group) => group.kind === kind);
  const time = groups.find((group) => group.kind === "time");
  const named = Map.groupBy(counting, ({ account, region }) =>
    rowName([isBy("account") ? account : undefined, isBy("dimension") ? region : undefined]),
  );
  const rows = new Map<string, NaiveWindow[]>();
  if (time !== undefined) {
    for (const slice of slices(window)) {
      const bucket = naiveBucket(time.frequency, zone, slice.start);
      rows.set(bucket, [...(rows.get(bucket) ?? []), slice]);
    }
  }
  const windows =
    time === undefined
      ? [["", window] as const]
      : [...rows].map(([bucket, own]) => {
          const [first = window] = own;
          return [bucket, { start: first.start, end: own.at(-1)?.end ?? first.end }] as const;
        });
  return listed(
    [...named].flatMap(([name, events]) =>
      windows.map(
        ([bucket, own]) => [`${name} ${bucket}`, naiveQuantity(method, events, own)] as const,
      ),
    ),
  );
};

/** The name of a bucket from the instant that the store says it begins at. */
const bucketName = (groups: UsageQuery["groups"], zone: string, time: string | undefined) => {
  const asked = groups.find((group) => group.kind === "time");
  if (asked === undefined || time === undefined) return "";
  if (asked.frequency === "HOUR") return time;
  const at = Temporal.Instant.from(time);
  return naiveBucket(asked.frequency, zone, Number(at.epochNanoseconds / 1000n));
};

const compareQueries = async (
  world: World,
  methods: readonly NaiveMethod[],
  groups: UsageQuery["groups"],
): Promise<void> => {
  const { orgId, zone, window } = world;
  const answer = await store.query({
    orgId,
    window: zoned(window),
    timeZone: zone,
    filters: [],
    aggregations: methods.map((method) => ({ meterId: orgId, fieldCode: "n", method })),
    groups,
    limit: 20_000,
  });
  if (answer.kind !== "groups") throw new Error(`the answer is ${answer.kind}`);
  // All functions of a group are in one place.
  const keys = answer.groups.map(({ values: _values, ...key }) => JSON.stringify(key));
  expect(keys).toHaveLength(new Set(keys).size);
  for (const [index, method] of methods.entries()) {
    const found = answer.groups.map(({ accountId, dimensions: texts, time, values }) => {
      const account = accountId === undefined ? undefined : codeOf(orgId, accountId);
      const name = `${rowName([account, texts["region"]])} ${bucketName(groups, zone, time)}`;
      return [name, values[index] ?? undefined] as const;
    });
    expect(listed(found), JSON.stringify([method, groups])).toEqual(
      naiveRows(world, method, groups),
    );
  }
};

const anyGroups = fc
  .tuple(fc.boolean(), fc.boolean(), fc.option(fc.constantFrom(...timeFrequencies)))
  .map(([byAccount, byRegion, frequency]): UsageQuery["groups"] => [
    ...(byAccount ? [{ kind: "account" } as const] : []),
    ...(frequency === null ? [] : [{ kind: "time", frequency } as const]),
    ...(byRegion ? [{ kind: "dimension", fieldCode: "region" } as const] : []),
  ]);

test("every method equals the naive evaluator, exactly", { timeout: 1_800_000 }, async () => {
  const given = fc.record({
    scene: anyScene,
    batches: fc.array(fc.array(anyEvent, { minLength: 1, maxLength: 30 }), {
      minLength: 1,
      maxLength: 5,
    }),
    corrections: fc.array(anyCorrection, { maxLength: 6 }),
    window: anyWindow,
    percentile: anyPercentile,
    filters: anyFilters,
    segmentation: fc.option(fc.constantFrom(...segmentations)),
    groups: anyGroups,
  });
  await fc.assert(
    fc.asyncProperty(given, async (one) => {
      const { zone, start } = one.scene;
      const orgId = newOrganization();
      const sending = { store, orgId, start, receivedAt: (batch: number) => receivedAtMs + batch };
      const counting = await correct(sending, await ingest(sending, one.batches), one.corrections);
      const [from, length] = one.window;
      const window = { start: start + from * half, end: start + (from + length) * half };
      const world = { orgId, zone, counting, window };
      const methods = methodsOf(zone, one.percentile);
      await compareAggregates(world, methods, one);
      await compareJointly(world, methods);
      await compareQueries(world, methods, one.groups);
    }),
    options,
  );
});

test("the order and the batches of events change nothing", { timeout: 1_800_000 }, async () => {
  const given = fc.record({
    scene: anyScene,
    events: fc.uniqueArray(anyEvent, { selector: ({ uid }) => uid, minLength: 1, maxLength: 40 }),
    order: fc.infiniteStream(fc.nat()),
    size: fc.integer({ min: 1, max: 10 }),
    window: anyWindow,
    percentile: anyPercentile,
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ scene, events, order, size, window, percentile }) => {
      const [from, length] = window;
      const { zone, start } = scene;
      const own = { start: start + from * half, end: start + (from + length) * half };
      const shuffled = events
        .map((event) => ({ event, rank: order.next().value ?? 0 }))
        .toSorted((a, b) => a.rank - b.rank)
        .map(({ event }) => event);
      const batches = Array.from({ length: Math.ceil(events.length / size) }, (_, index) =>
        shuffled.slice(index * size, (index + 1) * size),
      );
      const [first, second] = [newOrganization(), newOrganization()];
      const receivedAt = () => receivedAtMs;
      await ingest({ store, orgId: first, start, receivedAt }, [events]);
      await ingest({ store, orgId: second, start, receivedAt }, batches);
      const sql = "SELECT 1000 * count(n) + count(DISTINCT region) FROM measurements";
      for (const method of [...methodsOf(zone, percentile), { kind: "CUSTOM_SQL", sql } as const]) {
        const [wanted, found] = await Promise.all(
          [first, second].map((orgId) => quantities({ orgId, window: own }, method, {})),
        );
        expect(found, JSON.stringify(method)).toEqual(wanted);
      }
    }),
    options,
  );
});
