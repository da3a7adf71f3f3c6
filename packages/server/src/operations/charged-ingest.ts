import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { ChargedMeasurement, PlainUsage } from "../authorization/usage/plain-usage.ts";
import { inflateBody, readMeasurements } from "../ingest/body.ts";
import type { Doors } from "../ingest/door.ts";
import type { Measurement } from "../ingest/measurement.ts";
import { duplicateUid, judgeContent } from "../ingest/verdicts.ts";
import type { MeterSchema } from "../ports/usage-directory.ts";
import type { IngestOutcome, IngestRequest, UsageStore } from "../ports/usage-store.ts";

interface Meters {
  readonly meter: (
    orgId: string,
    code: string,
  ) => Promise<Pick<MeterSchema, "code" | "dataFields"> | undefined>;
}

export interface ChargedIngestParts {
  readonly ledger: { readonly prices: Meters };
  readonly plainUsage: PlainUsage;
  readonly usage: Pick<UsageStore, "ingest">;
  readonly doors: Pick<Doors, "charging">;
}

/** Where each measurement of a request goes: those of accounts with a wallet are charged, the others only metered. */
interface Sorted {
  readonly charged: Placed[];
  readonly metered: Placed[];
}

/** With where it stands in the request. */
interface Placed {
  readonly index: number;
  readonly measurement: Measurement;
}

const asCharged = ({ index, measurement }: Placed): ChargedMeasurement => {
  const { uid, account, meter, tsMicros, etsMicros, fields } = measurement;
  return {
    index,
    measurement: {
      uid,
      account,
      meter,
      ts: new Date(tsMicros / 1000).toISOString(),
      ets: etsMicros === undefined ? undefined : new Date(etsMicros / 1000).toISOString(),
      ...z.custom<MeasurementFields>().parse(fields),
    },
  };
};

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
    // What the usage store refuses must not be charged either.
    const isCharged =
      meter !== undefined && judgeContent(measurement, meter, receivedAtMs) === undefined;
    sorted[isCharged ? "charged" : "metered"].push({ index, measurement });
  }
  return sorted;
};

type Accepted = Extract<IngestOutcome, { kind: "accepted" }>;

/** Only metered; failures have the places of the request. */
const meter = async (
  { usage }: ChargedIngestParts,
  request: IngestRequest,
  metered: Sorted["metered"],
): Promise<IngestOutcome> => {
  if (metered.length === 0) return { kind: "accepted", stored: 0, failures: [] };
  const measurements = metered.map(({ measurement }) => measurement.source);
  const body = Buffer.from(JSON.stringify({ measurements }));
  const outcome = await usage.ingest({ ...request, body, format: "json", encoding: "identity" });
  if (outcome.kind !== "accepted") return outcome;
  const failures = outcome.failures.map((failure) => ({
    ...failure,
    index: metered[failure.index]?.index ?? failure.index,
  }));
  return { ...outcome, failures };
};

/** What is wrong with a measurement that no price can be asked for. */
const refusedBy = (error: unknown): IngestOutcome => {
  if (!(error instanceof Problem) || error.code !== "VALIDATION_FAILED") throw error;
  return { kind: "invalid", errors: error.fields };
};

/**
 * The ledger charges, and passes on by itself, what a wallet pays. That comes last, when nothing can refuse the request any
 * more: what was charged before a refusal would be charged again when the request is repeated.
 */
const chargeAndMeter = async (
  world: ChargedIngestParts,
  request: IngestRequest,
  { charged, metered }: Sorted,
): Promise<IngestOutcome> => {
  const { orgId } = request;
  const priced = await world.plainUsage
    .price(orgId, charged.map(asCharged))
    .catch((error: unknown) => refusedBy(error));
  if ("kind" in priced) return priced;
  const rest = await meter(world, request, metered);
  if (rest.kind !== "accepted") return rest;
  const known = await world.plainUsage.charge(orgId, priced).catch((cause: unknown) => {
    throw isRepeatable(rest, metered) ? cause : new Problem("INTERNAL", [], { cause });
  });
  const duplicates = charged
    .filter(({ index }) => known.has(index))
    .map(({ index, measurement: { uid = "", source } }) => {
      const { kind, message } = duplicateUid(uid);
      return { index, kind, message, measurement: source };
    });
  return {
    kind: "accepted",
    stored: rest.stored + charged.length - duplicates.length,
    failures: [...rest.failures, ...duplicates].sort((a, b) => a.index - b.index),
  };
};

/** Clients repeat by themselves what is said to have failed for now; without a uid it would be stored twice. */
const isRepeatable = ({ stored }: Accepted, metered: Sorted["metered"]): boolean =>
  stored === 0 || metered.every(({ measurement }) => measurement.uid !== undefined);

/** How much larger most bodies are than what they are compressed to; what is far larger has a limit of its own. */
const usualRatio = 10;

const sizeOf = ({ body, encoding }: IngestRequest): number =>
  encoding === "identity" ? body.length : body.length * usualRatio;

type Charged = IngestOutcome | { readonly kind: "uncharged"; readonly bytes: Uint8Array };

const charge = async (world: ChargedIngestParts, request: IngestRequest): Promise<Charged> => {
  const inflated = await inflateBody(request);
  if (inflated.kind === "invalid") return inflated;
  const { bytes } = inflated;
  const read = readMeasurements(bytes, request.format);
  if (read.kind === "invalid") return read;
  const sorted = await sort(world, request, read.measurements);
  return sorted.charged.length === 0
    ? { kind: "uncharged", bytes }
    : chargeAndMeter(world, request, sorted);
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
  const outcome = await world.doors.charging(sizeOf(request), () => charge(world, request));
  if (outcome.kind !== "uncharged") return outcome;
  return world.usage.ingest({ ...request, body: outcome.bytes, encoding: "identity" });
};
