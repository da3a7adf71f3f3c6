import { randomUUID } from "node:crypto";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { RecordUsage } from "@turnpike/engine/ledger/request.ts";
import { fieldProblem, ofPart, Problem } from "@turnpike/contract/problem.ts";
import { checkValue } from "../../records/json.ts";
import {
  payingFrom,
  type PayingColumns,
  withWalletStatement,
} from "../../records/paying-accounts.ts";
import { createCache } from "../cache.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { Ledger } from "../ledger.ts";
import { steadyMs } from "../steady-clock.ts";
import { besideId, markIn, partMarkIn } from "./measurement-ids.ts";
import type { MeasuredUsage } from "./measurements.ts";
import { recordOf } from "./recorded-usage.ts";
import { unmeteredIds } from "./undone-usage.ts";
import { occurredAt, priceMeasured } from "../usage-request.ts";

/** A measurement that was sent to metering without being authorized. */
export interface PlainMeasurement extends MeasurementFields {
  readonly uid?: string | undefined;
  readonly account: string;
  readonly meter: string;
  readonly ts?: string | undefined;
}

/** With where it stands in its request. */
export interface ChargedMeasurement {
  readonly index: number;
  readonly measurement: PlainMeasurement;
}

/** How the measurements of accounts with a wallet are charged after the fact (f.10.6). */
export interface PlainUsage {
  /** Whether any account of the organization has a wallet: otherwise nobody has to look into bodies. */
  readonly hasWallets: (orgId: string) => Promise<boolean>;
  readonly withWallet: (orgId: string, accounts: readonly string[]) => Promise<ReadonlySet<string>>;
  /** What they are to be charged; VALIDATION_FAILED, by their places, for what can be none. */
  readonly price: (
    orgId: string,
    measurements: readonly ChargedMeasurement[],
  ) => Promise<readonly Recorded[]>;
  /** The indexes of those whose uid was charged before. What is charged is durable, and metered by the relay. */
  readonly charge: (orgId: string, records: readonly Recorded[]) => Promise<ReadonlySet<number>>;
}

/** For so long the first wallet of an organization may go unnoticed. */
const rememberedMs = 1_000;

export const createPlainUsage = (ledger: Ledger): PlainUsage => {
  const { pool } = ledger;
  const organizations = createCache<boolean>({
    now: steadyMs,
    rememberedMs: () => rememberedMs,
    max: 10_000,
  });
  return {
    hasWallets: (orgId) =>
      organizations.get(orgId, orgId, async () => {
        const text =
          "SELECT EXISTS (SELECT FROM ledger_account WHERE org_id = $1 AND has_wallet) AS found";
        const { rows } = await pool.query<{ found: boolean }>(text, [orgId]);
        return rows[0]?.found === true;
      }),
    withWallet: async (orgId, accounts) => {
      const asked = { ...withWalletStatement, values: [orgId, accounts] };
      return payingFrom((await pool.query<PayingColumns>(asked)).rows);
    },
    price: (orgId, measurements) => priceAll(ledger, orgId, measurements),
    charge: (orgId, records) => charge(ledger, orgId, records),
  };
};

/** All at once, so that what their accounts buy is read together; of several that are wrong the first is said. */
const priceAll = async (
  ledger: Ledger,
  orgId: string,
  measurements: readonly ChargedMeasurement[],
): Promise<Recorded[]> => {
  const priced = await Promise.allSettled(
    measurements.map(({ measurement }) => toRecord(ledger, orgId, measurement)),
  );
  return measurements.map(({ index }, nth) => {
    const one = priced[nth];
    if (one?.status === "fulfilled") return { index, ...one.value };
    throw atIndex(one?.reason, index);
  });
};

const charge = async (
  ledger: Ledger,
  orgId: string,
  records: readonly Recorded[],
): Promise<ReadonlySet<number>> => {
  const known = await knownOf(ledger, orgId, records);
  const ids = known.filter(({ isReplayed }) => !isReplayed).map(({ command }) => command.id);
  const unmetered = await unmeteredIds(ledger.pool, orgId, ids);
  const isUsage = ({ command }: Recorded): boolean => !unmetered.has(command.id);
  const others = known.filter((one) => !isUsage(one)).map(beside);
  const duplicates = [...known.filter(isUsage), ...(await knownOf(ledger, orgId, others))];
  return new Set(duplicates.map(({ index }) => index));
};

/** A measurement as the ledger is told of it. */
interface Recorded {
  readonly index: number;
  readonly command: RecordUsage;
  readonly measured: MeasuredUsage;
}

/** Its id stands for something already: for the same when it is replayed, else for something else. */
interface Known extends Recorded {
  readonly isReplayed: boolean;
}

/** Charges measurements; returns those that were not, because their ids are known. */
const knownOf = async (
  ledger: Ledger,
  orgId: string,
  records: readonly Recorded[],
): Promise<Known[]> => {
  if (records.length === 0) return [];
  const requests = records.map(({ command }) => command);
  const accounts = [...new Set(requests.map(({ account }) => account))];
  const usage = records.map(({ command, measured }) => new Map([[command.id, measured]]));
  const outcomes = await ledger.decide({ orgId, accounts, requests, usage });
  const known: Known[] = [];
  for (const [nth, record] of records.entries()) {
    const outcome = outcomes[nth];
    const isReplayed = outcome?.kind === "authorized" && outcome.isReplayed;
    if (isReplayed || (outcome?.kind === "conflict" && outcome.code === "ID_REUSED"))
      known.push({ ...record, isReplayed });
    else if (outcome?.kind !== "authorized")
      throw new Error("what happened is charged, unless its id is known");
  }
  return known;
};

/** An authorization has its uid and never was usage: what happened all the same is charged beside that (f.10.6). */
const beside = ({ index, command, measured }: Recorded): Recorded => ({
  index,
  command: { ...command, id: besideId(command.id) },
  measured,
});

/** What is wrong with one measurement, said of its place in the request. */
const atIndex = (error: unknown, index: number): unknown => {
  if (!(error instanceof Problem)) return error;
  const fields = ofPart(`measurements[${index}]`, error.fields);
  return new Problem("VALIDATION_FAILED", fields, { cause: error });
};

const toRecord = async (
  ledger: Ledger,
  orgId: string,
  measurement: PlainMeasurement,
): Promise<{ readonly command: RecordUsage; readonly measured: MeasuredUsage }> => {
  const { uid = "", account, meter } = measurement;
  // It goes through PostgreSQL, which reads it as JSON as long as it is under way.
  checkValue(measurement);
  const mark = markIn(uid) ?? partMarkIn(uid);
  if (mark !== undefined)
    throw fieldProblem("VALIDATION_FAILED", "uid", `must not contain ${mark}`);
  const at = occurredAt(measurement, ledger.now());
  const priced = await priceMeasured(ledger, { orgId, at }, measurement);
  const command = recordOf(priced, {
    id: uid === "" ? randomUUID() : uid,
    fingerprint: fingerprintOf(["record", measurement]),
    account,
    meter,
    feature: null,
    assets: [],
    isMetered: true,
    insteadOf: null,
    fields: priced.dividingTexts,
  });
  return { command, measured: priced.measured };
};
