import type { PoolClient } from "pg";
import type {
  Alert,
  Authorization,
  Changes,
  Counter,
  EpochMs,
  Grant,
  LedgerState,
  Posting,
} from "@turnpike/engine/ledger/rows.ts";
import * as arrays from "./binary-arrays.ts";
import { jsonText } from "./json-text.ts";

/** A column of rows to write: its type in the arrays, and what it becomes in the table when that differs. */
interface Column<Row> {
  readonly name: string;
  readonly type: arrays.ElementType;
  readonly becomes?: "json";
  readonly of: (rows: readonly Row[]) => Buffer;
}

interface Table<Row> {
  readonly name: string;
  readonly columns: readonly Column<Row>[];
  /** What follows ON CONFLICT; without it, a row that is there already fails the batch. */
  readonly onConflict?: string;
}

const text = <Row>(name: string, of: (row: Row) => string | null): Column<Row> => ({
  name,
  type: "text",
  of: (rows) => arrays.textArray(rows.map(of)),
});
const exact = <Row>(name: string, of: (row: Row) => bigint): Column<Row> => ({
  name,
  type: "numeric",
  of: (rows) => arrays.numericArray(rows.map(of)),
});
const time = <Row>(name: string, of: (row: Row) => number | null): Column<Row> => ({
  name,
  type: "bigint",
  of: (rows) => arrays.bigintArray(rows.map(of)),
});
const flag = <Row>(name: string, of: (row: Row) => boolean): Column<Row> => ({
  name,
  type: "boolean",
  of: (rows) => arrays.booleanArray(rows.map(of)),
});
const count = <Row>(name: string, of: (row: Row) => number): Column<Row> => ({
  name,
  type: "integer",
  of: (rows) => arrays.integerArray(rows.map(of)),
});
const json = <Row>(name: string, of: (row: Row) => unknown): Column<Row> => ({
  ...text(name, (row: Row) => jsonText(of(row))),
  becomes: "json",
});
/** JSON in a `text` column, which PostgreSQL does not check again. */
const jsonAsText = <Row>(name: string, of: (row: Row) => unknown): Column<Row> =>
  text(name, (row) => jsonText(of(row)));
/** The same of values without a bigint anywhere, which the engine of the language prints faster. */
const plainAsText = <Row>(name: string, of: (row: Row) => unknown): Column<Row> =>
  text(name, (row) => JSON.stringify(of(row)));

/** Asset codes hold no slash, account codes may. */
const assetIn = (walletAccount: string): string =>
  walletAccount.slice(0, walletAccount.indexOf("/"));
const accountIn = (walletAccount: string): string =>
  walletAccount.slice(walletAccount.indexOf("/") + 1);

const overwrite = (key: string, columns: readonly string[]): string =>
  `(org_id, ${key}) DO UPDATE SET ${columns.map((name) => `${name} = excluded.${name}`).join(", ")}`;

const walletAccounts: Table<Changes["walletAccounts"][number]> = {
  name: "wallet_account",
  columns: [
    text("account", (row) => row.account),
    text("asset", (row) => row.asset),
    exact("credited", (row) => row.credited),
    exact("debited", (row) => row.debited),
    exact("held", (row) => row.held),
    exact("debt", (row) => row.debt),
    exact("debt_limit", (row) => row.debtLimit),
    text("mode", (row) => row.mode),
    time("seen_at", (row) => row.seenAt),
  ],
  onConflict: overwrite("account, asset", [
    "credited",
    "debited",
    "held",
    "debt",
    "debt_limit",
    "mode",
    "seen_at",
  ]),
};

const dueOf = ({ state, terms }: Grant): EpochMs | null => {
  if (state === "ended") return null;
  return state === "scheduled" ? terms.effectiveAt : terms.expiresAt;
};

