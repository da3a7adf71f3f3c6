import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import { refundKey } from "@turnpike/engine/ledger/decide.ts";
import { conflict } from "@turnpike/engine/ledger/outcome.ts";
import { ownerOfPart } from "@turnpike/engine/ledger/part-name.ts";
import { versionOf } from "@turnpike/engine/ledger/price.ts";
import type { Command, RecordUsage, Refund } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { usesOf } from "@turnpike/engine/ledger/use.ts";
import { shortUid } from "./batch-usage.ts";
import { amendmentId, besideId, undoOf } from "./measurement-ids.ts";
import { refusalOf } from "../answers.ts";
import { fingerprintOf } from "../fingerprint.ts";
import type { Ledger } from "../ledger.ts";
import { recordOf } from "./recorded-usage.ts";
import { storedDecision, storedRow } from "../stored-authorizations.ts";
import type { RenamedUsage } from "./taken-uids.ts";
import { isMeteredInParts, partsOf, restatedId } from "./undone-usage.ts";
import { priceMeasured, type PricedUsage } from "../usage-request.ts";

/** What a measurement is once it is amended. */
export interface AmendedUsage extends MeasurementFields {
  readonly account: string;
  readonly meter: string;
  readonly ts: string;
}

interface Correction {
  readonly uid: string;
  /** Undefined where the measurement is void. */
  readonly amended: AmendedUsage | undefined;
  /** Whether an account with a wallet gets it by the amendment: that is charged for it, though nobody was before. */
  readonly isTaken: boolean;
}

/** Lets wallets follow what the usage store was told about measurements. */
export interface UsageCorrections {
  /**
   * What a client means by a uid: where the ledger has it, its own measurement. Undefined when that is decided and has
   * still not reached the usage store; refused (409) as long as it is a part of what is held.
   */
  readonly delivered: (orgId: string, uid: string) => Promise<RenamedUsage | undefined>;
  /**
   * Gives back what a measurement was charged and, where it was amended, charges what it is now. A repeat finds that
   * nothing is left to do; what was cut off between the two stores is caught up with by the repeat or by the close of
   * the period.
   */
  readonly follow: (orgId: string, correction: Correction) => Promise<void>;
}

const triesMax = 20;
const pauseMs = 100;

export const createUsageCorrections = (ledger: Ledger): UsageCorrections => ({
  delivered: async (orgId, uid) => {
    for (let tries = 1; tries <= triesMax; tries += 1) {
      const { isUnderWay, ...measurement } = await meant(ledger, orgId, shortUid(uid));
      if (!isUnderWay) {
        await refuseWhileHeld(ledger, orgId, measurement.uid);
        return measurement;
      }
      await delay(pauseMs);
    }
    return undefined;
  },
  follow: async (orgId, correction) => {
    for (let tries = 1; tries <= triesMax; tries += 1)
      if (await follow(ledger, orgId, correction)) return;
    throw new Error(`${correction.uid} is corrected too often at once`);
  },
});

/** One statement: where it is no longer under way, it is known what it is stored as. */
const meant = async (
  { pool }: Ledger,
  orgId: string,
  uid: string,
): Promise<RenamedUsage & { readonly isUnderWay: boolean }> => {
  const { rows } = await pool.query<{ uid: string; stored_as: string; is_under_way: boolean }>(
    `SELECT *, EXISTS (
         SELECT FROM usage_outbox CROSS JOIN json_array_elements(measurements::json) AS measurement
         WHERE org_id = $1 AND refusal IS NULL AND measurement->>'uid' = meant.uid
       ) OR EXISTS (SELECT FROM usage_void AS void WHERE org_id = $1 AND void.uid = meant.uid) AS is_under_way
     FROM (
       SELECT uid, stored_as FROM usage_name WHERE org_id = $1 AND (uid = $2 OR stored_as = $2)
       UNION ALL SELECT $2, $2
     ) AS meant
     ORDER BY stored_as = $2, uid = $2 LIMIT 1`,
    [orgId, uid],
  );
  const [row] = rows;
  return {
    uid: row?.uid ?? uid,
    storedAs: row?.stored_as ?? uid,
    isUnderWay: row?.is_under_way === true,
  };
};

/** Before the usage store hears of it: what the wallet cannot follow is not corrected at all. */
const refuseWhileHeld = async (ledger: Ledger, orgId: string, uid: string): Promise<void> => {
  const charged = await currentCharge(ledger, orgId, uid);
  if (charged?.row.state === "HELD")
    throw refusalOf(conflict(charged.row.id, "WRONG_STATE", charged.row.state));
};

