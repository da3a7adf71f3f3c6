import type { PoolClient } from "pg";
import { rollingSlotMs, windowAt, type Budget } from "@turnpike/engine/ledger/budget-window.ts";
import type {
  Authorization,
  EpochMs,
  Grant,
  LedgerSettings,
  LedgerState,
  TopUpRule,
} from "@turnpike/engine/ledger/rows.ts";
import type { Scope } from "@turnpike/engine/ledger/scope.ts";
import { textArray } from "./binary-arrays.ts";
import type { Configuration } from "./configuration.ts";
import type { NamedRows } from "./named-rows.ts";
import { inOnePacket } from "./packet.ts";
import * as stored from "./stored-rows.ts";
import { loadPeriodsPaid } from "./true-ups.ts";
import { customersFrom } from "./wallet-access.ts";

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

/**
 * Every row that the batch can touch: what the requests name in one round trip, and what those rows name in another,
 * where there is any. To be sent behind the locks of the accounts, so that what is read stays so.
 */
export const loadState = async (client: PoolClient, loading: Loading): Promise<Loaded> => {
  const { accounts, configuration } = loading;
  const reader = { client, orgId: loading.orgId };
  const limits = limitsInPlay(configuration, new Set(accounts));
  const { clock, ...named } = await loadNamed(reader, loading, limits.rateLimits);
  const now = latestOf(named.walletAccounts, clock);
  // A clock that was set back: what was due by what the accounts have seen is due (I23).
  const authorizations =
    now === clock ? named.authorizations : await loadAuthorizations(reader, loading, now);
  const own = { ...named, authorizations };
  const state: LedgerState = {
    settings,
    assets: configuration.assets,
    rates: configuration.rates,
    customers: customersFrom(loading.customers, []),
    budgets: byId(limits.budgets),
    rateLimits: byId(limits.rateLimits),
    concurrencyLimits: byId(limits.concurrencyLimits),
    ...own,
    ...(await loadReferred(reader, { accounts, limits, own, now })),
  };
  return { state, now };
};

const latestOf = (walletAccounts: LedgerState["walletAccounts"], clock: EpochMs): EpochMs => {
  let latest = clock;
  for (const { seenAt } of walletAccounts.values()) latest = Math.max(latest, seenAt);
  return latest;
};

type Named = Pick<
  LedgerState,
  | "walletAccounts"
  | "grants"
  | "authorizations"
  | "decisions"
  | "rateBuckets"
  | "positions"
  | "periodsPaid"
  | "topUps"
  | "topUpRules"
>;

/** The statements leave together. */
const loadNamed = async (
  reader: Reader,
  loading: Loading,
  rateLimits: readonly { readonly id: string }[],
): Promise<Named & { readonly clock: EpochMs }> => {
  const { accounts, named } = loading;
  const [
    clock,
    walletAccounts,
    grants,
    authorizations,
    decisions,
    rateBuckets,
    positions,
    periodsPaid,
    topUps,
    topUpRules,
  ] = await Promise.all([
    loadClock(reader),
    loadWalletAccounts(reader, accounts),
    loadGrants(reader, { accounts, ids: [...named.grants] }),
    loadAuthorizations(reader, loading),
    loadDecisions(reader, [...named.decisions]),
    loadRateBuckets(reader, rateLimits),
    loadPositions(reader, [...named.positions]),
    loadPeriodsPaid(reader.client, reader.orgId, named.trueUps),
    loadTopUps(reader, named),
    loadTopUpRules(reader, loading),
  ]);
  return {
    clock,
    walletAccounts,
    grants,
    authorizations,
    decisions,
    rateBuckets,
    positions,
    periodsPaid,
    topUps,
    topUpRules,
  };
};

interface Referring {
  readonly accounts: readonly string[];
  readonly limits: ReturnType<typeof limitsInPlay>;
  readonly own: Named;
  readonly now: EpochMs;
}

