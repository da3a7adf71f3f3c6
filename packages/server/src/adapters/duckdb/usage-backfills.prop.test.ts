import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type NaiveBackfill,
  naiveCounting,
  naiveQuantity,
  type NaiveStored,
} from "../../metering/naive-usage.ts";
import type { UsageStore } from "../../ports/usage-store.ts";
import { MemoryUsageDirectory } from "../memory/usage-directory.ts";
import { verifyLedger } from "./ledger.ts";
import { openUsageStore } from "./usage-store.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 12);
const seed = process.env["TURNPIKE_SEED"];
const options = { numRuns: runs, ...(seed === undefined ? {} : { seed: Number(seed) }) };
const receivedAtMs = Date.UTC(2024, 11, 1);
const day = 86_400_000_000;
const start = Date.UTC(2024, 4, 1) * 1000;
const accounts = ["acme", "beta"] as const;
const directory = new MemoryUsageDirectory();
let folder: string;
let store: UsageStore;
let organizations = 0;

const open = () =>
  openUsageStore({
    path: join(folder, "usage.duckdb"),
    directory,
    worker: new URL("../../usage-worker.ts", import.meta.url),
    startedAtMs: receivedAtMs,
    moves: { quietMs: 1, rowsMin: 1 },
  });

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "turnpike-backfills-"));
  store = await open();
});

afterAll(async () => {
  await store.close();
  expect(await verifyLedger(join(folder, "usage.duckdb"))).toMatchObject({ kind: "sound" });
  await rm(folder, { recursive: true });
}, 600_000);

const fields = {
  uid: fc.nat(12).map(String),
  account: fc.constantFrom(...accounts),
  day: fc.nat(4),
  value: fc.integer({ min: -100, max: 100 }),
};
const names = fc.constantFrom("b0", "b1", "b2");
const anyAct = fc.oneof(
  fc.record({ kind: fc.constant("send" as const), ...fields }),
  fc.record({ kind: fc.constant("fill" as const), name: names, ...fields }),
  fc.record({ kind: fc.constant("fill" as const), name: names, ...fields }),
  fc.record({ kind: fc.constant("void" as const), uid: fields.uid }),
  fc.record({ kind: fc.constant("amend" as const), uid: fields.uid, value: fields.value }),
  fc.record({ kind: fc.constantFrom("reveal" as const, "revert" as const), name: names }),
  fc.record({ kind: fc.constantFrom("reveal" as const, "discard" as const), name: names }),
  fc.record({ kind: fc.constant("reopen" as const) }),
);
type Act = typeof anyAct extends fc.Arbitrary<infer One> ? One : never;

/** Replaces days of some accounts; none: it adds. */
const anyReplaces = fc.option(
  fc.record({
    from: fc.nat(4),
    days: fc.integer({ min: 1, max: 5 }),
    accounts: fc.option(fc.constantFrom(...accounts), { nil: undefined }),
  }),
);
type AnyReplaces = typeof anyReplaces extends fc.Arbitrary<infer One> ? One : never;

interface ModelBackfill extends NaiveBackfill {
  revealedAt: number | undefined;
  state: "hidden" | "revealed" | "reverted" | "discarded";
}
interface ModelRow extends NaiveStored {
  isCorrected: boolean;
  readonly value: number;
  readonly backfill?: ModelBackfill | undefined;
  readonly replacedRow?: ModelRow;
}

/** The rules of decision 0013, one act at a time. */
class Model {
  readonly rows: ModelRow[] = [];
  readonly backfills: ReadonlyMap<string, ModelBackfill>;
  #at = 0;

  constructor(replaces: readonly AnyReplaces[]) {
    this.backfills = new Map(
      replaces.map((one, index): [string, ModelBackfill] => [
        `b${index}`,
        { state: "hidden", revealedAt: undefined, ...(one && { replaces: scopeOf(one) }) },
      ]),
    );
  }

  get counting(): readonly ModelRow[] {
    return naiveCounting(this.rows, [...this.backfills.values()]);
  }

  backfill(name: string): ModelBackfill {
    const found = this.backfills.get(name);
    if (found === undefined) throw new Error(`there is no backfill ${name}`);
    return found;
  }

  /** Whether it is stored: a uid comes once in its namespace. */
  put(event: { uid: string; account: string; day: number; value: number }, of?: ModelBackfill) {
    const isKnown = this.rows.some(({ uid, backfill }) => uid === event.uid && backfill === of);
    if (isKnown || (of !== undefined && of.state !== "hidden")) return false;
    const { uid, account, value } = event;
    const tsMicros = start + event.day * day;
    this.#push({ uid, account, value, tsMicros, backfill: of });
    return true;
  }