const grants: Table<Grant> = {
  name: "ledger_grant",
  columns: [
    text("id", (row) => row.id),
    text("account", (row) => accountIn(row.walletAccount)),
    text("asset", (row) => assetIn(row.walletAccount)),
    exact("amount", (row) => row.terms.amount),
    text("state", (row) => row.state),
    exact("remaining", (row) => row.remaining),
    exact("held", (row) => row.held),
    exact("consumed", (row) => row.consumed),
    exact("breakage", (row) => row.breakage),
    exact("transferred", (row) => row.transferred),
    time("due_at", dueOf),
    json("terms", (row) => row.terms),
  ],
};

/** Of a row that is there, locked and loaded, what was written once is not sent again: the conflict leaves it alone. */
const unsent = <Row>({ columns }: Table<Row>, names: readonly string[]): Column<Row>[] =>
  columns.map((column) =>
    names.includes(column.name)
      ? { ...column, of: (rows) => arrays.textArray(rows.map(() => "null")) }
      : column,
  );

const knownGrants: Table<Grant> = {
  ...grants,
  columns: unsent(grants, ["terms"]),
  onConflict: overwrite("id", [
    "state",
    "remaining",
    "held",
    "consumed",
    "breakage",
    "transferred",
    "due_at",
  ]),
};

const authorizations: Table<Authorization> = {
  name: "ledger_authorization",
  columns: [
    text("id", (row) => row.id),
    text("account", (row) => row.terms.spender.account),
    text("state", (row) => row.state),
    plainAsText("terms", (row) => row.terms),
    exact("held", (row) => row.held),
    exact("held_quantity", (row) => row.heldQuantity),
    exact("settled", (row) => row.settled),
    exact("settled_quantity", (row) => row.settledQuantity),
    exact("refunded", (row) => row.refunded),
    exact("refunded_quantity", (row) => row.refundedQuantity),
    text("further", ({ further }) => (further.length === 0 ? null : jsonText(further))),
    exact("shortfall", (row) => row.shortfall),
    exact("debt", (row) => row.debt),
    jsonAsText("legs", (row) => row.legs),
    time("valid_until", (row) => row.validUntil),
    jsonAsText("answer", (row) => row.answer),
    time("occurred_at", (row) => row.terms.occurredAt),
  ],
};