/** What a measurement is charged by now: by its authorization, or by the last of its amendments. */
interface Charged {
  readonly row: Authorization;
  /** Of a part of a hold, the part alone; null for all of the authorization. */
  readonly amount: bigint | null;
  readonly quantities: Refund["quantities"];
  readonly undo: string;
  readonly isUndone: boolean;
  /** How often the measurement was amended. */
  readonly version: number;
}

/** True when nothing is left to do; false when another correction came between. */
const follow = async (
  ledger: Ledger,
  orgId: string,
  { uid, amended, isTaken }: Correction,
): Promise<boolean> => {
  const charged = await currentCharge(ledger, orgId, uid);
  if (charged === undefined)
    return amended === undefined || !isTaken ? true : chargeTaken(ledger, orgId, { uid, amended });
  const { terms } = charged.row;
  if (charged.version > 0 && terms.fingerprint === printOf(amended) && !charged.isUndone)
    return true;
  const now =
    amended === undefined
      ? undefined
      : await recordOfAmended(ledger, orgId, {
          id: amendmentId(uid, charged.version + 1),
          amended,
          before: charged.row,
        });
  // What it was paid from may be gone by now: an undo would forfeit that, and other money would be charged.
  if (now !== undefined && isChargedAs(charged, now)) return true;
  const record = now?.record;
  const outcomes = await ledger.decide({
    orgId,
    accounts: [...new Set([terms.spender.account, record?.account ?? terms.spender.account])],
    requests: [{ kind: "linked", commands: correcting(charged, record) }],
    usage: [],
  });
  const [undone] = outcomes;
  if (undone?.kind === "conflict" && undone.code === "WRONG_STATE") throw refusalOf(undone);
  return outcomes.every(({ kind }) => kind !== "conflict");
};

/** To be carried out together: what is charged anew without the undo would be charged twice. */
const correcting = (charged: Charged, record: RecordUsage | undefined): Command[] => {
  if (record === undefined) return [undoing(charged)];
  if (keepsMoney(charged, record)) return [restating(charged)];
  return [undoing(charged), record];
};

/** Whether all that a price, a budget or a refund goes by is as it was, and no refund has taken back any of the usage. */
const isChargedAs = (
  { row, quantities, isUndone }: Charged,
  { record, dividingTexts }: AmendedRecord,
): boolean => {
  const { terms } = row;
  const { price } = record;
  const position = price.kind === "rateable" ? price.position : null;
  const counted = [{ quantity: record.quantity, position }, ...price.further];
  const uses = usesOf(row);
  const isSaid = isMeteredInParts(row) || terms.fields === null;
  return (
    !isUndone &&
    record.insteadOf === row.id &&
    record.occurredAt === terms.occurredAt &&
    versionOf(price) === terms.priceVersion &&
    uses.length === counted.length &&
    uses.every(({ settled, refunded, position: at }, place) => {
      const quantity = quantities === null ? settled : quantities[place];
      const one = counted[place];
      return refunded === 0n && one?.quantity === quantity && one?.position === at;
    }) &&
    (isSaid || isDeepStrictEqual(terms.fields, dividingTexts))
  );
};

/** What no plan prices was charged at the caller's own price, which a correction does not know. */
const keepsMoney = (
  { row, amount, isUndone }: Charged,
  { price, insteadOf }: RecordUsage,
): boolean => {
  const standing = isUndone ? 0n : (amount ?? row.settled - row.refunded);
  const isOfCaller = row.terms.priceVersion === null && standing > 0n;
  return isOfCaller && price.kind === "unrateable" && insteadOf === row.id;
};

const undoing = ({ row, undo, amount, quantities }: Charged): Refund => ({
  kind: "refund",
  id: undo,
  fingerprint: fingerprintOf(["undo", undo]),
  of: row.id,
  amount,
  quantities,
  isMetered: false,
  undoes: "inProportion",
  fields: null,
});

/** Gives nothing back, but measurements by which refunds took back what the usage was: it counts as what it is now. */
const restating = (charged: Charged): Refund => {
  const id = restatedId(charged.row.id);
  return {
    ...undoing(charged),
    id,
    fingerprint: fingerprintOf(["restate", id]),
    amount: 0n,
    quantities: charged.quantities?.map(() => 0n) ?? null,
    undoes: "whole",
  };
};

const printOf = (amended: AmendedUsage | undefined): string => fingerprintOf(["amend", amended]);

