import { formatAtoms, type Asset, type ExchangeRate } from "./asset.ts";
import type { Budget } from "./budget-window.ts";
import type { ConcurrencyLimit } from "./concurrency-limit.ts";
import { decide } from "./decide.ts";
import type { Outcome, Reason } from "./outcome.ts";
import type { RateLimit } from "./rate-limit.ts";
import type { Request } from "./request.ts";
import {
  availableOf,
  walletAccountId,
  type Alert,
  type Changes,
  type Customer,
  type LedgerSettings,
  type LedgerState,
  type PeriodPaid,
  type Posting,
  type TopUpRule,
  type UsageEvent,
  type WalletAccount,
} from "./rows.ts";
import { isForPlan } from "./true-up.ts";

export interface Setup {
  readonly rates?: readonly ExchangeRate[];
  readonly budgets?: readonly Budget[];
  readonly rateLimits?: readonly RateLimit[];
  readonly concurrencyLimits?: readonly ConcurrencyLimit[];
  readonly topUpRules?: readonly TopUpRule[];
  readonly customers?: readonly Customer[];
  readonly settings?: Partial<LedgerSettings>;
}

const byId = <Row extends { readonly id: string }>(
  rows: readonly Row[] | undefined,
): Map<string, Row> => new Map(rows?.map((row) => [row.id, row]));

export const sampleAssets: readonly Asset[] = [
  { code: "USD", scale: 6, kind: "fiat" },
  { code: "EUR", scale: 6, kind: "fiat" },
  { code: "TOK", scale: 0, kind: "custom" },
];

export const sampleCustomer = (code: string): Customer => ({
  code,
  isFrozen: false,
  features: null,
  blocksFreeOnDebt: false,
});

const put = <Row extends { readonly id: string }>(
  into: Map<string, Row>,
  rows: readonly Row[],
): void => {
  for (const row of rows) into.set(row.id, row);
};

/** A ledger in memory for tests and benchmarks: it stores what a shell would write. */
export class SampleLedger {
  /** How many commands all ledgers of this process have decided: a long run says how long it was. */
  static decided = 0;
  readonly #maps;
  readonly postings: Posting[] = [];
  readonly events: UsageEvent[] = [];
  readonly alerts: Alert[] = [];
  readonly #constant;
  now = 0;

  constructor(setup: Setup = {}) {
    this.#constant = {
      settings: {
        extendPaidOnHold: false,
        refundGrantMs: 30 * 86_400_000,
        ...setup.settings,
      },
      assets: new Map(sampleAssets.map((asset) => [asset.code, asset])),
      rates: setup.rates ?? [],
      budgets: byId(setup.budgets),
      rateLimits: byId(setup.rateLimits),
      concurrencyLimits: byId(setup.concurrencyLimits),
    };
    this.#maps = {
      customers: new Map(
        (setup.customers ?? [sampleCustomer("acme")]).map((customer) => [customer.code, customer]),
      ),
      walletAccounts: byId<WalletAccount>([]),
      grants: byId<Changes["grants"][number]>([]),
      authorizations: byId<Changes["authorizations"][number]>([]),
      decisions: byId<Changes["decisions"][number]>([]),
      counters: byId<Changes["counters"][number]>([]),
      rateBuckets: byId<Changes["rateBuckets"][number]>([]),
      concurrencyCounts: byId<Changes["concurrencyCounts"][number]>([]),
      positions: byId<Changes["positions"][number]>([]),
      topUps: byId<Changes["topUps"][number]>([]),
      topUpRules: byId(setup.topUpRules),
    };
  }

  get state(): LedgerState {
    return { ...this.#constant, ...this.#maps, beginnings: new Map(), periodsPaid: new Map() };
  }

  /** What all usage was settled at, or what was charged for plans. */
  paid(onlyForPlan = false): PeriodPaid {
    let [debited, shortfall] = [0n, 0n];
    for (const row of this.#maps.authorizations.values()) {
      if (row.terms.spender.meter === null || (onlyForPlan && !isForPlan(row.terms))) continue;
      debited += row.settled - row.refunded - row.shortfall;
      shortfall += row.shortfall;
    }
    return { debited, shortfall };
  }

  setCustomer(customer: Customer): void {
    this.#maps.customers.set(customer.code, customer);
  }

  /** Decides at `this.now` and stores the changes. */
  run(...requests: Request[]): Outcome[] {
    const periodsPaid = new Map(
      requests.flatMap((one) =>
        one.kind === "trueUp" ? [[one.id, this.paid(one.onlyForPlan)]] : [],
      ),
    );
    const { decisions, changes } = decide({ ...this.state, periodsPaid }, requests, this.now);
    SampleLedger.decided += decisions.length;
    this.store(changes);
    return [...decisions];
  }

  one(request: Request): Outcome {
    const [outcome] = this.run(request);
    if (outcome === undefined) throw new Error("no outcome");
    return outcome;
  }

  store(changes: Changes): void {
    put(this.#maps.walletAccounts, changes.walletAccounts);
    put(this.#maps.grants, changes.grants);
    put(this.#maps.authorizations, changes.authorizations);
    put(this.#maps.decisions, changes.decisions);
    put(this.#maps.counters, changes.counters);
    put(this.#maps.rateBuckets, changes.rateBuckets);
    put(this.#maps.concurrencyCounts, changes.concurrencyCounts);
    put(this.#maps.positions, changes.positions);
    put(this.#maps.topUps, changes.topUps);
    put(this.#maps.topUpRules, changes.topUpRules);
    this.postings.push(...changes.postings);
    this.events.push(...changes.events);
    this.alerts.push(...changes.alerts);
  }

  wallet(asset = "USD", account = "acme"): WalletAccount {
    const row = this.#maps.walletAccounts.get(walletAccountId(account, asset));
    if (row === undefined) throw new Error(`${account} holds no ${asset}`);
    return row;
  }

  grant(id: string): Changes["grants"][number] {
    const row = this.#maps.grants.get(id);
    if (row === undefined) throw new Error(`no grant ${id}`);
    return row;
  }

  authorization(id: string): Changes["authorizations"][number] {
    const row = this.#maps.authorizations.get(id);
    if (row === undefined) throw new Error(`no authorization ${id}`);
    return row;
  }
}

/** C, D, H, X and what is available, as decimal strings. */
export const columnsOf = (
  ledger: SampleLedger,
  asset = "USD",
): Readonly<Record<"C" | "D" | "H" | "X" | "available", string>> => {
  const row = ledger.wallet(asset);
  const scale = sampleAssets.find(({ code }) => code === asset)?.scale ?? 0;
  return {
    C: formatAtoms(row.credited, scale),
    D: formatAtoms(row.debited, scale),
    H: formatAtoms(row.held, scale),
    X: formatAtoms(row.debt, scale),
    available: formatAtoms(availableOf(row), scale),
  };
};

export const remainingOf = (ledger: SampleLedger, ...grants: string[]): string[] =>
  grants.map((id) => formatAtoms(ledger.grant(id).remaining, 6));

export const decisionOf = (outcome: Outcome | undefined): string | undefined =>
  outcome?.kind === "authorized" ? outcome.decision : outcome?.kind;

export const reasonsOf = (outcome: Outcome | undefined): readonly Reason[] =>
  outcome?.kind === "authorized" ? outcome.reasons : [];
