/** Random authorization traffic: what one client asks next, from a seed of its own. */

export interface Operation {
  readonly method: "POST" | "PUT";
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Whether the answer says what was decided then, so that a repeat must say the same. */
  readonly isDecision: boolean;
}

/** What all clients have opened so far: each may act on what another has made. */
export interface Known {
  readonly opened: { readonly uid: string; readonly account: string }[];
  readonly grants: string[];
  readonly leases: string[];
  readonly topUps: string[];
}

export const emptyKnown = (): Known => ({ opened: [], grants: [], leases: [], topUps: [] });

/** Whole numbers below `end`, the same for the same seed (mulberry32). */
export const randomFrom = (seed: number): ((end: number) => number) => {
  let state = seed >>> 0;
  return (end) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % end;
  };
};

export interface Setting {
  readonly accounts: readonly string[];
  /** Those of the accounts whose calls may be priced by their plan. */
  readonly planned: ReadonlySet<string>;
  /** The id of each account. */
  readonly idOf: (account: string) => string;
  /** What each account uses. */
  readonly meterOf: (account: string) => string;
  /** Whether a meter counts calls. */
  readonly counts: (meter: string) => boolean;
  /** When the usage of a call occurs; now when undefined. */
  readonly ts?: () => string;
}

/** Draws one client's operations. */
export class RandomClient {
  readonly #setting: Setting;
  readonly #known: Known;
  readonly #random: (end: number) => number;
  readonly #name: string;
  #count = 0;

  constructor(setting: Setting, known: Known, { name, seed }: { name: string; seed: number }) {
    this.#setting = setting;
    this.#known = known;
    this.#name = name;
    this.#random = randomFrom(seed);
  }

  below(end: number): number {
    return this.#random(end);
  }

