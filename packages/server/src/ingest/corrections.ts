import { createHash } from "node:crypto";
import { futureSkewMs } from "@turnpike/contract/usage/measurement-rules.ts";
import type { StoredContent, StoredMeasurement, UsageLog } from "../ports/usage-log.ts";
import type {
  AmendedMeasurement,
  CorrectionOutcome,
  CorrectionRequest,
  IngestedRequest,
  IngestOutcome,
} from "../ports/usage-store.ts";
import type { DirectoryCache } from "./directory-cache.ts";
import { type GeneralLane, isRefusal, type LaneOutcome } from "./general-lane.ts";
import { readEnvelope } from "./measurement-reader.ts";
import { properties } from "./measurement.ts";
import type { Measurement } from "./measurement.ts";
import type { OpenGroup } from "./open-group.ts";
import { Turns } from "./turns.ts";
import { namespaceOf, type UidMemory } from "./uid-memory.ts";
import type { Verdict } from "./verdicts.ts";

interface CorrectionParts {
  readonly directory: DirectoryCache;
  readonly log: UsageLog;
  readonly uids: UidMemory;
  readonly general: GeneralLane;
  /** Lets entries be put into the open group and answers when it is durable. */
  readonly gather: (
    admit: (group: OpenGroup) => LaneOutcome,
    receivedAtMs: number,
  ) => Promise<IngestOutcome>;
}

const done = { kind: "corrected", failures: [] } as const satisfies CorrectionOutcome;
/** It would neither count nor, restated, stay replaced. */
const replaced: CorrectionOutcome = {
  kind: "invalid",
  errors: [{ field: "uid", message: "names a measurement that a backfill has replaced" }],
};
const nothing: LaneOutcome = { stored: 0, failures: [] };

/**
 * Voids and amends measurements, one after the other: each sees what became of the measurement before it. Entries join
 * the same groups as rows, so they are durable and visible together with them or not at all.
 */
export class Corrections {
  readonly #parts: CorrectionParts;
  readonly #turns = new Turns();

  constructor(parts: CorrectionParts) {
    this.#parts = parts;
  }

  correct(request: CorrectionRequest): Promise<CorrectionOutcome> {
    return this.inTurn(() => this.#correct(request));
  }

  async ingested({
    orgId,
    uids,
    askedAtMs,
  }: IngestedRequest): Promise<ReadonlyMap<string, StoredContent>> {
    return this.#parts.log.contents(orgId, await this.#received(orgId, uids, askedAtMs));
  }

  /** Does the work after every correction before it and before those that come. */
  inTurn<Outcome>(work: () => Promise<Outcome>): Promise<Outcome> {
    return this.#turns.take(work);
  }

  /** Waits until everything that waits for its turn has been answered. */
  settled(): Promise<void> {
    return this.#turns.settled();
  }

  async #correct(request: CorrectionRequest): Promise<CorrectionOutcome> {
    const { orgId, uid, receivedAtMs } = request;
    const stored = await this.#find(orgId, uid, receivedAtMs);
    if (stored === undefined) return { kind: "unknown" };
    if (stored.isReplaced) return replaced;
    const { amendment } = request;
    return amendment === undefined
      ? this.#void(request, stored)
      : this.#amend({ ...request, amendment }, stored);
  }

