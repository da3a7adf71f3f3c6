import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { AmendedUsage } from "../authorization/usage/usage-corrections.ts";
import type {
  AmendedMeasurement,
  CorrectionOutcome,
  CorrectionRequest,
} from "../ports/usage-store.ts";
import type { Handlers, World } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";

const correctedBy = (outcome: CorrectionOutcome) => {
  if (outcome.kind === "unknown") throw new Problem("NOT_FOUND");
  if (outcome.kind !== "corrected") throw refuseIngest(outcome);
  return outcome;
};

/** As the usage store has read it, which knows what an amendment leaves as it was. */
const asCharged = ({ fields, ...envelope }: AmendedMeasurement): AmendedUsage => ({
  ...z.custom<MeasurementFields>().parse(fields),
  ...envelope,
});

/** The usage store first, then the wallet that paid: a repeat of the request does what a crash left undone. */
const correct = async (world: World, request: CorrectionRequest) => {
  const { usage, usageCorrections } = world;
  const { orgId } = request;
  const delivered = await usageCorrections.delivered(orgId, request.uid);
  if (delivered === undefined) throw new Problem("OVERLOADED");
  const { uid, storedAs } = delivered;
  const isTaken = await isTakenOver(world, { ...request, uid: storedAs });
  const outcome = await usage.correct({ ...request, uid: storedAs });
  const { failures, amended } = correctedBy(outcome);
  await usageCorrections.follow(orgId, { uid, amended: amended && asCharged(amended), isTaken });
  return failures.map(({ kind, message }) => ({ type: kind, message }));
};

/** Whether an account with a wallet is to have it that did not have it before. */
const isTakenOver = async (
  { usage, ledger, plainUsage }: World,
  { orgId, uid, amendment, receivedAtMs }: CorrectionRequest,
): Promise<boolean> => {
  const account = amendment?.["account"];
  if (typeof account !== "string") return false;
  if (!(await plainUsage.withWallet(orgId, [account])).has(account)) return false;
  const found = await usage.ingested({ orgId, uids: [uid], askedAtMs: receivedAtMs });
  const stored = found.get(uid);
  const accountId = (await ledger.customers.idsOf(orgId, [account])).get(account);
  return stored !== undefined && accountId !== stored.accountId;
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
