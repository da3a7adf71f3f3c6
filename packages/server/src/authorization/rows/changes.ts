import { faultsOfRows } from "@turnpike/engine/ledger/invariants.ts";
import type {
  Alert,
  Authorization,
  Changes,
  Counter,
  EpochMs,
  Grant,
  LedgerState,
  Position,
  Posting,
} from "@turnpike/engine/ledger/rows.ts";
import { epochMs } from "../../records/database-time.ts";
import { answerText, termsText } from "./authorization-text.ts";
import type { Metered } from "../usage/batch-usage.ts";
import { textArray } from "./binary-arrays.ts";
import { jsonText } from "./json-text.ts";
import type { Packet, Statement } from "./packet.ts";
import { withoutPassedSlots } from "./passed-slots.ts";
import { accountIn, assetIn, isOpen, type Purse } from "./purse.ts";
import { byId } from "./reader.ts";
import {
  copied,
  type CopyColumn,
  type CopyTable,
  count,
  exact,
  flag,
  inserted,
  json,
  type Known,
  overwrite,
  type Part,
  plainAsText,
  statementOf,
  swapped,
  type Table,
  text,
  time,
  updated,
} from "./row-writing.ts";
import { mayDoEverything } from "./wallet-access.ts";
import { legsJson } from "./wire.ts";

/** Their rows are there, locked or to be compared. */
const purses: Known<Purse> = {
  name: "ledger_account",
  key: [text("account", (row) => row.id)],
  moved: [text("purse", (row) => row.text)],
  seldom: [flag("has_wallet", (row) => row.walletAccounts.length > 0)],
};

const dueOf = ({ state, terms }: Grant): EpochMs | null => {
  if (state === "ended") return null;
  return state === "scheduled" ? terms.effectiveAt : terms.expiresAt;
};

const knownGrants: Known<Grant> = {
  name: "ledger_grant",
  key: [text("id", (row) => row.id)],
  moved: [
    text("state", (row) => row.state),
    exact("remaining", (row) => row.remaining),
    exact("held", (row) => row.held),
    exact("consumed", (row) => row.consumed),
    exact("breakage", (row) => row.breakage),
    exact("transferred", (row) => row.transferred),
    time("due_at", dueOf),
    flag("is_open", isOpen),
  ],
  seldom: [],
};

const grants: Table<Grant> = {
  name: "ledger_grant",
  columns: [
    ...knownGrants.key,
    ...knownGrants.moved,
    text("account", (row) => accountIn(row.walletAccount)),
    text("asset", (row) => assetIn(row.walletAccount)),
    exact("amount", (row) => row.terms.amount),
    json("terms", (row) => row.terms),
  ],
};

const furtherText = ({ further }: Authorization): string | null =>
  further.length === 0 ? null : jsonText(further);

/** What later commands move. */
const standing: readonly CopyColumn<Authorization>[] = [
  text("state", (row) => row.state),
  exact("held", (row) => row.held),
  exact("held_quantity", (row) => row.heldQuantity),
  exact("settled", (row) => row.settled),
  exact("settled_quantity", (row) => row.settledQuantity),
  exact("refunded", (row) => row.refunded),
  exact("refunded_quantity", (row) => row.refundedQuantity),
  text("further", furtherText),
  exact("shortfall", (row) => row.shortfall),
  exact("debt", (row) => row.debt),
  plainAsText("legs", (row) => legsJson(row.legs)),
  time("valid_until", (row) => row.validUntil),
];

const authorizations: CopyTable<Authorization> = {
  name: "ledger_authorization",
  columns: [
    text("id", (row) => row.id),
    text("account", (row) => row.terms.spender.account),
    text("terms", (row) => termsText(row.terms)),
    ...standing,
    text("answer", (row) => answerText(row.answer)),
    time("occurred_at", (row) => row.terms.occurredAt),
  ],
};

/** What was written once, its terms and its first answer, stays as it is. */
const knownAuthorizations: Known<Authorization> = {
  name: "ledger_authorization",
  key: [text("id", (row) => row.id)],
  moved: standing,
  seldom: [],
};

const decisions: Table<Changes["decisions"][number]> = {
  name: "ledger_decision",
  columns: [
    text("id", (row) => row.id),
    text("fingerprint", (row) => row.fingerprint),
    json("outcome", (row) => row.outcome),
    time("at", (row) => row.at),
  ],
};

const postings: CopyTable<Posting & { readonly at: EpochMs }> = {
  name: "posting",
  columns: [
    text("transaction", (row) => row.transaction),
    text("kind", (row) => row.kind),
    text("asset", (row) => row.asset),
    text("account", (row) => (row.walletAccount === null ? null : accountIn(row.walletAccount))),
    text("grant_id", (row) => row.grant),
    text("authorization_id", (row) => row.authorization),
    exact("amount", (row) => row.amount),
    time("at", (row) => row.at),
  ],
};

