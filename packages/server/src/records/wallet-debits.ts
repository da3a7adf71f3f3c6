import { CompiledQuery, sql } from "kysely";
import type { PeriodPaid } from "@turnpike/engine/ledger/rows.ts";
import type { Reader } from "../ports/database.ts";

/** What wallets paid for the usage of one meter, in atoms of the asset of the price; debt counts as paid. */
export interface WalletDebit {
  /** The meter's code, or what else was paid for: `minimumSpendMeter`. */
  readonly meter: string;
  /** Null where it is no meter's. */
  readonly meterId: string | null;
  readonly asset: string;
  /** Digits after the point of one atom. */
  readonly scale: number;
  readonly amount: bigint;
  /** What nobody paid. */
  readonly shortfall: bigint;
}

export interface DebitQuestion {
  readonly orgId: string;
  /** The codes of the accounts whose usage stands on the bill together. */
  readonly accounts: readonly string[];
  readonly period: { readonly start: Temporal.Instant; readonly end: Temporal.Instant };
}

/** What stands for a meter where an account plan's minimum spend is paid; no code of a meter begins with a space. */
export const minimumSpendMeter = (accountPlanId: string): string =>
  ` minimum-spend/${accountPlanId}`;

/**
 * The wallet debits of a period by meter, net of refunds: an authorization belongs to the period in which its usage
 * occurred, whenever it was settled (authorization semantics f.10.4).
 */
export const walletDebits = async (
  reader: Reader,
  { orgId, accounts, period }: DebitQuestion,
): Promise<WalletDebit[]> => {
  const { rows } = await sql<
    Omit<WalletDebit, "amount" | "shortfall"> & Record<"amount" | "shortfall", string>
  >`
    SELECT paid.meter, meter.id AS "meterId", paid.asset, (asset.document->>'scale')::integer AS scale,
      sum(paid.debited) AS amount, sum(paid.shortfall) AS shortfall
    FROM usage_payment AS paid
    LEFT JOIN record AS meter ON meter.org_id = ${orgId} AND meter.kind = 'meter' AND meter.code = paid.meter
    JOIN record AS asset ON asset.org_id = ${orgId} AND asset.kind = 'asset' AND asset.code = paid.asset
    WHERE paid.org_id = ${orgId} AND paid.account = ANY(${accounts}::text[]) AND paid.meter IS NOT NULL
      AND occurred_at >= ${period.start.epochMilliseconds} AND occurred_at < ${period.end.epochMilliseconds}
    GROUP BY 1, 2, 3, 4 HAVING sum(paid.debited) > 0 OR sum(paid.shortfall) > 0 ORDER BY 1, 3
  `.execute(reader);
  return rows.map(({ amount, shortfall, ...row }) => ({
    ...row,
    amount: BigInt(amount),
    shortfall: BigInt(shortfall),
  }));
};

/** Whose payments for which meters and period are added up, in epoch milliseconds. */
export interface PaymentQuestion {
  readonly orgId: string;
  readonly accounts: readonly string[];
  readonly meters: readonly string[];
  readonly asset: string;
  readonly period: { readonly start: number; readonly end: number };
  /** Whether what a caller priced is left out. */
  readonly onlyForPlan: boolean;
}

/** What a period's usage of meters was settled at: a statement, because the ledger asks under its locks. */
export const periodPaidStatement = (
  asked: PaymentQuestion,
): {
  readonly text: string;
  readonly values: readonly (string | number | readonly string[])[];
} => ({
  text: `SELECT coalesce(sum(debited), 0) AS debited, coalesce(sum(shortfall), 0) AS shortfall
         FROM usage_payment WHERE org_id = $1 AND account = ANY($2)
           AND occurred_at >= $3 AND occurred_at < $4 AND meter = ANY($5) AND asset = $6
           AND (NOT $7::boolean OR is_for_plan)`,
  values: [
    asked.orgId,
    asked.accounts,
    asked.period.start,
    asked.period.end,
    asked.meters,
    asked.asset,
    String(asked.onlyForPlan),
  ],
});

export interface PeriodPaidColumns {
  readonly debited: string;
  readonly shortfall: string;
}

export const periodPaidFrom = (rows: readonly PeriodPaidColumns[]): PeriodPaid => ({
  debited: BigInt(rows[0]?.debited ?? 0),
  shortfall: BigInt(rows[0]?.shortfall ?? 0),
});

export const periodPaid = async (reader: Reader, asked: PaymentQuestion): Promise<PeriodPaid> => {
  const { text, values } = periodPaidStatement(asked);
  const query = CompiledQuery.raw(text, [...values]);
  return periodPaidFrom((await reader.executeQuery<PeriodPaidColumns>(query)).rows);
};

/** Time of an account that is asked for. */
export interface AccountTime {
  /** Its code. */
  readonly account: string;
  readonly period: DebitQuestion["period"];
}

/** What an account paid for one meter in one asset. */
export interface PaidSubject extends Pick<WalletDebit, "meter" | "meterId" | "asset"> {
  readonly asked: AccountTime;
  /** From its first payment in the time asked for until behind its last. */
  readonly period: DebitQuestion["period"];
  /** Whether something of it was charged for a plan, and is not what a caller priced. */
  readonly isForPlan: boolean;
}

const instantAt = (ms: number): Temporal.Instant => Temporal.Instant.fromEpochMilliseconds(ms);

/** Everything that accounts paid for in their times, as far as it was not given back; one query, whatever is asked. */
export const paidSubjects = async (
  reader: Reader,
  orgId: string,
  questions: readonly AccountTime[],
): Promise<PaidSubject[]> => {
  const { rows } = await sql<
    Omit<PaidSubject, "asked" | "period"> & { place: string; first: string; last: string }
  >`
    SELECT asked.place, paid.meter, meter.id AS "meterId", paid.asset, bool_or(is_for_plan) AS "isForPlan",
      min(occurred_at) AS first, max(occurred_at) AS last
    FROM unnest(
      ${questions.map(({ account }) => account)}::text[],
      ${questions.map(({ period }) => period.start.epochMilliseconds)}::bigint[],
      ${questions.map(({ period }) => period.end.epochMilliseconds)}::bigint[]
    ) WITH ORDINALITY AS asked (account, starts_at, ends_at, place)
    JOIN usage_payment AS paid ON paid.org_id = ${orgId} AND paid.account = asked.account
      AND occurred_at >= starts_at AND occurred_at < ends_at
    LEFT JOIN record AS meter ON meter.org_id = ${orgId} AND meter.kind = 'meter' AND meter.code = paid.meter
    WHERE paid.meter IS NOT NULL AND debited + shortfall > 0
    GROUP BY 1, 2, 3, 4
  `.execute(reader);
  return rows.flatMap(({ place, first, last, ...subject }) => {
    const asked = questions[Number(place) - 1];
    const period = { start: instantAt(Number(first)), end: instantAt(Number(last) + 1) };
    return asked === undefined ? [] : [{ ...subject, asked, period }];
  });
};

/** The codes of the accounts whose plans priced calls of some accounts: their own, or that of a parent that they had then. */
export const planOwners = async (
  reader: Reader,
  { orgId, accounts, period }: DebitQuestion,
): Promise<string[]> => {
  const { rows } = await sql<{ owner: string }>`
    SELECT DISTINCT plan_owner AS owner FROM usage_payment
    WHERE org_id = ${orgId} AND account = ANY(${accounts}::text[]) AND plan_owner IS NOT NULL
      AND occurred_at >= ${period.start.epochMilliseconds} AND occurred_at < ${period.end.epochMilliseconds}
  `.execute(reader);
  return rows.map(({ owner }) => owner);
};