/** What loaded authorizations stand on, and the budget windows that the time of the decision says. */
const loadReferred = async (
  reader: Reader,
  { accounts, limits, own, now }: Referring,
): Promise<Pick<LedgerState, "grants" | "positions" | "counters" | "concurrencyCounts">> => {
  const authorizations = [...own.authorizations.values()];
  const grantIds = grantsOf(authorizations).filter((id) => !own.grants.has(id));
  const positionIds = authorizations
    .flatMap(({ terms, further }) => [
      ...(terms.position === null ? [] : [terms.position]),
      ...further.flatMap(({ position }) => position ?? []),
    ])
    .filter((id) => !own.positions.has(id));
  const concurrencyIds = [
    ...limits.concurrencyLimits.map(({ id }) => id),
    ...authorizations.flatMap(({ terms }) => terms.concurrencyLimits),
  ];
  const [grants, positions, counters, concurrencyCounts] = await inOnePacket(reader.client, () =>
    Promise.all([
      grantIds.length === 0 ? own.grants : loadGrants(reader, { accounts, ids: grantIds }),
      loadPositions(reader, [...new Set(positionIds)]),
      loadCounters(reader, limits.budgets, { authorizations, now }),
      loadConcurrency(reader, concurrencyIds),
    ]),
  );
  return {
    grants: new Map([...own.grants, ...grants]),
    positions: new Map([...own.positions, ...positions]),
    counters,
    concurrencyCounts,
  };
};

const epochMs = "floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

const loadClock = async (reader: Reader): Promise<EpochMs> => {
  const { client } = reader;
  const { rows } = await client.query<{ now: string }>({
    name: "ledger-clock",
    text: `SELECT ${epochMs} AS now`,
  });
  return Number(rows[0]?.now);
};

const loadWalletAccounts = async (
  reader: Reader,
  accounts: readonly string[],
): Promise<LedgerState["walletAccounts"]> => {
  const text = `SELECT account, asset, credited, debited, held, debt, debt_limit, mode, seen_at
    FROM wallet_account WHERE org_id = $1 AND account = ANY($2)`;
  const statement = { name: "wallets", text };
  const rows = await query<stored.WalletAccountColumns>(reader, statement, [textArray(accounts)]);
  return byId(rows.map(stored.walletAccountFrom));
};

const authorizationColumns = `id, account, state, terms, held, held_quantity, settled, settled_quantity, refunded,
  refunded_quantity, further, shortfall, debt, legs, valid_until, answer`;

const loadAuthorizations = async (
  reader: Reader,
  { accounts, named }: Loading,
  now: EpochMs | null = null,
): Promise<Map<string, Authorization>> => {
  const rows = await query<stored.AuthorizationColumns>(
    reader,
    {
      name: "authorizations",
      text: `SELECT ${authorizationColumns} FROM ledger_authorization
               WHERE org_id = $1 AND id = ANY($2)
             UNION ALL
             SELECT ${authorizationColumns} FROM ledger_authorization
               WHERE org_id = $1 AND account = ANY($3) AND state = 'HELD'
               AND valid_until <= coalesce($4::bigint, ${epochMs}) - ${settings.graceMs}`,
    },
    [textArray([...named.authorizations]), textArray(accounts), now],
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
  further: [],
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
  { accounts, ids }: { readonly accounts: readonly string[]; readonly ids: readonly string[] },
): Promise<Map<string, Grant>> => {
  const rows = await query<stored.GrantColumns>(
    reader,
    {
      name: "grants",
      text: `SELECT ${grantColumns} FROM ledger_grant WHERE org_id = $1 AND account = ANY($2) AND is_open
             UNION ALL
             SELECT ${grantColumns} FROM ledger_grant WHERE org_id = $1 AND id = ANY($3)`,
    },
    [textArray(accounts), textArray(ids)],
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
    ...authorizations.flatMap(({ terms, further }) => [
      ...terms.assetCounters,
      ...terms.unitCounters,
      ...further.flatMap(({ unitCounters }) => unitCounters),
    ]),
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

const loadTopUps = async (reader: Reader, named: NamedRows): Promise<LedgerState["topUps"]> => {
  const [ids, payments] = [[...named.topUps], [...named.payments]];
  if (ids.length + payments.length === 0) return new Map();
  const text = "SELECT * FROM top_up WHERE org_id = $1 AND (id = ANY($2) OR payment = ANY($3))";
  const statement = { name: "top-ups", text };
  const rows = await query<stored.TopUpColumns>(reader, statement, [ids, payments]);
  return byId(rows.map(stored.topUpFrom));
};

const loadTopUpRules = async (
  reader: Reader,
  { accounts, configuration }: Loading,
): Promise<LedgerState["topUpRules"]> => {
  const own = new Set(accounts);
  const plans = configuration.topUpPlans.filter(({ account }) => own.has(account));
  if (plans.length === 0) return new Map();
  const text = "SELECT * FROM top_up_rule WHERE org_id = $1 AND id = ANY($2)";
  const statement = { name: "top-up-rules", text };
  const rows = await query<stored.TopUpRuleColumns>(reader, statement, [plans.map(({ id }) => id)]);
  const known = byId(rows);
  return byId(plans.map((plan) => ruleOf(plan, known.get(plan.id))));
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