/** The same of what nobody was charged for. */
const chargeTaken = async (
  ledger: Ledger,
  orgId: string,
  { uid, amended }: { readonly uid: string; readonly amended: AmendedUsage },
): Promise<boolean> => {
  const id = amendmentId(uid, 1);
  const { record } = await recordOfAmended(ledger, orgId, { id, amended, before: undefined });
  const outcomes = await ledger.decide({
    orgId,
    accounts: [record.account],
    requests: [record],
    usage: [],
  });
  return outcomes.every(({ kind }) => kind !== "conflict");
};

const currentCharge = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Charged | undefined> => {
  const amended = await lastAmendment(ledger, orgId, uid);
  const { row, version } = amended ?? { row: await firstCharge(ledger, orgId, uid), version: 0 };
  return row === undefined || isMeteredInParts(row)
    ? chargedPart(ledger, orgId, uid)
    : chargedBy(ledger, orgId, {
        row,
        undo: undoOf(row.id),
        amount: null,
        quantities: null,
        version,
      });
};

const firstCharge = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Authorization | undefined> =>
  (await chargedBeside(ledger, orgId, uid)) ?? findRow(ledger, orgId, uid);

/** The measurement that was charged beside a call of its uid. */
export const chargedBeside = (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Authorization | undefined> => findRow(ledger, orgId, besideId(uid));

/** What a measurement was last charged as, and how often it was amended; undefined when it never was. */
export const lastAmendment = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Pick<Charged, "row" | "version"> | undefined> => {
  let last: Pick<Charged, "row" | "version"> | undefined;
  for (let version = 1; ; version += 1) {
    const row = await findRow(ledger, orgId, amendmentId(uid, version));
    if (row === undefined) return last;
    last = { row, version };
  }
};

/** What a part of a hold settled, or its end, by the name that it was metered by. */
const chargedPart = async (
  ledger: Ledger,
  orgId: string,
  uid: string,
): Promise<Charged | undefined> => {
  const name = ownerOfPart(uid) === "" ? await shortenedPart(ledger, orgId, uid) : uid;
  const id = ownerOfPart(name);
  const row = id === "" ? undefined : await findRow(ledger, orgId, id);
  const parts = row === undefined ? [] : await partsOf(ledger.pool, orgId, row);
  const part = parts.find((each) => each.id === name);
  if (row === undefined || part === undefined) return undefined;
  const left = row.settled - row.refunded;
  const { quantities } = part;
  const amount = part.amount < left ? part.amount : left;
  return chargedBy(ledger, orgId, { row, undo: undoOf(name), amount, quantities, version: 0 });
};

/** The part whose own name is too long for the usage store, which has it by the uid; empty where there is none. */
const shortenedPart = async ({ pool }: Ledger, orgId: string, uid: string): Promise<string> => {
  const text = "SELECT part FROM usage_name WHERE org_id = $1 AND uid = $2";
  const { rows } = await pool.query<{ part: string | null }>(text, [orgId, uid]);
  return rows[0]?.part ?? "";
};

const chargedBy = async (
  ledger: Ledger,
  orgId: string,
  charged: Omit<Charged, "isUndone">,
): Promise<Charged> => {
  const isUndone =
    (await storedDecision(ledger.pool, orgId, refundKey(charged.undo))) !== undefined;
  return { ...charged, isUndone };
};

const findRow = async (
  { pool }: Ledger,
  orgId: string,
  id: string,
): Promise<Authorization | undefined> => {
  const row = await storedRow(pool, orgId, id);
  return row?.state === "DENIED" ? undefined : row;
};

interface AmendedRecord extends Pick<PricedUsage, "dividingTexts"> {
  readonly record: RecordUsage;
}

/**
 * The measurement as it is now, charged like any that nobody authorized, but by what its call said of who pays and what
 * counts it, as long as it is of the same account and meter.
 */
const recordOfAmended = async (
  ledger: Ledger,
  orgId: string,
  {
    id,
    amended,
    before,
  }: {
    readonly id: string;
    readonly amended: AmendedUsage;
    /** By what it was charged so far. */
    readonly before: Authorization | undefined;
  },
): Promise<AmendedRecord> => {
  const { account, meter } = amended;
  const priced = await priceMeasured(ledger, { orgId, at: Date.parse(amended.ts) }, amended);
  const was = before?.terms.spender;
  const same = account === was?.account && meter === was.meter ? was : undefined;
  const record = recordOf(priced, {
    id,
    fingerprint: printOf(amended),
    account,
    meter,
    feature: same?.feature ?? null,
    assets: same?.asset === priced.price.asset ? same.waterfall : [],
    isMetered: false,
    insteadOf: same === undefined ? null : (before?.id ?? null),
    fields: null,
  });
  return { record, dividingTexts: priced.dividingTexts };
};
