import { randomUUID } from "node:crypto";
import type { AccountResolution, UsageDirectory } from "../ports/usage-directory.ts";
import type { CommitOutcome, UsageLog } from "../ports/usage-log.ts";
import type { IngestOutcome, IngestRequest, MeasurementFailure } from "../ports/usage-store.ts";
import { readBody } from "./body.ts";
import { DedupeTable, dedupeWindowSeconds } from "./dedupe-table.ts";
import { DirectoryCache } from "./directory-cache.ts";
import type { Measurement } from "./measurement.ts";
import type { MeterWriter, Verdict } from "./meter-writer.ts";
import { OpenGroup } from "./open-group.ts";
import { UidHasher } from "./uid-hash.ts";

/** How far a client's clock may run ahead (m3ter semantics 3.2, [R]). */
export const futureSkewMs = 5 * 60 * 1000;

interface Admission {
  readonly orgId: string;
  readonly receivedAtMs: number;
  readonly meters: ReadonlyMap<string, MeterWriter>;
  readonly accounts: ReadonlyMap<string, AccountResolution>;
  /** Measurements of unknown accounts that would be refused anyway, for which none was created. */
  readonly unasked: readonly Measurement[];
}

const uidBytesMax = 256;
const encoder = new TextEncoder();

/**
 * Takes request bodies to durable rows: read, look up, deduplicate, gather into a group, commit the group. While the
 * log commits a group, the next one is gathered; what waits for a group is answered when it is durable. A commit that
 * fails takes the gathered group with it, because its duplicates were judged by marks that are taken back.
 */
export class IngestPipeline {
  readonly #directory: DirectoryCache;
  readonly #log: UsageLog;
  readonly #dedupe = new DedupeTable();
  readonly #hashers = new Map<string, UidHasher>();
  readonly #uidBytes = new Uint8Array(uidBytesMax);
  #open: OpenGroup;
  #committing: Promise<void> | undefined;

  constructor(directory: UsageDirectory, log: UsageLog) {
    this.#directory = new DirectoryCache(directory);
    this.#log = log;
    this.#open = new OpenGroup(log.nextPosition(), new Map());
  }

  /** Remembers the uids that the log holds from the dedupe window before `nowMs`. */
  async recall(nowMs: number): Promise<void> {
    for await (const run of this.#log.uidsSince(nowMs - dedupeWindowSeconds * 1000)) {
      const hasher = this.#hasher(run.orgId);
      let start = 0;
      for (const [index, end] of run.ends.entries()) {
        hasher.hash(run.bytes, start, end);
        this.#dedupe.add(hasher.words, run.seconds[index] ?? 0);
        start = end;
      }
    }
  }

  async ingest(request: IngestRequest): Promise<IngestOutcome> {
    const read = await readBody(request);
    if (read.kind === "invalid") return read;
    const { measurements } = read;
    let admission = await this.#resolve(request, measurements);
    // What spoke against a measurement may be gone by now, such as a duplicate whose original was not committed.
    while (admission.unasked.some((m) => this.#judge(m, admission) === undefined)) {
      admission = await this.#resolve(request, measurements);
    }
    const group = this.#open;
    const failures = this.#admit(measurements, admission);
    const [only] = failures;
    if (measurements.length === 1 && only?.kind === "TimestampInFuture") {
      return {
        kind: "invalid",
        errors: [{ field: "measurements[0].ts", message: only.message }],
      };
    }
    const outcome = group.join(request.receivedAtMs);
    this.#commitSoon();
    const committed = await outcome;
    if (committed.kind === "committed") {
      return { kind: "accepted", stored: measurements.length - failures.length, failures };
    }
    return committed.kind === "failed"
      ? { kind: "unavailable", reason: committed.reason }
      : committed;
  }

  /** Waits until everything that was taken in has been answered. */
  async drain(): Promise<void> {
    await this.#committing;
    this.#directory.stop();
  }

  #hasher(orgId: string): UidHasher {
    const known = this.#hashers.get(orgId);
    if (known !== undefined) return known;
    const hasher = new UidHasher(this.#log.secret, orgId);
    this.#hashers.set(orgId, hasher);
    return hasher;
  }

  /** Finds what the measurements refer to: at most one question about meters and one about accounts. */
  async #resolve(
    { orgId, receivedAtMs }: IngestRequest,
    measurements: readonly Measurement[],
  ): Promise<Admission> {
    const meters = new Map<string, MeterWriter>();
    const unknownMeters = new Set<string>();
    for (const { meter } of measurements) {
      const writer = meters.get(meter) ?? this.#directory.meter(orgId, meter);
      if (writer === undefined) unknownMeters.add(meter);
      else meters.set(meter, writer);
    }
    if (unknownMeters.size > 0) {
      const found = await this.#directory.findMeters(orgId, [...unknownMeters]);
      for (const [code, writer] of found) meters.set(code, writer);
    }
    const accounts = new Map<string, AccountResolution>();
    const unasked: Measurement[] = [];
    const admission = { orgId, receivedAtMs, meters, accounts, unasked };
    const unknownAccounts = new Set<string>();
    for (const measurement of measurements) {
      const { account } = measurement;
      const resolution = accounts.get(account) ?? this.#directory.account(orgId, account);
      if (resolution !== undefined) accounts.set(account, resolution);
      // An account is only made for usage that will be stored.
      else if (this.#judge(measurement, admission) === undefined) unknownAccounts.add(account);
      else unasked.push(measurement);
    }
    if (unknownAccounts.size > 0) {
      const found = await this.#directory.findAccounts(orgId, [...unknownAccounts]);
      for (const [code, resolution] of found) accounts.set(code, resolution);
    }
    return admission;
  }

  /** Everything that can be said against a measurement without its account. Leaves the uid's hash in the hasher. */
  #judge(measurement: Measurement, admission: Admission): Verdict | undefined {
    const { orgId, receivedAtMs, meters } = admission;
    const meter = meters.get(measurement.meter);
    if (meter === undefined) {
      return { kind: "UndefinedMeter", message: `No meter has the code ${measurement.meter}` };
    }
    const fault = meter.check(measurement) ?? judgeTime(measurement, receivedAtMs);
    if (fault !== undefined || measurement.uid === undefined) return fault;
    const hasher = this.#hasher(orgId);
    hasher.hash(this.#uidBytes, 0, this.#encodeUid(measurement.uid));
    return this.#dedupe.has(hasher.words, Math.floor(receivedAtMs / 1000))
      ? { kind: "DuplicateUid", message: `The uid ${measurement.uid} was received before` }
      : undefined;
  }

  /** Puts what can be stored into the open group; returns the rest. Synchronous, so a group is never half a request. */
  #admit(measurements: readonly Measurement[], admission: Admission): MeasurementFailure[] {
    try {
      return this.#admitEach(measurements, admission);
    } catch (cause) {
      const half = this.#open;
      this.#open = new OpenGroup(half.firstPosition, new Map());
      half.fail({ kind: "failed", reason: "A measurement could not be encoded" }, this.#dedupe);
      throw cause;
    }
  }

  #admitEach(measurements: readonly Measurement[], admission: Admission): MeasurementFailure[] {
    const failures: MeasurementFailure[] = [];
    for (const [index, measurement] of measurements.entries()) {
      const verdict = this.#judge(measurement, admission) ?? this.#place(measurement, admission);
      if (verdict !== undefined) {
        failures.push({ index, ...verdict, measurement: measurement.source });
      }
    }
    return failures;
  }