  async #find(orgId: string, uid: string, atMs: number): Promise<StoredMeasurement | undefined> {
    const received = await this.#received(orgId, [uid], atMs);
    return this.#parts.log.find(orgId, uid, received.get(uid));
  }

  /** About when each of the uids was received, once everything that came before is durable. */
  async #received(
    orgId: string,
    wanted: readonly string[],
    atMs: number,
  ): Promise<ReadonlyMap<string, number | undefined>> {
    const { gather, uids } = this.#parts;
    // A measurement may be in a group that is still on its way.
    await gather(() => nothing, atMs);
    return new Map(wanted.map((uid) => [uid, uids.receivedAtMs(orgId, uid, atMs)]));
  }

  async #void(request: CorrectionRequest, stored: StoredMeasurement): Promise<CorrectionOutcome> {
    if (stored.isVoid) return done;
    const { orgId, uid, correctedBy, reason, receivedAtMs } = request;
    const entry = { orgId, uid, correctedBy, reason, hides: stored.position };
    const committed = await this.#parts.gather((group) => {
      group.correct(entry);
      return nothing;
    }, receivedAtMs);
    return committed.kind === "accepted" ? done : committed;
  }

  /** The time that it has was judged when it came, by whichever clock: only a later one is in the future. */
  async #amend(
    request: CorrectionRequest & Required<Pick<CorrectionRequest, "amendment">>,
    stored: StoredMeasurement,
  ): Promise<CorrectionOutcome> {
    const { orgId, uid, correctedBy, reason, receivedAtMs, amendment } = request;
    const read = readEnvelope(JSON.stringify(await this.#envelope(orgId, amendment, stored)));
    if (read.kind === "invalid") return withoutIndex(read);
    const [measurement] = read.measurements;
    if (measurement === undefined) throw new Error("an envelope of one measurement has one");
    const digest = digestOf(measurement);
    const amended = amendedAs(measurement);
    if (!stored.isVoid && stored.digest === digest) return { ...done, amended };
    const { general, gather, uids } = this.#parts;
    const { backfillId } = stored;
    const judgedAtMs = Math.max(receivedAtMs, Math.ceil(stored.tsMicros / 1000) - futureSkewMs);
    const origin = { orgId, receivedAtMs: judgedAtMs, backfillId };
    const batch = await general.resolve(origin, [measurement]);
    const verdicts: Verdict[] = [];
    const committed = await gather((group) => {
      const verdict = general.replace(batch, uid, group);
      if (verdict !== undefined) verdicts.push(verdict);
      if (!isRefusal(verdict)) {
        group.correct({ orgId, uid, correctedBy, reason, digest, hides: stored.position });
      }
      return nothing;
    }, receivedAtMs);
    if (committed.kind !== "accepted") return committed;
    const refused = verdicts.find(isRefusal);
    if (refused !== undefined) {
      return { kind: "invalid", errors: [{ field: refused.kind, message: refused.message }] };
    }
    uids.renew(namespaceOf({ orgId, backfillId }), uid, receivedAtMs);
    const { source } = measurement;
    const failures = verdicts.map((verdict) => ({ index: 0, ...verdict, measurement: source }));
    return { kind: "corrected", failures, amended };
  }

  /** The amendment as a body of one measurement without a uid: what it leaves open is as it was. */
  async #envelope(
    orgId: string,
    amendment: Readonly<Record<string, unknown>>,
    { meterId, accountId, tsMicros, etsMicros }: StoredMeasurement,
  ): Promise<unknown> {
    const { meter, account } = await this.#parts.directory.codes(orgId, { meterId, accountId });
    const ets = amendment["ts"] === undefined && etsMicros !== undefined ? textOf(etsMicros) : null;
    const stored = { meter, account, ts: textOf(tsMicros), ets };
    return { measurements: [{ ...stored, ...amendment, uid: null }] };
  }
}

const textOf = (micros: number): string =>
  Temporal.Instant.fromEpochNanoseconds(BigInt(micros) * 1000n).toString();

const amendedAs = ({
  account,
  meter,
  tsMicros,
  etsMicros,
  fields,
}: Measurement): AmendedMeasurement => ({
  account,
  meter,
  ts: textOf(tsMicros),
  ets: etsMicros === undefined ? undefined : textOf(etsMicros),
  fields,
});

/** The same for every way to write the same values. */
const digestOf = ({ meter, account, tsMicros, etsMicros, fields }: Measurement): string => {
  const values = properties.map((property) =>
    Object.entries(fields[property] ?? {}).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  const content = JSON.stringify([meter, account, tsMicros, etsMicros ?? null, values]);
  return createHash("sha256").update(content).digest("hex");
};

/** An amendment is no list: its errors name the field alone. */
const withoutIndex = ({ errors }: { errors: readonly { field: string; message: string }[] }) => ({
  kind: "invalid" as const,
  errors: errors.map(({ field, message }) => ({
    field: field.replace(/^measurements\[0\]\.?/, ""),
    message,
  })),
});
