import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { IngestOutcome, IngestRequest } from "../ports/usage-store.ts";
import { chargedIngest } from "./charged-ingest.ts";
import type { Handlers } from "./handler.ts";
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

export const submitMeasurements: Handlers["submitMeasurements"] = async ({ orgId, raw }, world) => {
  const at = world.now();
  const outcome = await chargedIngest(world, {
    orgId,
    body: raw.body,
    format: formatOf(raw.contentType),
    encoding: encodingOf(raw.contentEncoding),
    receivedAtMs: at.getTime(),
  });
  if (outcome.kind === "accepted") await world.failures.note({ orgId, at, rows: outcome.failures });
  return replyTo(outcome);
};
