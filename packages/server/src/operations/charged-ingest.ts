import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import { fieldNamedTwice } from "@turnpike/contract/usage/measurement-rules.ts";
import type { Ledger } from "../authorization/ledger.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { ChargedMeasurement, PlainUsage } from "../authorization/plain-usage.ts";
import { inflateBody, readMeasurements } from "../ingest/body.ts";
import { categoryProperties, type Measurement } from "../ingest/measurement.ts";
import { duplicateUid, judgeTime } from "../ingest/verdicts.ts";
import type {
  IngestOutcome,
  IngestRequest,
  MeasurementFailure,
  UsageStore,
} from "../ports/usage-store.ts";

export interface ChargedIngestParts {
  readonly ledger: Ledger;
  readonly plainUsage: PlainUsage;
  readonly usage: UsageStore;
}

/** Where each measurement of a request goes: those of accounts with a wallet are charged, the others only metered. */
interface Sorted {
  readonly charged: ChargedMeasurement[];
  readonly metered: { readonly index: number; readonly source: unknown }[];
}

const plainMeasurement = ({ uid, account, meter, tsMicros, etsMicros, fields }: Measurement) => ({
  uid,
  account,
  meter,
  ts: new Date(tsMicros / 1000).toISOString(),
  ets: etsMicros === undefined ? undefined : new Date(etsMicros / 1000).toISOString(),
  ...z.custom<MeasurementFields>().parse(fields),
});

/** Whether the usage store will take it: what it refuses must not be charged either. */
const isStorable = (
  measurement: Measurement,
  dataFields: readonly {
    readonly category: keyof typeof categoryProperties;
    readonly code: string;
  }[],
  receivedAtMs: number,
): boolean =>
  judgeTime(measurement, receivedAtMs) === undefined &&
  fieldNamedTwice(measurement.fields) === undefined &&
  dataFields.every(
    ({ category, code }) => measurement.fields[categoryProperties[category]]?.[code] !== undefined,
  );

const sort = async (
  { ledger, plainUsage }: ChargedIngestParts,
  { orgId, receivedAtMs }: { readonly orgId: string; readonly receivedAtMs: number },
  measurements: readonly Measurement[],
): Promise<Sorted> => {
  const accounts = [...new Set(measurements.map(({ account }) => account))];
  const paying = await plainUsage.withWallet(orgId, accounts);
  const sorted: Sorted = { charged: [], metered: [] };
  for (const [index, measurement] of measurements.entries()) {
    const meter = paying.has(measurement.account)
      ? await ledger.prices.meter(orgId, measurement.meter)
      : undefined;
    if (meter !== undefined && isStorable(measurement, meter.dataFields, receivedAtMs))
      sorted.charged.push({ index, measurement: plainMeasurement(measurement) });
    else sorted.metered.push({ index, source: measurement.source });
  }
  return sorted;
};

/** The usage store keeps what it is given; the ledger charges, and passes on by itself, what a wallet pays. */
const chargeAndMeter = async (
  world: ChargedIngestParts,
  request: IngestRequest,
  measurements: readonly Measurement[],
): Promise<IngestOutcome | undefined> => {
  const { orgId } = request;
  const { charged, metered } = await sort(world, request, measurements);
  if (charged.length === 0) return undefined;
  const known = await world.plainUsage.charge(orgId, charged);
  const duplicates = charged
    .filter(({ index }) => known.has(index))
    .map(({ index }): MeasurementFailure => {
      const measurement = measurements[index];
      const { kind, message } = duplicateUid(measurement?.uid ?? "");
      return { index, kind, message, measurement: measurement?.source };
    });
  const stored = charged.length - duplicates.length;
  if (metered.length === 0) return { kind: "accepted", stored, failures: duplicates };
  const body = Buffer.from(JSON.stringify({ measurements: metered.map(({ source }) => source) }));
  const rest: IngestRequest = { ...request, body, format: "json", encoding: "identity" };
  const outcome = await world.usage.ingest(rest);
  if (outcome.kind !== "accepted") return outcome;
  const failures = outcome.failures.map((failure) => ({
    ...failure,
    index: metered[failure.index]?.index ?? failure.index,
  }));
  return {
    kind: "accepted",
    stored: stored + outcome.stored,
    failures: [...duplicates, ...failures].sort((a, b) => a.index - b.index),
  };
};

/**
 * Takes measurements in, however they come: those of accounts with a wallet are charged and reach the usage store by the
 * relay, all others go there directly (authorization semantics f.10.6).
 */
export const chargedIngest = async (
  world: ChargedIngestParts,
  request: IngestRequest,
): Promise<IngestOutcome> => {
  if (!(await world.plainUsage.hasWallets(request.orgId))) return world.usage.ingest(request);
  const inflated = await inflateBody(request);
  if (inflated.kind === "invalid") return inflated;
  const read = readMeasurements(inflated.bytes, request.format);
  if (read.kind === "invalid") return read;
  try {
    const outcome = await chargeAndMeter(world, request, read.measurements);
    if (outcome !== undefined) return outcome;
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "VALIDATION_FAILED") throw error;
    return { kind: "invalid", errors: error.fields };
  }
  return world.usage.ingest({ ...request, body: inflated.bytes, encoding: "identity" });
};