  pick<One>(from: readonly One[]): One | undefined {
    return from[this.#random(Math.max(1, from.length))];
  }

  next(): Operation {
    const total = weights.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.#random(total);
    for (const [weight, draw] of weights) {
      if (left < weight) return draw(this) ?? this.authorization();
      left -= weight;
    }
    return this.authorization();
  }

  fresh(): string {
    this.#count += 1;
    return `${this.#name}-${this.#count}`;
  }

  account(): string {
    return this.pick(this.#setting.accounts) ?? "";
  }

  money(end = 400): string {
    return (this.#random(end) / 100).toString();
  }

  usage(): { readonly ts?: string; readonly measure: { readonly units: number } } {
    const ts = this.#setting.ts?.();
    return { ...(ts === undefined ? {} : { ts }), measure: { units: this.#random(8) } };
  }

  /** The body of a first request, for a plan's price where the account has one. */
  request(): Record<string, unknown> {
    const account = this.account();
    const meter = this.#setting.meterOf(account);
    const uid = this.fresh();
    const isPriced = this.#setting.planned.has(account) && this.#random(3) > 0;
    const isBot = this.#random(3) === 0;
    this.#known.opened.push({ uid, account });
    return {
      uid,
      account,
      meter,
      mode: this.pick(["charge", "charge", "charge", "hold", "hold", "session"]),
      ...this.usage(),
      ...(isPriced ? {} : { amount: this.money(), asset: "USD" }),
      ...(isBot ? { agent: "bot" } : {}),
      ...(this.#random(4) === 0 ? { subject: "busy" } : {}),
      ...(this.#random(6) === 0 ? { assets: ["TOK", "USD"] } : {}),
      ttlSeconds: this.#random(4) === 0 ? 1 : 10,
      // What is left of a hold of which parts were settled is one call more to who counts, and was not held.
      onExpiry: this.#setting.counts(meter) ? "release" : this.pick(["release", "settle"]),
      // So that its hard budget is never exceeded: only what is settled beyond a hold may do that (I13).
      settleOverage: isBot ? "reject" : this.pick(["reject", "cap", "debt"]),
      partial: this.pick(["never", "allow"]),
    };
  }

  authorization(): Operation {
    return decision("authorizations", this.request());
  }

  /** On an authorization that some client has opened. */
  act(verb: string, body: Record<string, unknown>): Operation | undefined {
    const found = this.pick(this.#known.opened);
    return found && decision(`authorizations/${found.uid}/${verb}`, body);
  }

  sequence(): number {
    return this.#random(4) + 1;
  }

  refund(): Operation | undefined {
    const found = this.pick(this.#known.opened);
    const part = this.#random(2) === 0 ? {} : { amount: this.money(200) };
    return found && decision("refunds", { uid: this.fresh(), of: found.uid, ...part });
  }

  grant(): Operation {
    const id = this.fresh();
    this.#known.grants.push(id);
    const expiresAt = new Date(Date.now() + 500 + this.#random(4_000)).toISOString();
    return setting("grants", {
      id,
      account: this.account(),
      asset: this.#random(4) === 0 ? "TOK" : "USD",
      amount: (1 + this.#random(12)).toString(),
      priority: 98 + this.#random(4),
      purpose: this.pick(["paid", "promotional", "bundled"]),
      ...(this.#random(2) === 0 ? { expiresAt } : {}),
    });
  }

  voidGrant(): Operation | undefined {
    const id = this.pick(this.#known.grants);
    return id === undefined ? undefined : setting(`grants/${id}/void`, {});
  }

  lease(): Operation {
    const id = this.fresh();
    this.#known.leases.push(id);
    return decision("leases", {
      id,
      account: this.account(),
      asset: "USD",
      amount: this.money(),
      ttlSeconds: 1 + this.#random(3),
      onExpiry: this.pick(["release", "settle"]),
      settleOverage: this.pick(["reject", "cap", "debt"]),
    });
  }

  report(): Operation | undefined {
    const id = this.pick(this.#known.leases);
    const spends = Array.from({ length: this.#random(3) }, () => ({
      uid: this.fresh(),
      meter: "calls",
      amount: this.money(150),
      ...this.usage(),
    }));
    const body = { sequence: this.sequence(), spends, final: this.#random(2) === 0 };
    return id === undefined ? undefined : decision(`leases/${id}/report`, body);
  }

  endLease(): Operation | undefined {
    const id = this.pick(this.#known.leases);
    if (id === undefined) return undefined;
    return this.#random(2) === 0
      ? decision(`leases/${id}/release`, {})
      : decision(`leases/${id}/renew`, { sequence: this.sequence(), ttlSeconds: 2 });
  }

  topUp(): Operation {
    const id = this.fresh();
    this.#known.topUps.push(id);
    return setting("topups", { id, account: this.account(), asset: "USD", creditAmount: "3" });
  }

  endTopUp(): Operation | undefined {
    const id = this.pick(this.#known.topUps);
    if (id === undefined) return undefined;
    return this.#random(3) === 0
      ? setting(`topups/${id}/fail`, {})
      : setting(`topups/${id}/confirm`, { payment: `paid-${this.#random(40)}` });
  }

  wallet(): Operation {
    const path = `accounts/${this.#setting.idOf(this.account())}/wallet/USD`;
    const mode = this.#random(4) === 0 ? "soft" : "hard";
    return { ...setting(path, { mode, debtLimit: this.money(500) }), method: "PUT" };
  }

  batch(): Operation {
    const authorizations = Array.from({ length: 1 + this.#random(5) }, () => this.request());
    return decision("authorizations/batch", { authorizations, linked: this.#random(2) === 0 });
  }

  plainUsage(): Operation {
    const account = this.account();
    const body = { uid: this.fresh(), account, meter: this.#setting.meterOf(account) };
    const ts = new Date().toISOString();
    return setting("measurements", { measurements: [{ ts, ...body, ...this.usage() }] });
  }
}

const decision = (path: string, body: Record<string, unknown>): Operation => ({
  method: "POST",
  path,
  body,
  isDecision: true,
});

/** Its answer says how things stand: only its effect happens once. */
const setting = (path: string, body: Record<string, unknown>): Operation => ({
  ...decision(path, body),
  isDecision: false,
});

const weights: readonly (readonly [number, (client: RandomClient) => Operation | undefined])[] = [
  [30, (client) => client.authorization()],
  [
    16,
    (client) =>
      client.act("settle", {
        sequence: client.sequence(),
        amount: client.money(300),
        ...client.usage(),
        final: client.below(2) === 0,
      }),
  ],
  [6, (client) => client.act("void", {})],
  [
    4,
    (client) =>
      client.act("extend", {
        sequence: client.sequence(),
        ttlSeconds: 1 + client.below(5),
        addAmount: client.money(100),
      }),
  ],
  [
    5,
    (client) =>
      client.act("update", {
        sequence: client.sequence(),
        used: { amount: client.money(100), ...client.usage() },
        request: { amount: client.money(200), ...client.usage() },
      }),
  ],
  [8, (client) => client.refund()],
  [10, (client) => client.grant()],
  [2, (client) => client.voidGrant()],
  [4, (client) => client.lease()],
  [4, (client) => client.report()],
  [2, (client) => client.endLease()],
  [3, (client) => client.topUp()],
  [4, (client) => client.endTopUp()],
  [2, (client) => client.wallet()],
  [5, (client) => client.batch()],
  [4, (client) => client.plainUsage()],
];
