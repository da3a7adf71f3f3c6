import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Amendment } from "../authorization/usage-corrections.ts";
import type { CorrectionOutcome, CorrectionRequest } from "../ports/usage-store.ts";
import type { Handlers, World } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";

const failuresOf = (outcome: CorrectionOutcome) => {
  if (outcome.kind === "unknown") throw new Problem("NOT_FOUND");
  if (outcome.kind !== "corrected") throw refuseIngest(outcome);
  return outcome.failures.map(({ kind, message }) => ({ type: kind, message }));
};

/** The usage store first, then the wallet that paid: a repeat of the request does what a crash left undone. */
const correct = async (
  { usage, usageCorrections }: World,
  request: CorrectionRequest,
): Promise<ReturnType<typeof failuresOf>> => {
  const { orgId, amendment } = request;
  const delivered = await usageCorrections.delivered(orgId, request.uid);
  if (delivered === undefined) throw new Problem("OVERLOADED");
  const { uid, storedAs } = delivered;
  const failures = failuresOf(await usage.correct({ ...request, uid: storedAs }));
  // Whoever was corrected is stored: the usage store has checked the amendment.
  const amended = amendment && z.custom<Amendment>().parse(amendment);
  await usageCorrections.follow(orgId, { uid, amendment: amended });
  return failures;
};

export const voidMeasurement: Handlers["voidMeasurement"] = async (
  { orgId, principal, params: { uid = "" }, body: { reason } },
  world,
) => {
  const receivedAtMs = world.now().getTime();
  await correct(world, { orgId, uid, reason, correctedBy: principal, receivedAtMs });
  return { uid, result: "voided" };
};

export const amendMeasurement: Handlers["amendMeasurement"] = async (
  { orgId, principal, params: { uid = "" }, body: { reason, measurement: amendment } },
  world,
) => {
  const receivedAtMs = world.now().getTime();
  const request = { orgId, uid, amendment, reason, correctedBy: principal, receivedAtMs };
  const failures = await correct(world, request);
  return { uid, result: "amended", ...(failures.length === 0 ? {} : { failures }) };
};
