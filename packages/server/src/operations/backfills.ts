import { Problem, fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { backfill, type BackfillStatus } from "@turnpike/contract/usage/backfill.ts";
import { countFailures, readFailures } from "../metering/backfill-failures.ts";
import type { Reader } from "../ports/database.ts";
import type {
  BackfillOutcome,
  BackfillState,
  BackfillStep,
  ReplacedUsage,
} from "../ports/usage-backfills.ts";
import { typed } from "../records/lookup.ts";
import { findRecord } from "../records/records.ts";
import type { Handlers, World } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";
import { ingestRequestOf, refusedAlone, replyToIngest } from "./ingest-requests.ts";

const statusOf = {
  hidden: "HIDDEN",
  revealed: "REVEALED",
  reverted: "REVERTED",
  discarded: "DISCARDED",
} as const satisfies Record<BackfillState, BackfillStatus>;

const stateAfter = {
  reveal: "revealed",
  revert: "reverted",
  discard: "discarded",
} as const satisfies Record<BackfillStep, BackfillState>;

interface Place {
  readonly orgId: string;
  readonly params: Readonly<Record<string, string>>;
}

type StoredBackfill = Stored<typeof backfill> & { readonly status: BackfillStatus };

/** The status is what was recorded last: the usage store alone knows for certain. */
const read = async (
  reader: Reader,
  { orgId, params: { id = "" } }: Place,
): Promise<StoredBackfill> => {
  const row = await findRecord(reader, { orgId, kind: backfill.kind, id });
  if (row === undefined) throw new Problem("NOT_FOUND");
  return { status: "HIDDEN", ...typed(backfill, row) };
};

const wrongState = (state: BackfillStatus): Problem =>
  new Problem("WRONG_STATE", [{ field: "status", message: `is ${state}` }]);

const replacedBy = ({ replaces }: StoredBackfill): ReplacedUsage | undefined => {
  if (replaces === undefined) return undefined;
  const { meterIds, accountIds, startDate, endDate } = replaces;
  const window = {
    start: Temporal.Instant.from(startDate),
    end: Temporal.Instant.from(endDate),
  };
  return { meterIds, accountIds, window };
};

const refuse = (outcome: Exclude<BackfillOutcome, { kind: "done" }>): Problem => {
  switch (outcome.kind) {
    case "wrong-state":
      return wrongState(statusOf[outcome.state]);
    case "counted-twice": {
      const message = `leaves the measurement ${outcome.uid}, which would count twice`;
      return fieldProblem("RULE_VIOLATED", "replaces", message);
    }
    case "storage-full":
    case "unavailable":
      return refuseIngest(outcome);
  }
};

/** The usage store first, then the record: a repeat of the request does what a crash left undone. */
const taking =
  (step: BackfillStep) =>
  async (
    request: Place & { readonly principal: string },
    { usage, catalog, database, now }: World,
  ) => {
    const { orgId, principal } = request;
    const stored = await read(database, request);
    const outcome = await usage.stepBackfill({
      orgId,
      backfillId: stored.id,
      step,
      replaces: replacedBy(stored),
      requestedBy: principal,
      receivedAtMs: now().getTime(),
    });
    if (outcome.kind !== "done") throw refuse(outcome);
    const status = statusOf[stateAfter[step]];
    await catalog.change({ orgId, principal }, async (writer) => {
      const current = await read(writer.transaction, request);
      // Of two steps at once the later one is kept, whichever comes here last.
      if (current.status === status || current.status === "REVERTED") return;
      await writer.amend(backfill, { id: stored.id, fields: { status } });
    });
    return { id: stored.id, status };
  };

export const revealBackfill: Handlers["revealBackfill"] = taking("reveal");
export const revertBackfill: Handlers["revertBackfill"] = taking("revert");
export const discardBackfill: Handlers["discardBackfill"] = taking("discard");

export const getBackfill: Handlers["getBackfill"] = async (request, { usage, database }) => {
  const { orgId } = request;
  const stored = await read(database, request);
  const key = { orgId, backfillId: stored.id };
  const { state, meters } = await usage.backfill(key);
  const failedRows = await readFailures(database, key);
  return { ...stored, status: statusOf[state], failedRows, meters };
};

/** Nobody is charged for what is hidden: wallets are put right by the true-up of the period. */
export const submitBackfillMeasurements: Handlers["submitBackfillMeasurements"] = async (
  request,
  world: World,
) => {
  const { orgId } = request;
  const { id: backfillId, status } = await read(world.database, request);
  if (status !== "HIDDEN") throw wrongState(status);
  const at = world.now();
  const ingested = await world.usage.ingest({ ...ingestRequestOf(request, at), backfillId });
  const outcome = refusedAlone(ingested);
  if (outcome.kind === "accepted") {
    const rows = outcome.failures;
    await world.failures.note({ orgId, at, rows });
    const count = rows.filter(({ kind }) => kind !== "DuplicateUid").length;
    if (count > 0) await countFailures(world.database, { orgId, backfillId }, count);
  }
  return replyToIngest(outcome);
};