  #place(measurement: Measurement, { orgId, receivedAtMs, meters, accounts }: Admission) {
    const account = accounts.get(measurement.account);
    const meter = meters.get(measurement.meter);
    if (account === undefined || meter === undefined) {
      throw new Error("a measurement that nothing speaks against has a meter and an account");
    }
    if (account.kind === "refused") {
      const message = `No account has the code ${measurement.account}, but ${account.closeTo} is too close to it to create one`;
      return { kind: "InvalidAccountCode", message } as const;
    }
    const rows = this.#open.rowsOf(meter.layout);
    const row = rows.count;
    rows.accounts[row] = this.#log.accountNumber(orgId, account.id);
    rows.ts.set(row, measurement.tsMicros);
    rows.ets.set(row, measurement.etsMicros ?? 0);
    rows.etsPresent.set(row, measurement.etsMicros !== undefined);
    rows.uids.set(row, measurement.uid ?? randomUUID());
    meter.write(measurement, rows);
    this.#open.commitRow(rows);
    if (measurement.uid !== undefined) this.#remember(orgId, receivedAtMs);
    return undefined;
  }

  #remember(orgId: string, receivedAtMs: number): void {
    const { words } = this.#hasher(orgId);
    this.#dedupe.add(words, Math.floor(receivedAtMs / 1000));
    this.#open.mark(words);
  }

  #encodeUid(uid: string): number {
    const bytes = this.#uidBytes;
    for (let at = 0; at < uid.length; at++) {
      const code = uid.charCodeAt(at);
      if (code > 0x7f) return encoder.encodeInto(uid, bytes).written;
      bytes[at] = code;
    }
    return uid.length;
  }

  #commitSoon(): void {
    this.#committing ??= this.#commitAll();
  }

  async #commitAll(): Promise<void> {
    // Bodies that arrived together are read before the first commit begins.
    await new Promise((resolve) => setImmediate(resolve));
    let spare: OpenGroup["buffers"] = new Map();
    while (this.#open.isAwaited) {
      const group = this.#open;
      this.#open = new OpenGroup(group.nextPosition, spare);
      const outcome = await this.#commit(group);
      spare = group.buffers;
      if (outcome.kind === "committed") {
        group.settle(outcome);
        continue;
      }
      const gathered = this.#open;
      this.#open = new OpenGroup(this.#log.nextPosition(), new Map());
      group.fail(outcome, this.#dedupe);
      gathered.fail(outcome, this.#dedupe);
    }
    this.#committing = undefined;
  }

  async #commit(group: OpenGroup): Promise<CommitOutcome> {
    const sealed = group.sealed();
    return sealed.count === 0 ? { kind: "committed" } : this.#log.append(sealed);
  }
}

const judgeTime = (
  { tsMicros, etsMicros }: Measurement,
  receivedAtMs: number,
): Verdict | undefined => {
  if (tsMicros > (receivedAtMs + futureSkewMs) * 1000) {
    return { kind: "TimestampInFuture", message: "ts must not be in the future" };
  }
  return etsMicros !== undefined && etsMicros < tsMicros
    ? { kind: "EndBeforeStart", message: "ets must not be before ts" }
    : undefined;
};
