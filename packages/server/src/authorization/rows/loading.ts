import type { PoolClient } from "pg";
import { latestOf } from "@turnpike/engine/ledger/decide.ts";
import type {
  Authorization,
  EpochMs,
  Grant,
  LedgerSettings,
  LedgerState,
} from "@turnpike/engine/ledger/rows.ts";
import { positionsOf } from "@turnpike/engine/ledger/use.ts";
import { epochMs } from "../../records/database-time.ts";
import { textArray } from "./binary-arrays.ts";
import type { Configuration } from "../configuration.ts";
import type { Limits } from "../limit-records.ts";
import { loadConcurrency, loadCounters, loadRateBuckets } from "./limit-rows.ts";
import type { NamedRows } from "./named-rows.ts";
import { inOnePacket, type Packet } from "./packet.ts";
import type { Purse } from "./purse.ts";
import { byId, query, type Reader } from "./reader.ts";
import * as stored from "./stored-rows.ts";
import { loadTopUpRules, loadTopUps } from "./top-up-rows.ts";
import { loadPeriodsPaid } from "../usage/true-ups.ts";
import type { LedgerAccount } from "./wallet-access.ts";

/** What comes back after a grant's end (f.6). Holds end on time: their grace is 0 (f.4). */
export const settings: LedgerSettings = {
  extendPaidOnHold: false,
  refundGrantMs: 30 * 86_400_000,
};

export interface Loading {
  readonly orgId: string;
  readonly accounts: readonly string[];
  /** The accounts as statements take them. */
  readonly accountArray: Buffer;
  /** Those of the accounts that something is asked of; the others are only brought up to date. */
  readonly acting: readonly string[];
  readonly configuration: Configuration;
  /** What can apply to the accounts. */
  readonly limits: Limits;
  readonly named: NamedRows;
  /** Of the named positions that have no row, those that were looked for. */
  readonly beginnings: LedgerState["beginnings"];
}

interface LoadingWith {
  readonly client: PoolClient;
  /** What the requests name is read with it. */
  readonly packet: Packet;
  /** The accounts, asked for by the same packet. */
  readonly locking: Promise<readonly LedgerAccount[]>;
}

export interface Loaded {
  /** All but what the rows of the accounts say, which are read as they are locked. */
  readonly state: Omit<LedgerState, "customers">;
  /** Server time: the database's clock, never behind what the accounts have seen (I23). */
  readonly now: EpochMs;
}

/**
 * Every row that the batch can touch: what the requests name in one round trip, and what those rows name in another,
 * where there is any. To be sent behind the locks of the accounts, so that what is read stays so.
 */
export const loadState = async (
  { client, packet, locking }: LoadingWith,
  loading: Loading,
): Promise<Loaded> => {
  const { orgId, beginnings, configuration, limits } = loading;
  const [locked, { clock, grants, authorizations: found, ...others }] = await Promise.all([
    locking,
    loadNamed({ packet, orgId }, loading),
  ]);
  const purses = locked.map(({ purse }) => purse);
  const walletAccounts = byId(purses.flatMap((purse) => purse.walletAccounts));
  const now = latestOf(walletAccounts, clock);
  // A clock that was set back: what was due by what the accounts have seen is due (I23).
  const authorizations =
    now === clock
      ? found
      : await inOnePacket(client, (next) =>
          loadAuthorizations({ packet: next, orgId }, loading, now),
        );
  // A purse knows better than the row of a grant that is in it.
  for (const grant of purses.flatMap((purse) => purse.grants)) grants.set(grant.id, grant);
  const own = { ...others, walletAccounts, grants, authorizations, beginnings };
  const state: Loaded["state"] = {
    settings,
    assets: configuration.assets,
    rates: configuration.rates,
    budgets: byId(limits.budgets),
    rateLimits: byId(limits.rateLimits),
    concurrencyLimits: byId(limits.concurrencyLimits),
    ...own,
    ...(await loadReferred(client, { loading, own, now })),
  };
  return { state, now };
};

/** What a batch is decided by that no rows have a say in but the purses of its accounts and positions. */
export const stateByPurses = (
  { beginnings, configuration }: Loading,
  purses: readonly Purse[],
  positions: LedgerState["positions"],
): Loaded["state"] => ({
  settings,
  assets: configuration.assets,
  rates: configuration.rates,
  walletAccounts: byId(purses.flatMap((purse) => purse.walletAccounts)),
  grants: byId(purses.flatMap((purse) => purse.grants)),
  positions,
  beginnings,
  ...noOtherRows,
});

const noOtherRows = {
  authorizations: new Map(),
  decisions: new Map(),
  budgets: new Map(),
  counters: new Map(),
  rateLimits: new Map(),
  rateBuckets: new Map(),
  concurrencyLimits: new Map(),
  concurrencyCounts: new Map(),
  topUps: new Map(),
  topUpRules: new Map(),
  periodsPaid: new Map(),
} as const;

/** Rows by name, each under way. */
type Loads<Rows> = { readonly [Name in keyof Rows]: Promise<Rows[Name]> };

const loaded = async <Rows extends object>(loads: Loads<Rows>): Promise<Rows> => {
  const entries = Object.entries<Promise<unknown>>(loads);
  const rows = await Promise.all(entries.map(([, load]) => load));
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each name with what its own promise came to
  return Object.fromEntries(entries.map(([name], nth) => [name, rows[nth]])) as Rows;
};

