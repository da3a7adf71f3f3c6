import { randomUUID } from "node:crypto";
import type { AccountResolution } from "../ports/usage-directory.ts";
import type { UsageLog } from "../ports/usage-log.ts";
import type { MeasurementFailure } from "../ports/usage-store.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import type { Measurement } from "./measurement.ts";
import type { MeterWriter } from "./meter-writer.ts";
import type { OpenGroup } from "./open-group.ts";
import { type BatchSurroundings, noSurroundings, type Subject } from "./surroundings.ts";
import { namespaceOf, type UidMemory } from "./uid-memory.ts";
import { duplicateUid, invalidAccountCode, judgeContent, undefinedMeter } from "./verdicts.ts";
import type { Verdict } from "./verdicts.ts";

export interface LaneParts {
  readonly directory: DirectoryCache;
  readonly log: UsageLog;
  readonly uids: UidMemory;
}

export interface LaneOutcome {
  readonly stored: number;
  readonly failures: readonly MeasurementFailure[];
}

/** Measurements of one request, with everything they refer to looked up. */
export interface Batch {
  readonly orgId: string;
  readonly receivedAtMs: number;
  /** The one that the measurements are of; its uids are a namespace of their own. */
  readonly backfillId?: string | undefined;
  readonly measurements: readonly Measurement[];
  readonly meters: ReadonlyMap<string, MeterWriter>;
  readonly accounts: ReadonlyMap<string, AccountResolution>;
  /** Measurements of unknown accounts that would be refused anyway, for which none was created. */
  readonly unasked: readonly Measurement[];
  readonly surroundings: BatchSurroundings;
}

/** A measurement whose calculation fails is stored all the same (m3ter semantics 3.4). */
export const isRefusal = (verdict: Verdict | undefined): verdict is Verdict =>
  verdict !== undefined && verdict.kind !== "CalculationError";

type Origin = Pick<Batch, "orgId" | "receivedAtMs" | "backfillId">;

