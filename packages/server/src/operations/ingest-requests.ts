import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { IngestOutcome, IngestRequest } from "../ports/usage-store.ts";
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

interface RawBody {
  readonly body: Uint8Array;
  readonly contentType: string | undefined;
  readonly contentEncoding: string | undefined;
}

/** A body of measurements as a client sent it; UNSUPPORTED_MEDIA_TYPE when its headers name no way to read it. */
export const ingestRequestOf = (
  { orgId, raw }: { readonly orgId: string; readonly raw: RawBody },
  at: Date,
): IngestRequest => ({
  orgId,
  body: raw.body,
  format: formatOf(raw.contentType),
  encoding: encodingOf(raw.contentEncoding),
  receivedAtMs: at.getTime(),
});

/** A request of one measurement from the future is refused as a whole (m3ter semantics 3.2, [R]). */
export const refusedAlone = (outcome: IngestOutcome): IngestOutcome => {
  if (outcome.kind !== "accepted" || outcome.stored > 0) return outcome;
  const [only, ...others] = outcome.failures;
  return only?.kind === "TimestampInFuture" && others.length === 0
    ? { kind: "invalid", errors: [{ field: "measurements[0].ts", message: only.message }] }
    : outcome;
};

/** m3ter answers `accepted`; what was not stored is named beside it, so that nobody has to wait to see it. */
export const replyToIngest = (outcome: IngestOutcome) => {
  if (outcome.kind !== "accepted") throw refuseIngest(outcome);
  const failures = outcome.failures.map(({ index, kind, message }) => ({
    index,
    type: kind,
    message,
  }));
  return { result: "accepted", ...(failures.length === 0 ? {} : { failures }) };
};
