import { fieldProblem } from "@turnpike/contract/problem.ts";
import { z } from "zod";
import type { MeasurementFields } from "../authorization/measurements.ts";
import type { PlainMeasurement } from "../authorization/plain-usage.ts";
import { inflateBody, readMeasurements } from "../ingest/body.ts";
import { categoryProperties, type Measurement } from "../ingest/measurement.ts";
import { duplicateUid, futureSkewMs } from "../ingest/verdicts.ts";
import type { IngestOutcome, IngestRequest, MeasurementFailure } from "../ports/usage-store.ts";
import type { Handlers, World } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";

const encodings = ["identity", "gzip", "deflate"] as const;

const encodingOf = (header: string | undefined): IngestRequest["encoding"] => {
  const given = (header ?? "identity").trim().toLowerCase();
  const known = encodings.find((encoding) => encoding === given);
  if (known !== undefined) return known;
  const message = `must be one of ${encodings.join(", ")}, not ${given}`;
  throw fieldProblem("UNSUPPORTED_MEDIA_TYPE", "content-encoding", message);
};

const formatOf = (header: string | undefined): IngestRequest["format"] => {
  const type = (header ?? "application/json").split(";")[0]?.trim().toLowerCase() ?? "";
  if (/^(application|text)\/(.+\+)?json$/.test(type)) return "json";
  if (/^application\/(x-)?(nd-?json|jsonl|json-?lines)$/.test(type)) return "ndjson";
  const message = `must be application/json or application/x-ndjson, not ${type}`;
  throw fieldProblem("UNSUPPORTED_MEDIA_TYPE", "content-type", message);
};

/** m3ter answers `accepted`; what was not stored is named beside it, so that nobody has to wait to see it. */
const replyTo = (outcome: IngestOutcome) => {
  if (outcome.kind !== "accepted") throw refuseIngest(outcome);
  const failures = outcome.failures.map(({ index, kind, message }) => ({
    index,
    type: kind,
    message,
  }));
  return { result: "accepted", ...(failures.length === 0 ? {} : { failures }) };
};

/** Where each measurement of a request goes: those of accounts with a wallet are charged, the others only metered. */
interface Sorted {
  readonly charged: { readonly index: number; readonly measurement: PlainMeasurement }[];
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
  { tsMicros, etsMicros, fields }: Measurement,
  dataFields: readonly {
    readonly category: keyof typeof categoryProperties;
    readonly code: string;
  }[],
  receivedAtMs: number,
): boolean =>
  tsMicros <= (receivedAtMs + futureSkewMs) * 1000 &&
  (etsMicros ?? tsMicros) >= tsMicros &&
  dataFields.every(
    ({ category, code }) => fields[categoryProperties[category]]?.[code] !== undefined,
  );

const sort = async (
  { ledger, plainUsage }: World,
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
  world: World,
  request: IngestRequest,
  measurements: readonly Measurement[],
): Promise<IngestOutcome | undefined> => {
  const { orgId } = request;
  const { charged, metered } = await sort(world, request, measurements);
  if (charged.length === 0) return undefined;
  const known = await world.plainUsage.charge(
    orgId,
    charged.map(({ measurement }) => measurement),
  );
  const duplicates = charged
    .filter((_, nth) => known.has(nth))
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

const ingest = async (world: World, request: IngestRequest): Promise<IngestOutcome> => {
  if (!(await world.plainUsage.hasWallets(request.orgId))) return world.usage.ingest(request);
  const inflated = await inflateBody(request);
  if (inflated.kind === "invalid") return inflated;
  const read = readMeasurements(inflated.bytes, request.format);
  if (read.kind === "invalid") return read;
  const outcome = await chargeAndMeter(world, request, read.measurements);
  return outcome ?? world.usage.ingest({ ...request, body: inflated.bytes, encoding: "identity" });
};

export const submitMeasurements: Handlers["submitMeasurements"] = async ({ orgId, raw }, world) => {
  const at = world.now();
  const outcome = await ingest(world, {
    orgId,
    body: raw.body,
    format: formatOf(raw.contentType),
    encoding: encodingOf(raw.contentEncoding),
    receivedAtMs: at.getTime(),
  });
  if (outcome.kind === "accepted") await world.failures.note({ orgId, at, rows: outcome.failures });
  return replyTo(outcome);
};
