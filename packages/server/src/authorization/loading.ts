import type { PoolClient } from "pg";
import { rollingSlotMs, windowAt, type Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type {
  Authorization,
  Customer,
  EpochMs,
  Grant,
  LedgerSettings,
  LedgerState,
  TopUpRule,
} from "@turnpike/engine/ledger/rows.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";
import type { Configuration } from "./configuration.ts";
import type { NamedRows } from "./named-rows.ts";
import * as stored from "./stored-rows.ts";
import { loadPeriodsPaid } from "./true-ups.ts";

/** How holds end and what comes back after a grant's end (f.4, f.6). */
export const settings: LedgerSettings = {
  graceMs: 0,
  extendPaidOnHold: false,
  refundGrantMs: 30 * 86_400_000,
};

export interface Loading {
  readonly orgId: string;
  readonly accounts: readonly string[];
  /** Those of the accounts that the catalog knows. */
  readonly customers: ReadonlySet<string>;
  readonly configuration: Configuration;
  readonly named: NamedRows;
}

export interface Loaded {
  readonly state: LedgerState;
  /** Server time: the database's clock, never behind what the accounts have seen (I23). */
  readonly now: EpochMs;
}

interface Reader {
  readonly client: PoolClient;
  readonly orgId: string;
}

const query = async <Columns extends object>(
  { client, orgId }: Reader,
  statement: { readonly name: string; readonly text: string },
  values: readonly unknown[],
): Promise<Columns[]> => {
  const named = { name: `ledger-${statement.name}`, text: statement.text };
  const { rows } = await client.query<Columns>({ ...named, values: [orgId, ...values] });
  return rows;
};

const byId = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));

/** Every row that the batch can touch. The accounts are locked already, so what is read here stays so. */
export const loadState = async (client: PoolClient, loading: Loading): Promise<Loaded> => {
  const { orgId, accounts, named } = loading;
  const reader = { client, orgId };
  const { walletAccounts, now } = await loadWalletAccounts(reader, accounts);
  const authorizations = await loadAuthorizations(reader, { ...loading, now });
  const own = [...authorizations.values()];
  const grants = await loadGrants(reader, accounts, [...named.grants, ...grantsOf(own)]);
  const limits = limitsInPlay(loading.configuration, new Set(accounts));
  const positions = own.flatMap(({ terms }) => terms.position ?? []);
  const { topUpRules, topUps } = await loadTopUps(reader, loading);
  const state: LedgerState = {
    settings,
    assets: loading.configuration.assets,
    rates: loading.configuration.rates,
    customers: customersOf(loading.customers),
    walletAccounts,
    grants,
    authorizations,
    decisions: await loadDecisions(reader, [...named.decisions]),
    budgets: byId(limits.budgets),
    counters: await loadCounters(reader, limits.budgets, { authorizations: own, now }),
    rateLimits: byId(limits.rateLimits),
    rateBuckets: await loadRateBuckets(reader, limits.rateLimits),
    concurrencyLimits: byId(limits.concurrencyLimits),
    concurrencyCounts: await loadConcurrency(reader, [
      ...limits.concurrencyLimits.map(({ id }) => id),
      ...own.flatMap(({ terms }) => terms.concurrencyLimits),
    ]),
    positions: await loadPositions(reader, [...new Set([...named.positions, ...positions])]),
    periodsPaid: await loadPeriodsPaid(client, orgId, named.trueUps),
    topUps,
    topUpRules,
  };
  return { state, now };
};

/** Nothing in the catalog freezes an account or restricts its features yet (README). */
const customersOf = (codes: ReadonlySet<string>): Map<string, Customer> =>
  new Map(
    [...codes].map((code) => [
      code,
      { code, isFrozen: false, features: null, blocksFreeOnDebt: false },
    ]),
  );

const loadWalletAccounts = async (
  reader: Reader,
  accounts: readonly string[],
): Promise<{ walletAccounts: LedgerState["walletAccounts"]; now: EpochMs }> => {
  const rows = await query<stored.WalletAccountColumns & { now: string; found: string | null }>(
    reader,
    {
      name: "wallets",
      text: `SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint AS now,
               w.asset AS found, w.* FROM (SELECT) AS one
             LEFT JOIN wallet_account w ON w.org_id = $1 AND w.account = ANY($2)`,
    },
    [accounts],
  );
  const walletAccounts = rows
    .filter(({ found }) => found !== null)
    .map((row) => stored.walletAccountFrom(row));
  const clock = Number(rows[0]?.now);
  const now = walletAccounts.reduce((latest, { seenAt }) => Math.max(latest, seenAt), clock);
  return { walletAccounts: byId(walletAccounts), now };
};