/** The road of every measurement that keeps the schema: looks up, judges, and puts what can be stored into a group. */
export class GeneralLane {
  readonly #parts: LaneParts;

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Looks up what the measurements refer to: at most one question about meters and one about accounts. */
  async resolve(origin: Origin, measurements: readonly Measurement[]): Promise<Batch> {
    for (;;) {
      const found = await this.#lookUp(origin, measurements);
      const batch = { ...found, surroundings: await this.#surroundings(found) };
      // What spoke against a measurement may be gone by now, such as a duplicate whose original was not committed.
      if (batch.unasked.every((measurement) => this.#judge(measurement, batch) !== undefined)) {
        return batch;
      }
    }
  }

  /** Puts what can be stored into the group, all at once or, if it throws, nothing. */
  admit(batch: Batch, group: OpenGroup): LaneOutcome {
    const savepoint = group.savepoint();
    const failures: MeasurementFailure[] = [];
    try {
      for (const [index, measurement] of batch.measurements.entries()) {
        const verdict =
          this.#judge(measurement, batch) ?? this.#place(measurement, { batch, group });
        if (verdict === undefined) continue;
        failures.push({ index, ...verdict, measurement: measurement.source });
      }
    } catch (cause) {
      group.rollback(savepoint, this.#parts.uids);
      throw cause;
    }
    const refused = failures.filter(isRefusal).length;
    return { stored: batch.measurements.length - refused, failures };
  }

  /**
   * Puts the one measurement of the batch into the group whatever its uid: it takes the place of the row that has it.
   * A verdict other than `CalculationError` means that nothing was put in.
   */
  replace(batch: Batch, uid: string, group: OpenGroup): Verdict | undefined {
    const [measurement] = batch.measurements;
    if (measurement === undefined) throw new Error("an amendment is one measurement");
    return this.#judge(measurement, batch) ?? this.#write(measurement, { batch, group, uid });
  }

  async #lookUp(origin: Origin, measurements: readonly Measurement[]): Promise<Batch> {
    const { orgId } = origin;
    const { directory } = this.#parts;
    const meters = await this.#meters(orgId, measurements);
    const accounts = new Map<string, AccountResolution>();
    const unasked: Measurement[] = [];
    const surroundings = noSurroundings;
    const batch = { ...origin, measurements, meters, accounts, unasked, surroundings };
    const unknown = new Set<string>();
    for (const measurement of measurements) {
      const { account } = measurement;
      const resolution = accounts.get(account) ?? directory.account(orgId, account);
      if (resolution !== undefined) accounts.set(account, resolution);
      // An account is only made for usage that will be stored.
      else if (this.#judge(measurement, batch) === undefined) unknown.add(account);
      else unasked.push(measurement);
    }
    if (unknown.size > 0) {
      const found = await directory.findAccounts(orgId, [...unknown]);
      for (const [code, resolution] of found) accounts.set(code, resolution);
    }
    return { ...batch, unasked: unasked.filter(({ account }) => !accounts.has(account)) };
  }

  /** For every measurement of a known account, whatever speaks against it: that may be gone when it is judged again. */
  async #surroundings({ orgId, receivedAtMs, measurements, meters, accounts }: Batch) {
    const subjects = measurements.flatMap((measurement): Subject[] => {
      const meter = meters.get(measurement.meter);
      if (meter?.namesSurroundings !== true) return [];
      const account = accounts.get(measurement.account);
      const isKnown = account !== undefined && account.kind !== "refused";
      return isKnown ? [{ measurement, meter, accountId: account.id }] : [];
    });
    return this.#parts.directory.surroundings.around(orgId, receivedAtMs, subjects);
  }

  async #meters(
    orgId: string,
    measurements: readonly Measurement[],
  ): Promise<ReadonlyMap<string, MeterWriter>> {
    const { directory } = this.#parts;
    const meters = new Map<string, MeterWriter>();
    const unknown = new Set<string>();
    for (const { meter } of measurements) {
      const writer = meters.get(meter) ?? directory.meter(orgId, meter);
      if (writer === undefined) unknown.add(meter);
      else meters.set(meter, writer);
    }
    if (unknown.size > 0) {
      const found = await directory.findMeters(orgId, [...unknown]);
      for (const [code, writer] of found) meters.set(code, writer);
    }
    return meters;
  }

  /** Everything that can be said against a measurement without its account. */
  #judge(measurement: Measurement, batch: Batch): Verdict | undefined {
    const meter = batch.meters.get(measurement.meter);
    if (meter === undefined) return undefinedMeter(measurement.meter);
    const fault = judgeContent(measurement, meter.schema, batch.receivedAtMs);
    if (fault !== undefined || measurement.uid === undefined) return fault;
    const { uids } = this.#parts;
    const hash = uids.hash(namespaceOf(batch), measurement.uid);
    return uids.has(hash, batch.receivedAtMs) ? duplicateUid(measurement.uid) : undefined;
  }

  #place(
    measurement: Measurement,
    { batch, group }: { batch: Batch; group: OpenGroup },
  ): Verdict | undefined {
    const { receivedAtMs } = batch;
    const { uids } = this.#parts;
    const { uid } = measurement;
    const verdict = this.#write(measurement, { batch, group, uid: uid ?? randomUUID() });
    if (uid === undefined || isRefusal(verdict)) return verdict;
    const hash = uids.hash(namespaceOf(batch), uid);
    uids.addIfNew(hash, receivedAtMs);
    group.mark(hash);
    return verdict;
  }

  #write(
    measurement: Measurement,
    { batch, group, uid }: { batch: Batch; group: OpenGroup; uid: string },
  ): Verdict | undefined {
    const { orgId, receivedAtMs } = batch;
    const { log } = this.#parts;
    const account = batch.accounts.get(measurement.account);
    const meter = batch.meters.get(measurement.meter);
    if (account === undefined || meter === undefined) {
      throw new Error("a measurement that nothing speaks against has a meter and an account");
    }
    if (account.kind === "refused") return invalidAccountCode(measurement.account, account.closeTo);
    const rows = group.rowsOf(meter.layoutIn(batch.backfillId));
    const row = rows.count;
    rows.accounts[row] = log.accountNumber(orgId, account.id);
    rows.ts.set(row, measurement.tsMicros);
    rows.ets.set(row, measurement.etsMicros ?? 0);
    rows.etsPresent.set(row, measurement.etsMicros !== undefined);
    rows.uids.set(row, uid);
    const around = { receivedAtMs, ...batch.surroundings.of(meter, account.id) };
    const calculationError = meter.write(measurement, rows, around);
    group.commitRow(rows);
    return calculationError;
  }
}
