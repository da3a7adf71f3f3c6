import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Amendment, UncorrectedUsage } from "../authorization/usage/usage-corrections.ts";
import type { CorrectionOutcome, CorrectionRequest } from "../ports/usage-store.ts";
import { findRecord } from "../records/records.ts";
import type { Handlers, World } from "./handler.ts";
import { refuseIngest } from "./ingest-refusals.ts";

const failuresOf = (outcome: CorrectionOutcome) => {
  if (outcome.kind === "unknown") throw new Problem("NOT_FOUND");
  if (outcome.kind !== "corrected") throw refuseIngest(outcome);
  return outcome.failures.map(({ kind, message }) => ({ type: kind, message }));
};

/** The usage store first, then the wallet that paid: a repeat of the request does what a crash left undone. */
const correct = async (
  world: World,
  request: CorrectionRequest,
): Promise<ReturnType<typeof failuresOf>> => {
  const { usage, usageCorrections } = world;
  const { orgId, amendment } = request;
  const delivered = await usageCorrections.delivered(orgId, request.uid);
  if (delivered === undefined) throw new Problem("OVERLOADED");
  const { uid, storedAs } = delivered;
  const taken = await takenOver(world, { ...request, uid: storedAs });
  const failures = failuresOf(await usage.correct({ ...request, uid: storedAs }));
  // Whoever was corrected is stored: the usage store has checked the amendment.
  const amended = amendment && z.custom<Amendment>().parse(amendment);
  await usageCorrections.follow(orgId, { uid, amendment: amended, taken });
  return failures;
};

/** What a measurement is so far that an account with a wallet is to have; undefined where that has it already. */
const takenOver = async (
  { usage, database, ledger, plainUsage }: World,
  { orgId, uid, amendment, receivedAtMs }: CorrectionRequest,
): Promise<UncorrectedUsage | undefined> => {
  const account = amendment?.["account"];
  if (typeof account !== "string") return undefined;
  if (!(await plainUsage.withWallet(orgId, [account])).has(account)) return undefined;
  const stored = await usage.ingested({ orgId, uid, askedAtMs: receivedAtMs });
  const accountId = (await ledger.customers.idsOf(orgId, [account])).get(account);
  if (stored === undefined || accountId === stored.accountId) return undefined;
  const meter = await findRecord(database, { orgId, kind: "meter", id: stored.meterId });
  return { account, meter: meter?.code ?? "", ts: stored.ts.toString() };
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