const authorizationColumns = `id, account, state, terms, held, held_quantity, settled, settled_quantity, refunded,
  refunded_quantity, shortfall, debt, legs, valid_until, answer`;

const loadAuthorizations = async (
  reader: Reader,
  { accounts, named, now }: Loading & { readonly now: EpochMs },
): Promise<Map<string, Authorization>> => {
  const rows = await query<stored.AuthorizationColumns>(
    reader,
    {
      name: "authorizations",
      text: `SELECT ${authorizationColumns} FROM ledger_authorization
               WHERE org_id = $1 AND id = ANY($2)
             UNION ALL
             SELECT ${authorizationColumns} FROM ledger_authorization
               WHERE org_id = $1 AND account = ANY($3) AND state = 'HELD' AND valid_until <= $4`,
    },
    [[...named.authorizations], accounts, now - settings.graceMs],
  );
  const own = new Set(accounts);
  return byId(
    rows.map((row) => {
      const authorization = stored.authorizationFrom(row);
      return own.has(row.account) ? authorization : answeredOnly(authorization);
    }),
  );
};

/** An id that another account has taken: its rows are not locked, so only its answer may be looked at. */
const answeredOnly = (row: Authorization): Authorization => ({
  ...row,
  state: "DENIED",
  held: 0n,
  legs: [],
  validUntil: null,
  terms: {
    ...row.terms,
    position: null,
    assetCounters: [],
    unitCounters: [],
    concurrencyLimits: [],
  },
});

const grantsOf = (authorizations: readonly Authorization[]): string[] =>
  authorizations.flatMap(({ legs }) =>
    legs.flatMap(({ slices }) => slices.map(({ grant }) => grant)),
  );

const grantColumns = `id, account, asset, state, remaining, held, consumed, breakage, transferred, terms`;

const loadGrants = async (
  reader: Reader,
  accounts: readonly string[],
  ids: readonly string[],
): Promise<Map<string, Grant>> => {
  const rows = await query<stored.GrantColumns>(
    reader,
    {
      name: "grants",
      text: `SELECT ${grantColumns} FROM ledger_grant WHERE org_id = $1 AND account = ANY($2) AND is_open
             UNION ALL
             SELECT ${grantColumns} FROM ledger_grant WHERE org_id = $1 AND id = ANY($3)`,
    },
    [accounts, ids],
  );
  const own = new Set(accounts);
  return byId(
    rows.map((row) => {
      const grant = stored.grantFrom(row);
      return own.has(row.account) ? grant : { ...grant, state: "ended" as const };
    }),
  );
};

const loadDecisions = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["decisions"]> => {
  if (ids.length === 0) return new Map();
  const text = "SELECT * FROM ledger_decision WHERE org_id = $1 AND id = ANY($2)";
  const rows = await query<stored.DecisionColumns>(reader, { name: "decisions", text }, [ids]);
  return byId(rows.map(stored.decisionFrom));
};

const isOfAccounts =
  (accounts: ReadonlySet<string>) =>
  ({ scope }: { readonly scope: Scope }): boolean =>
    scope.account === undefined || accounts.has(scope.account);

/** The limits that can apply to one of the accounts; the others would only be ballast. */
export const limitsInPlay = (
  configuration: Configuration,
  accounts: ReadonlySet<string>,
): Pick<Configuration, "budgets" | "rateLimits" | "concurrencyLimits"> => {
  const applies = isOfAccounts(accounts);
  return {
    budgets: configuration.budgets.filter(applies),
    rateLimits: configuration.rateLimits.filter(applies),
    concurrencyLimits: configuration.concurrencyLimits.filter(applies),
  };
};