const knownAuthorizations: Table<Authorization> = {
  ...authorizations,
  columns: unsent(authorizations, ["terms", "answer"]),
  onConflict: overwrite("id", [
    "state",
    "held",
    "held_quantity",
    "settled",
    "settled_quantity",
    "refunded",
    "refunded_quantity",
    "further",
    "shortfall",
    "debt",
    "legs",
    "valid_until",
  ]),
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

const postings: Table<Posting & { readonly at: EpochMs }> = {
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
  ],
  onConflict: overwrite("budget_id, window_start", ["posted", "held", "alerted"]),
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

const positions: Table<Changes["positions"][number]> = {
  name: "usage_position",
  columns: [
    text("id", (row) => row.id),
    exact("posted", (row) => row.posted),
    exact("held", (row) => row.held),
    flag("is_started", (row) => row.isStarted),
  ],
  onConflict: overwrite("id", ["posted", "held", "is_started"]),
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
  // A limit that was raised and lowered again crosses the same threshold again: told once per window (I32).
  onConflict: "DO NOTHING",
};

/** Measurements that are delivered together; the usage store takes a thousand at once. */
const outbox: Table<readonly unknown[]> = {
  name: "usage_outbox",
  columns: [plainAsText("measurements", (row) => row), count("count", (row) => row.length)],
};
const outboxRowMax = 500;

const inRows = (measurements: readonly unknown[]): unknown[][] =>
  Array.from({ length: Math.ceil(measurements.length / outboxRowMax) }, (_, nth) =>
    measurements.slice(nth * outboxRowMax, (nth + 1) * outboxRowMax),
  );

/** One INSERT of a statement, its arrays beginning at parameter `first`. */
const insertSql = <Row>(table: Table<Row>, first: number): string => {
  const { name, columns, onConflict } = table;
  const names = columns.map((column) => column.name).join(", ");
  const given = columns.map(({ type }, index) => `$${first + index}::${type}[]`).join(", ");
  const values = columns
    .map((column) => `row.${column.name}${column.becomes === undefined ? "" : "::json"}`)
    .join(", ");
  const tail = onConflict === undefined ? "" : ` ON CONFLICT ${onConflict}`;
  return (
    `INSERT INTO ${name} (org_id, ${names}) SELECT $1::uuid, ${values} ` +
    `FROM unnest(${given}) WITH ORDINALITY AS row (${names}, nth) ORDER BY nth${tail}`
  );
};

/** The rows of one table that a batch writes. */
interface Part {
  readonly sql: (first: number) => string;
  readonly columns: readonly Buffer[];
}

const part = <Row>(table: Table<Row>, rows: readonly Row[]): Part[] =>
  rows.length === 0
    ? []
    : [
        {
          sql: (first) => insertSql(table, first),
          columns: table.columns.map((column) => column.of(rows)),
        },
      ];

const split = <Row extends { readonly id: string }>(
  rows: readonly Row[],
  known: ReadonlyMap<string, Row>,
): { readonly fresh: Row[]; readonly stored: Row[] } => ({
  fresh: rows.filter(({ id }) => !known.has(id)),
  stored: rows.filter(({ id }) => known.has(id)),
});

export interface Writing {
  readonly orgId: string;
  readonly state: LedgerState;
  readonly changes: Changes;
  /** Of the events, as the usage store takes them. */
  readonly measurements: readonly unknown[];
  readonly now: EpochMs;
}

/**
 * Everything that a batch changed, in one statement. A row that is new to the state is only inserted: when another
 * transaction was first, the statement fails and the batch is decided again.
 */
export const writeChanges = async (client: PoolClient, writing: Writing): Promise<void> => {
  const { state, changes, now } = writing;
  const grantRows = split(changes.grants, state.grants);
  const authorizationRows = split(changes.authorizations, state.authorizations);
  const parts = [
    ...part(walletAccounts, changes.walletAccounts),
    ...part(grants, grantRows.fresh),
    ...part(knownGrants, grantRows.stored),
    ...part(authorizations, authorizationRows.fresh),
    ...part(knownAuthorizations, authorizationRows.stored),
    ...part(decisions, changes.decisions),
    ...part(
      postings,
      changes.postings.map((posting) => ({ ...posting, at: now })),
    ),
    ...part(counters, changes.counters),
    ...part(rateBuckets, changes.rateBuckets),
    ...part(concurrencyCounts, changes.concurrencyCounts),
    ...part(positions, changes.positions),
    ...part(topUps, changes.topUps),
    ...part(topUpRules, changes.topUpRules),
    ...part(alerts, changes.alerts),
    ...part(outbox, inRows(writing.measurements)),
  ];
  if (parts.length === 0) return;
  await client.query(statementOf(writing.orgId, parts));
};

/** The same tables make the same text, which is prepared once per connection. */
const statementOf = (orgId: string, parts: readonly Part[]) => {
  const values: unknown[] = [orgId];
  const inserts: string[] = [];
  for (const { sql, columns } of parts) {
    inserts.push(sql(values.length + 1));
    values.push(...columns);
  }
  const last = inserts.pop() ?? "";
  const before = inserts.map((insert, index) => `w${index} AS (${insert})`).join(", ");
  const statement = before === "" ? last : `WITH ${before} ${last}`;
  return { text: statement, name: nameOf(statement), values };
};

const names = new Map<string, string>();

/** A short name for a prepared statement; there are as many as combinations of tables that occur. */
const nameOf = (statement: string): string => {
  const known = names.get(statement);
  if (known !== undefined) return known;
  const name = `ledger-write-${names.size}`;
  names.set(statement, name);
  return name;
};