const counters: Table<Counter> = {
  name: "budget_counter",
  columns: [
    text("budget_id", (row) => row.budget),
    time("window_start", (row) => row.windowStart),
    exact("posted", (row) => row.posted),
    exact("held", (row) => row.held),
    count("alerted", (row) => row.alerted),
    exact("alerted_use", (row) => row.alertedUse),
  ],
  onConflict: overwrite("budget_id, window_start", ["posted", "held", "alerted", "alerted_use"]),
};

const rateBuckets: Table<Changes["rateBuckets"][number]> = {
  name: "rate_bucket",
  columns: [
    text("rate_limit_id", (row) => row.id),
    exact("full_at_ns", (row) => row.fullAtNs),
    json("slots", (row) => row.slots),
  ],
  onConflict: overwrite("rate_limit_id", ["full_at_ns", "slots"]),
};

const concurrencyCounts: Table<Changes["concurrencyCounts"][number]> = {
  name: "concurrency_count",
  columns: [text("concurrency_limit_id", (row) => row.id), count("held", (row) => row.held)],
  onConflict: overwrite("concurrency_limit_id", ["held"]),
};

/** Their rows are there, to be compared. */
const knownPositions: Known<Position> = {
  name: "usage_position",
  key: [text("id", (row) => row.id)],
  moved: [exact("posted", (row) => row.posted), exact("held", (row) => row.held)],
  seldom: [],
};

const newPositions: Table<Position> = {
  name: "usage_position",
  columns: [...knownPositions.key, ...knownPositions.moved, exact("before", (row) => row.before)],
};

const positions: Table<Position> = {
  ...newPositions,
  onConflict: overwrite("id", ["posted", "held"]),
};

const topUps: Table<Changes["topUps"][number]> = {
  name: "top_up",
  columns: [
    text("id", (row) => row.id),
    text("account", (row) => accountIn(row.walletAccount)),
    text("asset", (row) => assetIn(row.walletAccount)),
    exact("credit_amount", (row) => row.creditAmount),
    text("charge_amount", (row) => row.chargeAmount),
    text("state", (row) => row.state),
    text("rule_id", (row) => row.rule),
    text("payment_method", (row) => row.paymentMethod),
    text("payment", (row) => row.payment),
  ],
  onConflict: overwrite("id", ["state", "payment"]),
};

const topUpRules: Table<Changes["topUpRules"][number]> = {
  name: "top_up_rule",
  columns: [
    text("id", (row) => row.id),
    text("payment_method", (row) => row.paymentMethod),
    text("in_flight", (row) => row.inFlight),
    json("started_at", (row) => row.startedAt),
    count("failures", (row) => row.failures),
    flag("is_suspended", (row) => row.isSuspended),
  ],
  onConflict: overwrite("id", [
    "payment_method",
    "in_flight",
    "started_at",
    "failures",
    "is_suspended",
  ]),
};

const alerts: Table<Alert> = {
  name: "budget_alert",
  columns: [
    text("budget_id", (row) => row.budget),
    time("window_start", (row) => Number(row.counter.slice(row.counter.lastIndexOf("@") + 1))),
    count("percent", (row) => row.percent),
    exact("used", (row) => row.used),
    exact('"limit"', (row) => row.limit),
  ],
  // A budget may name a percentage twice: told once per limit and window (I32).
  onConflict: "DO NOTHING",
};

/** Measurements that are delivered together; the usage store takes a thousand at once. */
const outbox: Table<readonly unknown[]> = {
  name: "usage_outbox",
  columns: [plainAsText("measurements", (row) => row), count("count", (row) => row.length)],
};
const outboxRowMax = 500;

const refundUids: Table<Metered["refundUids"][number]> = {
  name: "usage_refund",
  columns: [text("of", (row) => row.of), text("uid", (row) => row.uid)],
};

const partUids: Table<Metered["partUids"][number]> = {
  name: "usage_name",
  columns: [
    text("uid", (row) => row.uid),
    text("part", (row) => row.part),
    text("stored_as", (row) => row.uid),
  ],
  // A call of the same uid may have been stored by another.
  onConflict: overwrite("uid", ["part"]),
};

const inRows = (measurements: readonly unknown[]): unknown[][] =>
  Array.from({ length: Math.ceil(measurements.length / outboxRowMax) }, (_, nth) =>
    measurements.slice(nth * outboxRowMax, (nth + 1) * outboxRowMax),
  );

const split = <Row extends { readonly id: string }>(
  rows: readonly Row[],
  known: ReadonlyMap<string, Row>,
): { readonly fresh: Row[]; readonly stored: Row[] } => ({
  fresh: rows.filter(({ id }) => !known.has(id)),
  stored: rows.filter(({ id }) => known.has(id)),
});

/** While a grant is open and stays what it is, its purse alone says what it has come to. */
const isInPurse = (row: Grant, before: Grant | undefined): boolean =>
  before !== undefined && isOpen(before) && isOpen(row) && row.state === before.state;

/** What would break an invariant is not written. */
export const checkChanges = (changes: Changes): void => {
  const faults = faultsOfRows(changes);
  if (faults.length > 0) throw new Error(`decided what must not be: ${faults.join("; ")}`);
};

