import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { zoneOf } from "../records/billing-schedule.ts";
import { planAggregations } from "./aggregation-definitions.ts";
import { type Attachment, attachmentsByAccount } from "./attachments.ts";
import { planTerms, type PricedSnapshot } from "./plan-terms.ts";
import type { AccountRecord, ChargeRecord, Snapshot } from "./snapshot.ts";

/** A snapshot made ready for many bills: what they share is worked out once. */
export interface BillingBook extends PricedSnapshot {
  /** By account. */
  readonly attachments: ReadonlyMap<string, readonly Attachment[]>;
  readonly chargesByAccount: ReadonlyMap<string, readonly ChargeRecord[]>;
  /** Currencies that hold units of usage: see `grantCurrencies`. */
  readonly grantCurrencies: ReadonlySet<string>;
}

const openBook = (snapshot: Snapshot): BillingBook => {
  const terms = [...snapshot.plans.values()].map((one) => planTerms(snapshot, one));
  const book = {
    ...snapshot,
    zone: zoneOf(snapshot.config),
    planTerms: new Map(terms.map((one) => [one.id, one])),
    planAggregations: new Map(terms.map((one) => [one.id, planAggregations(snapshot, one)])),
  };
  return {
    ...book,
    attachments: attachmentsByAccount(book),
    chargesByAccount: Map.groupBy(snapshot.charges, ({ accountId }) => accountId),
    grantCurrencies: grantCurrencies(snapshot),
  };
};

/** A run may set its own zone and epochs (m3ter semantics 18.7). */
const withOverrides = (snapshot: Snapshot, request: BillJobRequest): Snapshot => {
  const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = request;
  const { config } = snapshot;
  return {
    ...snapshot,
    config: {
      ...config,
      timezone: timezone ?? config.timezone,
      yearEpoch: yearEpoch ?? config.yearEpoch,
      monthEpoch: monthEpoch ?? config.monthEpoch,
      weekEpoch: weekEpoch ?? config.weekEpoch,
      dayEpoch: dayEpoch ?? config.dayEpoch,
    },
  };
};

/** The snapshot's book as a request wants it, opened once for all that want the same. */
export const bookShelf = (snapshot: Snapshot): ((request: BillJobRequest) => BillingBook) => {
  const books = new Map<string, BillingBook>();
  return (request) => {
    const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = request;
    const key = JSON.stringify([timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch]);
    const book = books.get(key) ?? openBook(withOverrides(snapshot, request));
    books.set(key, book);
    return book;
  };
};

/**
 * A balance in the unit of an aggregation is an allowance of units ([R], m3ter semantics 16.4), unless something
 * is priced or billed in that currency: then it is money.
 */
const grantCurrencies = (snapshot: Snapshot): ReadonlySet<string> => {
  const { aggregations, compounds, planTemplates, planGroups, accounts, config } = snapshot;
  const units = [...aggregations.values(), ...compounds.values()].map(({ unit }) => unit);
  const money = new Set([
    config.currency,
    ...[...accounts.values()].map(({ currency }) => currency),
    ...[...planTemplates.values(), ...planGroups.values()].map(({ currency }) => currency),
  ]);
  return new Set(units.filter((unit) => !money.has(unit)));
};

export const attachmentsOf = (
  { attachments }: BillingBook,
  account: AccountRecord,
): readonly Attachment[] => attachments.get(account.id) ?? [];

export const childrenOf = (
  { children }: BillingBook,
  account: AccountRecord,
): readonly AccountRecord[] => children.get(account.id) ?? [];