  #push(row: Pick<ModelRow, "uid" | "account" | "value" | "tsMicros" | "backfill">): void {
    this.rows.push({ ...row, receivedAtMs, at: ++this.#at, isCorrected: false });
  }

  /** The last row of those that could count, as they come from where they began to. */
  meant(uid: string): ModelRow | undefined {
    const place = ({ backfill, at }: ModelRow): number =>
      backfill === undefined ? at : (backfill.revealedAt ?? -1);
    return this.rows
      .filter((one) => one.uid === uid && place(one) >= 0)
      .toSorted((a, b) => place(a) - place(b) || a.at - b.at)
      .at(-1);
  }

  correct(uid: string, value?: number): "unknown" | "invalid" | "corrected" {
    const meant = this.meant(uid);
    if (meant === undefined) return "unknown";
    const shown = { ...meant, isCorrected: false };
    const others = this.rows.map((one) => (one === meant ? shown : one));
    if (!naiveCounting(others, [...this.backfills.values()]).includes(shown)) return "invalid";
    meant.isCorrected = true;
    this.#at++;
    if (value !== undefined) this.#push({ ...meant, value });
    return "corrected";
  }

  step(step: "reveal" | "revert" | "discard", name: string): string {
    const one = this.backfill(name);
    const [from, to] = (
      {
        reveal: ["hidden", "revealed"],
        revert: ["revealed", "reverted"],
        discard: ["hidden", "discarded"],
      } as const
    )[step];
    if (one.state === to) return "done";
    if (one.state !== from) return "wrong-state";
    const at = ++this.#at;
    one.revealedAt = step === "reveal" ? at : undefined;
    if (step === "reveal") {
      const uids = this.counting.map(({ uid }) => uid);
      if (new Set(uids).size < uids.length) {
        one.revealedAt = undefined;
        return "counted-twice";
      }
    }
    one.state = to;
    return "done";
  }
}

const scopeOf = ({ from, days, accounts: account }: NonNullable<AnyReplaces>) => ({
  ...(account === undefined ? {} : { accounts: [account] }),
  window: { start: start + from * day, end: start + (from + days) * day },
});

const instant = (micros: number): Temporal.Instant =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n);

/** Does to the store what was done to the model. */
class Subject {
  readonly orgId: string;
  readonly model: Model;

  constructor(orgId: string, model: Model) {
    this.orgId = orgId;
    this.model = model;
  }

  async act(act: Act): Promise<readonly [unknown, unknown]> {
    switch (act.kind) {
      case "send":
        return [await this.#send(act), this.model.put(act) ? 1 : 0];
      case "fill": {
        const isOpen = this.model.backfill(act.name).state === "hidden";
        const isStored = this.model.put(act, this.model.backfill(act.name));
        const expected = isStored ? 1 : 0;
        return [await this.#send(act, act.name), isOpen ? expected : "invalid"];
      }
      case "void":
        return [await this.#correct(act.uid), this.model.correct(act.uid)];
      case "amend":
        return [await this.#correct(act.uid, act.value), this.model.correct(act.uid, act.value)];
      case "reopen":
        await store.close();
        store = await open();
        return [0, 0];
      case "reveal":
      case "revert":
      case "discard":
        return [await this.#step(act.kind, act.name), this.model.step(act.kind, act.name)];
    }
  }

  async #send(
    { uid, account, day: on, value }: { uid: string; account: string; day: number; value: number },
    backfillId?: string,
  ): Promise<number | string> {
    const ts = instant(start + on * day).toString();
    const measurements = [{ uid, account, meter: "m", ts, measure: { n: value } }];
    const outcome = await store.ingest({
      orgId: this.orgId,
      body: Buffer.from(JSON.stringify({ measurements })),
      format: "json",
      encoding: "identity",
      receivedAtMs,
      backfillId,
    });
    return outcome.kind === "accepted" ? outcome.stored : outcome.kind;
  }

  async #correct(uid: string, value?: number): Promise<string> {
    const by = { orgId: this.orgId, correctedBy: "x", reason: "x", receivedAtMs };
    const amendment = value !== undefined && { amendment: { measure: { n: value } } };
    return (await store.correct({ ...by, uid, ...amendment })).kind;
  }

  async #step(step: "reveal" | "revert" | "discard", backfillId: string): Promise<string> {
    const { replaces } = this.model.backfill(backfillId);
    const given = replaces && {
      meterIds: [this.orgId],
      accountIds: replaces.accounts?.map(
        (code) => directory.accountId(this.orgId, code) ?? "nobody",
      ),
      window: { start: instant(replaces.window.start), end: instant(replaces.window.end) },
    };
    const request = { orgId: this.orgId, backfillId, step, replaces: given };
    return (await store.stepBackfill({ ...request, requestedBy: "x", receivedAtMs })).kind;
  }

  /** Both answers to what the days add up to, by account. */
  async sums(): Promise<readonly [unknown, unknown]> {
    const window = { start, end: start + 9 * day };
    const found = await store.aggregate({
      orgId: this.orgId,
      meterId: this.orgId,
      method: "SUM",
      targetField: "n",
      window: { start: instant(window.start), end: instant(window.end) },
    });
    const quantities = new Map(found.map(({ accountId, quantity }) => [accountId, quantity]));
    const ofAccount = Map.groupBy(this.model.counting, ({ account }) => account);
    const named = accounts.map((code) => [
      quantities.get(directory.accountId(this.orgId, code) ?? ""),
      naiveQuantity("SUM", ofAccount.get(code) ?? [], window),
    ]);
    return [named.map(([one]) => one), named.map(([, other]) => other)];
  }
}

test("what counts equals the naive evaluator after every act", { timeout: 1_800_000 }, async () => {
  const given = fc.record({
    replaces: fc.tuple(anyReplaces, anyReplaces, anyReplaces),
    acts: fc.array(anyAct, { minLength: 5, maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(given, async ({ replaces, acts }) => {
      const orgId = `org ${organizations++}`;
      const n = { code: "n", category: "MEASURE" } as const;
      directory.putMeter(orgId, { id: orgId, code: "m", dataFields: [n], derivedFields: [] });
      const subject = new Subject(orgId, new Model(replaces));
      for (const [index, act] of acts.entries()) {
        const [done, expected] = await subject.act(act);
        expect(done, `act ${index}: ${JSON.stringify(act)}`).toEqual(expected);
        const [found, wanted] = await subject.sums();
        expect(found, `after act ${index}: ${JSON.stringify(act)}`).toEqual(wanted);
      }
    }),
    options,
  );
});