export interface Writing extends Metered {
  readonly orgId: string;
  readonly state: LedgerState;
  /** Of every account of the batch, as they were. */
  readonly purses: ReadonlyMap<string, Purse>;
  /** Those that changed, as they are now. */
  readonly changedPurses: readonly Purse[];
  readonly changes: Changes;
  readonly now: EpochMs;
}

/**
 * Everything that a batch changed, to be sent in one packet: what every charge adds is copied, the rest is one
 * statement. A row that is new to the state is only inserted: when another transaction was first, the packet fails and
 * the batch is decided again.
 */
export const writeChanges = async (packet: Packet, writing: Writing): Promise<void> => {
  const parts = [
    ...updated(purses, writing.changedPurses, writing.purses),
    ...inserted(positions, writing.changes.positions),
    ...partsBeside(writing),
  ];
  const beside = [...copiesOf(writing), ...withoutPassedSlots(writing)];
  if (parts.length > 0) beside.unshift(statementOf(writing.orgId, parts));
  await Promise.all(beside.map((statement) => packet.run(statement)));
};

/**
 * The same for accounts that are not locked: the packet fails unless each of their purses and each position that was
 * looked at is still as it was, each account may still do everything, none has a hold that is due, and the database's
 * clock agrees. Gives what that clock says.
 */
export const swapChanges = async (packet: Packet, writing: Writing): Promise<EpochMs> => {
  const { orgId, now } = writing;
  const rows = asTheyBecome(writing.purses, writing.changedPurses);
  const { state, changes } = writing;
  const parts = [
    ...swapped(purses, rows, { known: writing.purses, condition: mayDoEverything }),
    // Behind the purses: whoever moves a position has the row of the account that it belongs to.
    ...swapped(knownPositions, asTheyBecome(state.positions, changes.positions), {
      known: state.positions,
    }),
    ...inserted(newPositions, split(changes.positions, state.positions).fresh),
    ...partsBeside(writing),
  ];
  const statement = statementOf(orgId, parts);
  const copies = copiesOf(writing);
  const accounts = textArray(rows.map(({ id }) => id));
  // Behind the statement that waits for the rows, so that it sees what was committed meanwhile.
  const [, answered] = await Promise.all([
    packet.run(statement),
    packet.values<[says: string]>({ ...swapCheck, values: [orgId, accounts, now] }),
    ...copies.map((copy) => packet.run(copy)),
  ]);
  return Number(answered[0]?.[0]);
};

/** All of what is known, as a batch leaves it. */
const asTheyBecome = <Row extends { readonly id: string }>(
  known: ReadonlyMap<string, Row>,
  changed: readonly Row[],
): Row[] => {
  const becomes = byId(changed);
  return [...known.values()].map((row) => becomes.get(row.id) ?? row);
};

/** How far the database's clock may be from the time of a decision that was made without asking it. */
const clockLagMaxMs = 250;

/** Text that is no number fails. */
export const swapCheck = {
  name: "ledger-swap-check",
  text: `SELECT CASE
      WHEN abs(clock.says - $3::bigint) > ${clockLagMaxMs} THEN ('the clock says ' || clock.says)::bigint
      WHEN EXISTS (SELECT FROM ledger_authorization WHERE org_id = $1 AND account = ANY($2) AND state = 'HELD'
        AND valid_until <= clock.says) THEN ('a hold was due at ' || clock.says)::bigint
      ELSE clock.says END
    FROM (SELECT ${epochMs} AS says) AS clock`,
};

/** What is written alike, with a lock and without. */
const partsBeside = (writing: Writing): Part[] => {
  const { state, changes } = writing;
  const grantRows = split(changes.grants, state.grants);
  const turned = grantRows.stored.filter((row) => !isInPurse(row, state.grants.get(row.id)));
  const known = changes.authorizations.filter(({ id }) => state.authorizations.has(id));
  return [
    ...inserted(grants, grantRows.fresh),
    ...updated(knownGrants, turned, state.grants),
    ...updated(knownAuthorizations, known, state.authorizations),
    ...inserted(decisions, changes.decisions),
    ...inserted(counters, changes.counters),
    ...inserted(rateBuckets, changes.rateBuckets),
    ...inserted(concurrencyCounts, changes.concurrencyCounts),
    ...inserted(topUps, changes.topUps),
    ...inserted(topUpRules, changes.topUpRules),
    ...inserted(alerts, changes.alerts),
    ...inserted(outbox, inRows(writing.measurements)),
    ...inserted(refundUids, writing.refundUids),
    ...inserted(partUids, writing.partUids),
  ];
};

const copiesOf = ({ orgId, state, changes, now }: Writing): Statement[] => {
  const fresh = changes.authorizations.filter(({ id }) => !state.authorizations.has(id));
  const postingRows = changes.postings.map((posting) => ({ ...posting, at: now }));
  return [...copied(authorizations, orgId, fresh), ...copied(postings, orgId, postingRows)];
};