/** The statements leave together. */
const loadNamed = (reader: Reader, loading: Loading) =>
  loaded({
    clock: loadClock(reader),
    grants: loadGrants(reader, loading, [...loading.named.grants]),
    authorizations: loadAuthorizations(reader, loading),
    decisions: loadDecisions(reader, [...loading.named.decisions]),
    rateBuckets: loadRateBuckets(reader, loading.limits.rateLimits),
    positions: loadPositions(reader, [...loading.named.positions]),
    periodsPaid: loadPeriodsPaid(reader, loading.named.trueUps),
    topUps: loadTopUps(reader, loading.named),
    topUpRules: loadTopUpRules(reader, loading.limits.topUpPlans),
  });

interface Referring {
  readonly loading: Loading;
  readonly own: Pick<LedgerState, "authorizations" | "grants" | "positions">;
  readonly now: EpochMs;
}

/** What loaded authorizations stand on, and the budget windows that the time of the decision says. */
const loadReferred = async (
  client: PoolClient,
  { loading, own, now }: Referring,
): Promise<Pick<LedgerState, "grants" | "positions" | "counters" | "concurrencyCounts">> => {
  const authorizations = [...own.authorizations.values()];
  const grantIds = grantsOf(authorizations).filter((id) => !own.grants.has(id));
  const positionIds = authorizations.flatMap(positionsOf).filter((id) => !own.positions.has(id));
  const concurrencyIds = [
    ...loading.limits.concurrencyLimits.map(({ id }) => id),
    ...authorizations.flatMap(({ terms }) => terms.concurrencyLimits),
  ];
  const { grants, positions, ...counted } = await inOnePacket(client, (packet) => {
    const reader = { packet, orgId: loading.orgId };
    return loaded({
      grants: loadGrants(reader, loading, grantIds),
      positions: loadPositions(reader, [...new Set(positionIds)]),
      counters: loadCounters(reader, loading.limits.budgets, { authorizations, now }),
      concurrencyCounts: loadConcurrency(reader, concurrencyIds),
    });
  });
  return {
    grants: grants.size === 0 ? own.grants : new Map([...own.grants, ...grants]),
    positions: positions.size === 0 ? own.positions : new Map([...own.positions, ...positions]),
    ...counted,
  };
};

export const loadClock = async ({ packet }: Reader): Promise<EpochMs> => {
  const statement = { name: "ledger-clock", text: `SELECT ${epochMs}` };
  const [row] = await packet.values<[now: string]>(statement);
  return Number(row?.[0]);
};

const authorizationColumns = `id, account, state, terms, held, held_quantity, settled, settled_quantity, refunded,
  refunded_quantity, further, shortfall, debt, legs, valid_until, answer`;

export const authorizationsStatement = {
  name: "ledger-authorizations",
  text: `SELECT ${authorizationColumns} FROM ledger_authorization
           WHERE org_id = $1 AND id = ANY($2)
         UNION ALL
         SELECT ${authorizationColumns} FROM ledger_authorization
           WHERE org_id = $1 AND account = ANY($3) AND state = 'HELD'
           AND valid_until <= coalesce($4::bigint, ${epochMs})`,
};

const loadAuthorizations = async (
  reader: Reader,
  { accounts, accountArray, named }: Loading,
  now: EpochMs | null = null,
): Promise<Map<string, Authorization>> => {
  const rows = await query<stored.AuthorizationColumns>(reader, authorizationsStatement, [
    textArray([...named.authorizations]),
    accountArray,
    now,
  ]);
  if (rows.length === 0) return new Map();
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

/** What an open grant has come to says its account's purse; of one that is not locked, only that it is there counts. */
export const grantsStatement = {
  name: "ledger-grants",
  text: `SELECT id, account, asset, state, remaining, held, consumed, breakage, transferred, terms
         FROM ledger_grant WHERE org_id = $1 AND id = ANY($2)`,
};

const loadGrants = async (
  reader: Reader,
  { accounts }: Loading,
  ids: readonly string[],
): Promise<Map<string, Grant>> => {
  if (ids.length === 0) return new Map();
  const rows = await query<stored.GrantColumns>(reader, grantsStatement, [textArray(ids)]);
  const own = new Set(accounts);
  return byId(
    rows.map((row) => stored.grantFrom(own.has(row.account) ? row : { ...row, state: "ended" })),
  );
};

const loadDecisions = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["decisions"]> => {
  if (ids.length === 0) return new Map();
  const text = "SELECT * FROM ledger_decision WHERE org_id = $1 AND id = ANY($2)";
  const statement = { name: "ledger-decisions", text };
  const rows = await query<stored.DecisionColumns>(reader, statement, [ids]);
  return byId(rows.map(stored.decisionFrom));
};

export const loadPositions = async (
  reader: Reader,
  ids: readonly string[],
): Promise<LedgerState["positions"]> => {
  if (ids.length === 0) return new Map();
  const text = "SELECT * FROM usage_position WHERE org_id = $1 AND id = ANY($2)";
  const statement = { name: "ledger-positions", text };
  const rows = await query<stored.PositionColumns>(reader, statement, [ids]);
  return byId(rows.map(stored.positionFrom));
};