/** The current windows, all live slots of rolling ones, and the windows that loaded authorizations are counted in. */
const loadCounters = async (
  reader: Reader,
  budgets: readonly Budget[],
  { authorizations, now }: { authorizations: readonly Authorization[]; now: EpochMs },
): Promise<LedgerState["counters"]> => {
  const ids = new Set([
    ...budgets.map((budget) => `${budget.id}@${windowAt(budget, now).start}`),
    ...authorizations.flatMap(({ terms }) => [...terms.assetCounters, ...terms.unitCounters]),
  ]);
  if (ids.size === 0) return new Map();
  const split = [...ids].map((id) => [
    id.slice(0, id.lastIndexOf("@")),
    id.slice(id.lastIndexOf("@") + 1),
  ]);
  const rolling = budgets.flatMap(({ id, window }) =>
    window.kind === "rolling"
      ? [{ id, from: now - window.durationMs - rollingSlotMs(window.durationMs) }]
      : [],
  );
  const columns = "c.budget_id, c.window_start, c.posted, c.held, c.alerted";
  const rows = await query<stored.CounterColumns>(
    reader,
    {
      name: "counters",
      text: `SELECT ${columns} FROM unnest($2::text[], $3::bigint[]) AS w (id, start)
               JOIN budget_counter c ON c.org_id = $1 AND c.budget_id = w.id AND c.window_start = w.start
             UNION ALL
             SELECT ${columns} FROM unnest($4::text[], $5::bigint[]) AS r (id, since)
               JOIN budget_counter c ON c.org_id = $1 AND c.budget_id = r.id AND c.window_start >= r.since`,
    },
    [
      split.map(([id]) => id),
      split.map(([, start]) => start),
      rolling.map(({ id }) => id),
      rolling.map(({ from }) => Math.floor(from)),
    ],
  );
  return byId(rows.map(stored.counterFrom));
};

const loadRateBuckets = async (
  reader: Reader,
  limits: readonly { readonly id: string }[],
): Promise<LedgerState["rateBuckets"]> => {
  if (limits.length === 0) return new Map();
  const text = "SELECT * FROM rate_bucket WHERE org_id = $1 AND rate_limit_id = ANY($2)";
  const ids = limits.map(({ id }) => id);
  const rows = await query<stored.RateBucketColumns>(reader, { name: "rate-buckets", text }, [ids]);
  return byId(rows.map(stored.rateBucketFrom));
};

const loadConcurrency = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["concurrencyCounts"]> => {
  if (ids.length === 0) return new Map();
  const text =
    "SELECT * FROM concurrency_count WHERE org_id = $1 AND concurrency_limit_id = ANY($2)";
  const rows = await query<stored.ConcurrencyColumns>(reader, { name: "concurrency", text }, [ids]);
  return byId(rows.map(stored.concurrencyFrom));
};

const loadPositions = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["positions"]> => {
  if (ids.length === 0) return new Map();
  const text = "SELECT * FROM usage_position WHERE org_id = $1 AND id = ANY($2)";
  const rows = await query<stored.PositionColumns>(reader, { name: "positions", text }, [ids]);
  return byId(rows.map(stored.positionFrom));
};

const loadTopUps = async (
  reader: Reader,
  { accounts, configuration, named }: Loading,
): Promise<Pick<LedgerState, "topUps" | "topUpRules">> => {
  const own = new Set(accounts);
  const plans = configuration.topUpPlans.filter(({ account }) => own.has(account));
  const ids = [...named.topUps];
  const payments = [...named.payments];
  const topUpRows =
    ids.length + payments.length === 0
      ? []
      : await query<stored.TopUpColumns>(
          reader,
          {
            name: "top-ups",
            text: "SELECT * FROM top_up WHERE org_id = $1 AND (id = ANY($2) OR payment = ANY($3))",
          },
          [ids, payments],
        );
  if (plans.length === 0)
    return { topUps: byId(topUpRows.map(stored.topUpFrom)), topUpRules: new Map() };
  const text = "SELECT * FROM top_up_rule WHERE org_id = $1 AND id = ANY($2)";
  const rules = await query<stored.TopUpRuleColumns>(reader, { name: "top-up-rules", text }, [
    plans.map(({ id }) => id),
  ]);
  return {
    topUps: byId(topUpRows.map(stored.topUpFrom)),
    topUpRules: byId(
      plans.map((plan) =>
        ruleOf(
          plan,
          rules.find(({ id }) => id === plan.id),
        ),
      ),
    ),
  };
};

/** A rule as configured, as far as it has come; another payment method ends its suspension (W14). */
const ruleOf = (
  plan: Configuration["topUpPlans"][number],
  row: stored.TopUpRuleColumns | undefined,
): TopUpRule => {
  const isSameMethod = row?.payment_method === plan.paymentMethod;
  return {
    id: plan.id,
    walletAccount: plan.walletAccount,
    threshold: plan.threshold,
    creditAmount: plan.creditAmount,
    chargeAmount: plan.chargeAmount,
    paymentMethod: plan.paymentMethod,
    windowMs: plan.windowMs,
    countMax: plan.countMax,
    inFlight: row?.in_flight ?? null,
    startedAt: row?.started_at ?? [],
    failures: isSameMethod ? row.failures : 0,
    isSuspended: isSameMethod && row.is_suspended,
  };
};
