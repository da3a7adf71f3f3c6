import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { IngestedMeasurement, UsageStore } from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { openUsageStore } from "./usage-store.ts";

// TURNPIKE_PROPERTY_RUNS=1000 for a long run; a failure prints a seed and a path, which TURNPIKE_SEED repeats.
const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 12);
const seed = process.env["TURNPIKE_SEED"];
const options = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };
const startedAtMs = Date.UTC(2024, 5, 1);
const hourMs = 3_600_000;
const directory = new MemoryUsageDirectory();
let folder: string;
let store: UsageStore;
let organizations = 0;

const open = () =>
  openUsageStore({
    path: join(folder, "usage.duckdb"),
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs,
    moves: { quietMs: 1, rowsMin: 1 },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-last-rows-"));
  store = await open();
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Stored in every form, some with tails that look like one another's. */
const uids = [
  ..."1 01 req_1 req_01 é1 it's A \0 \ud800 z9".split(" "),
  "0b3c0c6e-0000-4000-8000-000000000001",
  "0B3C0C6E-0000-4000-8000-000000000001",
  "qDv2mU7xkZBq1lqJ5mYtTQ5w0pQm0bqgq8bqE0pXk3w",
];
/** Few of them, so that much happens to each. */
const someUids = fc.uniqueArray(fc.constantFrom(...uids), { minLength: 1, maxLength: 3 });
const actsOn = (own: readonly string[]) => {
  const uid = fc.constantFrom(...own);
  const fields = {
    uid,
    meter: fc.constantFrom("calls", "bytes", "seats"),
    account: fc.constantFrom("acme", "beta"),
    day: fc.integer({ min: 1, max: 9 }),
    value: fc.integer({ min: -100, max: 100 }),
  };
  return fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant("send" as const), ...fields }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant("amend" as const), ...fields }) },
    // By up to two dedupe windows, and back: clocks are set.
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant("wait" as const),
        hours: fc.constantFrom(-1, 1, 200, 850, 1700),
      }),
    },
    fc.record({ kind: fc.constant("fill" as const), ...fields }),
    fc.record({ kind: fc.constant("void" as const), uid }),
    fc.record({ kind: fc.constant("reveal" as const) }),
    fc.record({ kind: fc.constant("reopen" as const) }),
  );
};
const anyActs = someUids.chain((own) => fc.array(actsOn(own), { minLength: 5, maxLength: 20 }));
type Act = typeof anyActs extends fc.Arbitrary<(infer One)[]> ? One : never;
type Sent = Extract<Act, { readonly kind: "send" | "fill" | "amend" }>;

interface ModelRow {
  readonly accountId: string | undefined;
  readonly meterId: string;
  readonly ts: string;
  readonly value: string;
  readonly isBackfilled: boolean;
  isCorrected: boolean;
}

/** One organization, what was done to it, and the rows of each uid in the order in which they began to be there. */
class Subject {
  readonly orgId: string;
  readonly rows = new Map<string, ModelRow[]>();
  #hidden = new Map<string, ModelRow>();
  #backfill = 0;
  nowMs = startedAtMs;

  constructor(orgId: string) {
    this.orgId = orgId;
    for (const code of ["calls", "bytes", "seats"]) {
      const dataFields = [{ code: `${code} n`, category: "MEASURE" }] as const;
      const meter = { id: `${orgId} ${code}`, code, dataFields, derivedFields: [] };
      directory.putMeter(orgId, meter);
    }
  }

  async act(act: Act): Promise<void> {
    switch (act.kind) {
      case "send":
        if (await this.#send(act)) this.#push(act.uid, this.#rowOf(act));
        return;
      case "fill":
        if (await this.#send(act, `b${this.#backfill}`)) {
          this.#hidden.set(act.uid, { ...this.#rowOf(act), isBackfilled: true });
        }
        return;
      case "void":
        await this.#correct(act.uid);
        return;
      case "amend":
        await this.#correct(act.uid, act);
        return;
      case "reveal":
        await this.#reveal();
        return;
      case "reopen":
        await store.close();
        store = await open();
        return;
      case "wait":
        this.nowMs += act.hours * hourMs;
    }
  }

  /** Those of no backfill. */
  last(uid: string): ModelRow | undefined {
    return this.rows.get(uid)?.findLast(({ isBackfilled }) => !isBackfilled);
  }

  #push(uid: string, row: ModelRow): void {
    this.rows.set(uid, [...(this.rows.get(uid) ?? []), row]);
  }

  #rowOf({ meter, account, day, value }: Sent): ModelRow {
    const accountId = directory.accountId(this.orgId, account);
    const where = { accountId, meterId: `${this.orgId} ${meter}`, ts: tsOf(day) };
    return { ...where, value: String(value), isBackfilled: false, isCorrected: false };
  }

  async #send({ uid, ...sent }: Sent, backfillId?: string): Promise<boolean> {
    const outcome = await store.ingest({
      orgId: this.orgId,
      body: Buffer.from(JSON.stringify({ measurements: [{ uid, ...measurement(sent) }] })),
      format: "json",
      encoding: "identity",
      receivedAtMs: this.nowMs,
      backfillId,
    });
    return outcome.kind === "accepted" && outcome.stored === 1;
  }

  async #correct(uid: string, act?: Sent): Promise<void> {
    const by = { orgId: this.orgId, correctedBy: "x", reason: "x", receivedAtMs: this.nowMs };
    const change = act && { amendment: measurement(act) };
    const { kind } = await store.correct({ ...by, uid, ...change });
    const meant = this.rows.get(uid)?.at(-1);
    expect(kind).toBe(meant === undefined ? "unknown" : "corrected");
    if (meant === undefined) return;
    meant.isCorrected = true;
    if (act !== undefined)
      this.#push(uid, {
        ...this.#rowOf(act),
        isBackfilled: meant.isBackfilled,
        isCorrected: true,
      });
  }

  /** Refused where a uid would count twice. */
  async #reveal(): Promise<void> {
    const key = { orgId: this.orgId, backfillId: `b${this.#backfill}` };
    const request = { ...key, requestedBy: "x", receivedAtMs: this.nowMs };
    if ((await store.stepBackfill({ ...request, step: "reveal" })).kind !== "done") return;
    for (const [uid, row] of this.#hidden) this.#push(uid, row);
    this.#hidden = new Map();
    this.#backfill++;
  }
}

const tsOf = (day: number): string => `2024-05-0${day}T00:00:00Z`;

const measurement = ({ meter, account, day, value }: Omit<Sent, "uid" | "kind">) => ({
  meter,
  account,
  ts: tsOf(day),
  measure: { [`${meter} n`]: value },
});

const asModel = ({ fields: found, ...stored }: IngestedMeasurement) => ({
  accountId: stored.accountId,
  meterId: stored.meterId,
  ts: stored.ts.toString(),
  value: [...found.values()].join(),
  isBackfilled: false,
  isCorrected: stored.isCorrected,
});

test(
  "uids that are looked up together are what each is alone, and what was stored last",
  { timeout: 1_800_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(anyActs, async (acts) => {
        const subject = new Subject(`org ${organizations++}`);
        for (const act of acts) await subject.act(act);
        const asked = { orgId: subject.orgId, askedAtMs: subject.nowMs };
        const together = await store.ingested({ ...asked, uids });
        for (const uid of uids) {
          const alone = (await store.ingested({ ...asked, uids: [uid] })).get(uid);
          expect(together.get(uid), uid).toEqual(alone);
          expect(alone && asModel(alone), uid).toEqual(subject.last(uid));
        }
      }),
      options,
    );
  },
);
