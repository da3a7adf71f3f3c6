import type {
  AccountResolution,
  CustomFieldOwners,
  DirectoryChange,
  FoundRow,
  MeterSchema,
  OwnedCustomFields,
  PrintedLookup,
  UsageDirectory,
} from "../../ports/usage-directory.ts";
import type { BackfillStepQuestion } from "../../ingest/backfills.ts";
import type {
  BackfillContents,
  BackfillKey,
  BackfillOutcome,
} from "../../ports/usage-backfills.ts";
import type { Lesson } from "../../ingest/read-ahead.ts";
import type { BreakdownQuestion } from "./breakdown.ts";
import type { PackedRows } from "./packed-rows.ts";
import type { AggregateQuestion, JointQuestion } from "./quantities.ts";
import type { UsageAnswer, UsageQuestion } from "./usage-query.ts";
import type {
  CorrectionOutcome,
  CorrectionRequest,
  CustomSqlChecker,
  IngestedRequest,
  IngestOutcome,
  IngestRequest,
  JointQuantity,
  Quantity,
  ScanPage,
} from "../../ports/usage-store.ts";
import type { StoredContent } from "../../ports/usage-log.ts";
import type { BreakdownAnswer } from "../../ports/usage-breakdown.ts";
import type { UsageMark } from "../../ports/usage-changes.ts";
import type { ChangedQuestion } from "./changes.ts";
import type { UsageMemory } from "./memory.ts";
import type { ScanQuestion } from "./scan.ts";
import type { UsageLogOptions } from "./usage-log.ts";

/** What the usage thread is started with. */
export interface UsageWorkerStart extends UsageLogOptions {
  readonly startedAtMs: number;
}

/** The first message of the thread; after `open` both protocols run on the same port. */
export type StartReport =
  | {
      readonly kind: "open";
      /** Keys the hashes of uids. */
      readonly secret: Uint8Array;
    }
  | { readonly kind: "in-use" }
  | { readonly kind: "failed"; readonly error: unknown };

/** A body, and its rows where they were read ahead. */
export interface IngestCall extends IngestRequest {
  readonly ahead?: PackedRows | undefined;
}

/** What the main thread asks of the usage thread. Instants are epoch microseconds. */
export type UsageCalls = {
  ingest: { argument: IngestCall; result: IngestOutcome };
  correct: { argument: CorrectionRequest; result: CorrectionOutcome };
  ingested: { argument: IngestedRequest; result: ReadonlyMap<string, StoredContent> };
  stepBackfill: { argument: BackfillStepQuestion; result: BackfillOutcome };
  backfill: { argument: BackfillKey; result: BackfillContents };
  aggregate: { argument: AggregateQuestion; result: readonly Quantity[] };
  aggregateJointly: { argument: JointQuestion; result: readonly JointQuantity[] };
  breakDown: { argument: BreakdownQuestion; result: BreakdownAnswer };
  mark: { argument: void; result: UsageMark };
  changed: { argument: ChangedQuestion; result: readonly number[] };
  query: { argument: UsageQuestion; result: UsageAnswer };
  scan: { argument: ScanQuestion; result: ScanPage };
  faultOfSql: {
    argument: Parameters<CustomSqlChecker["faultOfSql"]>[0];
    result: string | undefined;
  };
  memory: { argument: void; result: UsageMemory };
  directoryChanged: { argument: DirectoryChange; result: void };
  close: { argument: void; result: void };
};

interface Codes {
  readonly orgId: string;
  readonly codes: readonly string[];
}

/** What the usage thread asks of the main thread, and what it tells. */
export type DirectoryCalls = {
  meters: { argument: Codes; result: ReadonlyMap<string, MeterSchema> };
  accounts: { argument: Codes; result: ReadonlyMap<string, AccountResolution> };
  codes: {
    argument: { readonly orgId: string; readonly ids: Parameters<UsageDirectory["codes"]>[1] };
    result: Awaited<ReturnType<UsageDirectory["codes"]>>;
  };
  customFields: {
    argument: { readonly orgId: string; readonly of: CustomFieldOwners };
    result: OwnedCustomFields;
  };
  lookups: {
    argument: { readonly orgId: string; readonly lookups: readonly PrintedLookup[] };
    result: readonly FoundRow[];
  };
  /** What bodies can be read ahead by. */
  learned: { argument: Lesson; result: void };
  /** The file was damaged and is made again from the journal; it is kept at the path. */
  damaged: { argument: string; result: void };
};
