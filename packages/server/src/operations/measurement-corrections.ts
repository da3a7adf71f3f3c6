import { Problem } from "@turnpike/contract/problem.ts";
import type { CorrectionOutcome } from "../ports/usage-store.ts";
import type { Handlers } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";

const failuresOf = (outcome: CorrectionOutcome) => {
  if (outcome.kind === "unknown") throw new Problem("NOT_FOUND");
  if (outcome.kind !== "corrected") throw refuseIngest(outcome);
  return outcome.failures.map(({ kind, message }) => ({ type: kind, message }));
};

export const voidMeasurement: Handlers["voidMeasurement"] = async (
  { orgId, principal, params: { uid = "" }, body: { reason } },
  { usage, now },
) => {
  const receivedAtMs = now().getTime();
  failuresOf(await usage.correct({ orgId, uid, reason, correctedBy: principal, receivedAtMs }));
  return { uid, result: "voided" };
};

export const amendMeasurement: Handlers["amendMeasurement"] = async (
  { orgId, principal, params: { uid = "" }, body: { reason, measurement: amendment } },
  { usage, now },
) => {
  const receivedAtMs = now().getTime();
  const request = { orgId, uid, amendment, reason, correctedBy: principal, receivedAtMs };
  const failures = failuresOf(await usage.correct(request));
  return { uid, result: "amended", ...(failures.length === 0 ? {} : { failures }) };
};
