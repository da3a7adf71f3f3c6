import {
  quantityFor,
  type History,
  type ModelCommand,
  type ModelLimits,
  type ModelOutcome,
  type ModelRollover,
  type Opening,
} from "./model-command.ts";

interface Atom {
  readonly grant: ModelGrant;
  state: "free" | "held" | "consumed" | "broken" | "moved";
  by: string;
  turn: number;
}

interface ModelGrant {
  id: string;
  amount: number;
  priority: number;
  meter: string | null;
  effectiveAt: number;
  expiresAt: number;
  paid: boolean;
  refund: boolean;
  rollover: ModelRollover | null;
  ended: boolean;
}

interface ModelAuthorization {
  id: string;
  state: string;
  meter: string;
  policy: string;
  onExpiry: string;
  promised: number;
  settled: number;
  refunded: number;
  /** Quantities: what may still be used of a hold, and what was, less refunds. */
  reserved: number;
  used: number;
  shortfall: number;
  debt: number;
  window: number;
  validUntil: number;
}

const conflict = (code: string): ModelOutcome => ({
  answer: code,
  reasons: [],
  amount: 0,
  shortfall: 0,
});
const done = (amount: number, shortfall = 0): ModelOutcome => ({
  answer: "done",
  reasons: [],
  amount,
  shortfall,
});

export const replay = (history: History, limits: ModelLimits, until: number): World => {
  const world = new World(limits);
  for (const { at, command } of history) {
    world.advance(at);
    world.outcomes.push(world.run(command));
  }
  world.advance(until);
  return world;
};

/**
 * The semantics once more, naively, for tests to compare with: one account, one asset, every atom of every
 * grant an object of its own, amounts as plain numbers. It keeps no state: each question replays history.
 */
export class World {
  readonly outcomes: ModelOutcome[] = [];
  readonly grants: ModelGrant[] = [];
  readonly authorizations: ModelAuthorization[] = [];
  atoms: Atom[] = [];
  readonly #limits: ModelLimits;
  credited = 0;
  debited = 0;
  owed = 0;
  debtLimit = 0;
  soft = false;
  now = 0;
  #turn = 0;

  constructor(limits: ModelLimits) {
    this.#limits = limits;
  }

  get held(): number {
    return this.atoms.filter((atom) => atom.state === "held").length;
  }

  get available(): number {
    return this.credited - this.debited - this.held - this.owed;
  }

  count(grant: string, state: Atom["state"]): number {
    return this.atoms.filter((atom) => atom.grant.id === grant && atom.state === state).length;
  }

  /** Posted and held of all authorizations that were decided in the window. */
  used(window: number): number {
    return this.authorizations
      .filter((row) => row.window === window)
      .reduce((total, row) => total + row.promised + row.settled - row.refunded, 0);
  }

  /** Holds and grants end at their own time, in order; at the same time holds go first. */
  advance(to: number): void {
    const ends = (): { at: number; first: number; end: () => void; id: string }[] =>
      [
        ...this.authorizations
          .filter((row) => row.state === "HELD")
          .map((row) => ({
            at: row.validUntil,
            first: 0,
            id: row.id,
            end: () => this.#expire(row),
          })),
        ...this.grants
          .filter((grant) => !grant.ended)
          .map((grant) => ({
            at: grant.expiresAt,
            first: 1,
            id: grant.id,
            end: () => this.#expireGrant(grant),
          })),
      ]
        .filter((due) => due.at <= to)
        .sort((a, b) => a.at - b.at || a.first - b.first || (a.id < b.id ? -1 : 1));
    for (let due = ends(); due[0] !== undefined; due = ends()) {
      this.now = due[0].at;
      due[0].end();
    }
    this.now = Math.max(this.now, to);
  }

  run(command: ModelCommand): ModelOutcome {
    switch (command.kind) {
      case "grant":
        return this.#grant(command);
      case "charge":
      case "hold":
        return this.#open(command);
      case "record": {
        const row = this.#newAuthorization({ ...command, onExpiry: "release", ttl: 0 });
        const part = { amount: command.amount, quantity: quantityFor(command.amount), final: true };
        return { ...done(command.amount, this.#settle(row, part)), answer: "allow" };
      }
      case "setWallet":
        if (this.owed > command.debtLimit) return conflict("WRONG_STATE");
        this.debtLimit = command.debtLimit;
        this.soft = command.soft;
        return done(command.debtLimit);
      case "voidGrant": {
        const grant = this.grants.find(({ id }) => id === command.id);
        if (grant === undefined) return conflict("NOT_FOUND");
        if (grant.ended) return conflict("GRANT_ENDED");
        const rest = this.count(grant.id, "free");
        this.#end(grant);
        return done(rest);
      }
      case "settle":
      case "void":
      case "extend":
      case "refund":
        return this.#later(command);
    }
  }

  #grant(command: Extract<ModelCommand, { kind: "grant" }>): ModelOutcome {
    this.credited += command.amount;
    this.#addGrant({
      ...command,
      effectiveAt: this.now,
      expiresAt: command.life === null ? Infinity : this.now + command.life,
      refund: false,
      ended: false,
    });
    this.#repay(this.atoms.slice(-command.amount));
    return done(command.amount);
  }

  #addGrant(grant: ModelGrant): void {
    this.grants.push(grant);
    for (let i = 0; i < grant.amount; i++)
      this.atoms.push({ grant, state: "free", by: "", turn: 0 });
  }

  /** What may roll over moves first, and what its floor adds is a credit; the rest breaks. */
  #expireGrant(grant: ModelGrant): void {
    const rest = this.atoms.filter((atom) => atom.grant === grant && atom.state === "free");
    const { max, min, life } = grant.rollover ?? { max: 0, min: 0, life: 0 };
    const amount = Math.min(max, Math.max(rest.length, min));
    for (const atom of rest.slice(0, amount)) atom.state = "moved";
    this.#end(grant);
    if (amount === 0) return;
    this.#addGrant({
      ...grant,
      id: `${grant.id}~rollover`,
      amount,
      effectiveAt: grant.expiresAt,
      expiresAt: grant.expiresAt + life,
      rollover: null,
      ended: false,
    });
    const added = Math.max(0, amount - rest.length);
    this.credited += added;
    this.#repay(this.atoms.slice(this.atoms.length - added));
  }

  #end(grant: ModelGrant): void {
    grant.ended = true;
    for (const atom of this.atoms)
      if (atom.grant === grant && atom.state === "free") this.#break(atom);
  }

  #break(atom: Atom): void {
    atom.state = "broken";
    this.credited -= 1;
  }

  /** Free atoms that may pay for a meter, in burn order. */
  #free(meter: string): Atom[] {
    return this.atoms
      .filter((atom) => atom.state === "free")
      .filter(({ grant }) => grant.meter === null || grant.meter === meter)
      .sort((a, b) => compare(burnRank(a.grant), burnRank(b.grant)));
  }

  #take(atoms: Atom[], state: "held" | "consumed", by: string): void {
    this.#turn += 1;
    for (const atom of atoms) Object.assign(atom, { state, by, turn: this.#turn });
    if (state === "consumed") this.debited += atoms.length;
  }

  /** What has come in repays with its own atoms, whatever they are for. */
  #repay(arrived: Atom[]): void {
    const free = arrived.filter((atom) => atom.state === "free").slice(0, this.owed);
    this.#take(free, "consumed", "repayment");
    this.owed -= free.length;
  }

  #open(command: Opening): ModelOutcome {
    const { amount } = command;
    const reasons: string[] = [];
    const slots = this.authorizations.filter((row) => row.state === "HELD").length;
    if (command.kind === "hold" && slots >= this.#limits.concurrency)
      reasons.push("CONCURRENCY_EXCEEDED");
    const blocked = reasons.length > 0;
    const budget = Math.max(0, this.#limits.budget - this.used(this.#window()));
    if (amount > budget) reasons.push("BUDGET_EXCEEDED");
    const inDebt = amount > 0 && this.owed > 0;
    if (inDebt) reasons.push("DEBT_OUTSTANDING");
    const funds = Math.max(0, Math.min(this.#free(command.meter).length, this.available));
    if (!this.soft && amount > funds) reasons.push("INSUFFICIENT_FUNDS");
    const granted = Math.min(amount, budget, this.soft ? amount : funds);
    const denied = blocked || inDebt || (granted < amount && (!command.partial || granted === 0));
    const row = this.#newAuthorization(command);
    if (denied) {
      row.state = "DENIED";
      return { ...done(0), answer: "deny", reasons };
    }
    const answer = granted < amount ? "partial" : "allow";
    if (granted === 0) reasons.push("UNCONTROLLED");
    const quantity = quantityFor(granted);
    if (command.kind === "charge") {
      const shortfall = this.#settle(row, { amount: granted, quantity, final: true });
      return { ...done(granted, shortfall), answer, reasons };
    }
    row.state = "HELD";
    row.promised = granted;
    row.reserved = quantity;
    this.#take(this.#payable(row, granted), "held", row.id);
    return { ...done(granted), answer, reasons };
  }

  #payable(row: ModelAuthorization, amount: number): Atom[] {
    return this.#free(row.meter).slice(0, Math.max(0, Math.min(amount, this.available)));
  }

  #window(): number {
    return Math.floor(this.now / this.#limits.windowMs);
  }

  #newAuthorization(command: {
    id: string;
    meter: string;
    policy: string;
    onExpiry: string;
    ttl: number;
    kind: string;
  }): ModelAuthorization {
    const row = {
      id: command.id,
      meter: command.meter,
      onExpiry: command.onExpiry,
      // A charge settles at once what was allowed, so a soft account's rest is owed by any policy.
      policy: command.kind === "charge" ? "debt" : command.policy,
      state: "SETTLED",
      promised: 0,
      settled: 0,
      refunded: 0,
      reserved: 0,
      used: 0,
      shortfall: 0,
      debt: 0,
      window: this.#window(),
      validUntil: this.now + command.ttl,
    };
    this.authorizations.push(row);
    return row;
  }

  #later(
    command: Extract<ModelCommand, { kind: "settle" | "void" | "extend" | "refund" }>,
  ): ModelOutcome {
    const id = command.kind === "refund" ? command.of : command.id;
    const row = this.authorizations.find((each) => each.id === id);
    if (row === undefined) return conflict("NOT_FOUND");
    if (command.kind === "refund") return this.#refund(row, command);
    const open = row.state === "HELD" || (command.kind === "settle" && row.state === "EXPIRED");
    if (!open) return conflict("WRONG_STATE");
    if (command.kind === "extend") return this.#extend(row, command);
    if (command.kind === "void") {
      this.#release(row);
      row.state = "VOIDED";
      return done(0);
    }
    if (row.policy === "reject" && command.amount > row.promised) {
      // What comes late is a fresh charge.
      const fresh = row.state === "EXPIRED" ? this.#room(row, command.amount) : 0;
      if (command.amount > fresh) return conflict("OVERAGE_REJECTED");
    }
    const late = row.state === "EXPIRED";
    const shortfall = this.#settle(row, command);
    if (late) row.state = "SETTLED_LATE";
    else if (command.final) row.state = "SETTLED";
    return done(command.amount, shortfall);
  }

  /** Pinned atoms first, then what is free, then debt; the rest is the shortfall. */
  #settle(
    row: ModelAuthorization,
    { amount, quantity, final }: { amount: number; quantity: number; final: boolean },
  ): number {
    const pinned = this.#ofRow(row, "held").slice(0, amount);
    this.debited += pinned.length;
    for (const atom of pinned) atom.state = "consumed";
    const free = this.#payable(row, amount - pinned.length);
    this.#take(free, "consumed", row.id);
    const rest = amount - pinned.length - free.length;
    const debt = row.policy === "cap" ? 0 : Math.min(rest, Math.max(0, this.debtLimit - this.owed));
    this.owed += debt;
    row.debt += debt;
    row.shortfall += rest - debt;
    row.settled += amount;
    row.promised = Math.max(0, row.promised - amount);
    row.used += quantity;
    row.reserved = Math.max(0, row.reserved - quantity);
    if (final) this.#release(row);
    return rest - debt;
  }

  #ofRow(row: ModelAuthorization, state: "held" | "consumed"): Atom[] {
    const order = (atom: Atom): (number | string)[] => [atom.turn, this.#burnRank(atom)];
    return this.atoms
      .filter((atom) => atom.by === row.id && atom.state === state)
      .sort((a, b) => compare(order(a), order(b)));
  }

  #burnRank({ grant }: Atom): number {
    return this.grants.toSorted((a, b) => compare(burnRank(a), burnRank(b))).indexOf(grant);
  }

  #release(row: ModelAuthorization): void {
    for (const atom of this.#ofRow(row, "held")) {
      atom.by = "";
      atom.state = "free";
      if (atom.grant.ended) this.#break(atom);
    }
    row.promised = 0;
  }

  #expire(row: ModelAuthorization): void {
    if (row.onExpiry === "settle") {
      this.#settle(row, { amount: row.promised, quantity: row.reserved, final: true });
      row.state = "SETTLED";
      return;
    }
    this.#release(row);
    row.state = "EXPIRED";
  }

  #extend(row: ModelAuthorization, command: { ttl: number; add: number }): ModelOutcome {
    if (command.add > Math.max(0, this.#budgetRoom(row))) return conflict("BUDGET_EXCEEDED");
    if (command.add > 0 && this.#room(row, command.add) < command.add)
      return conflict(this.owed > 0 ? "DEBT_OUTSTANDING" : "INSUFFICIENT_FUNDS");
    this.#take(this.#payable(row, command.add), "held", row.id);
    row.promised += command.add;
    row.validUntil = Math.max(row.validUntil, this.now + command.ttl);
    return done(0);
  }

  /** Of what is wanted beyond a promise, how much could be promised as well. */
  #room(row: ModelAuthorization, wanted: number): number {
    const payable = this.soft ? wanted : this.#payable(row, wanted).length;
    return this.owed > 0 ? 0 : Math.min(this.#budgetRoom(row), payable);
  }

  #budgetRoom(row: ModelAuthorization): number {
    return this.#limits.budget - this.used(row.window);
  }

  /** What nobody paid, then debt, then atoms, newest first. */
  #refund(
    row: ModelAuthorization,
    command: { id: string; amount: number | null; quantity: number | null },
  ): ModelOutcome {
    if (["HELD", "DENIED"].includes(row.state)) return conflict("WRONG_STATE");
    const left = row.settled - row.refunded;
    const amount = command.amount ?? left;
    if (amount > left || left === 0) return conflict("REFUND_EXCEEDS_SETTLED");
    const unpaid = Math.min(amount, row.shortfall);
    const owed = Math.min(amount - unpaid, row.debt);
    row.shortfall -= unpaid;
    row.debt -= owed;
    row.refunded += amount;
    const share = amount === left ? row.used : Math.floor((row.used * amount) / left);
    row.used -= command.quantity === null ? share : Math.min(command.quantity, row.used);
    const forgiven = Math.min(owed, this.owed);
    this.owed -= forgiven;
    this.#regrant(`${row.id}~debt:refund:${command.id}`, owed - forgiven);
    const back = this.#ofRow(row, "consumed")
      .toReversed()
      .slice(0, amount - unpaid - owed);
    for (const atom of back) this.#repay([this.#giveBack(atom, command.id)]);
    return done(amount, unpaid);
  }

  /** The atom as it comes back: itself, or one of a new grant where its own is over. */
  #giveBack(atom: Atom, refund: string): Atom {
    const { ended, paid, refund: wasRefund, id } = atom.grant;
    this.debited -= 1;
    atom.by = "";
    atom.state = "free";
    if (ended && paid && !wasRefund) {
      atom.state = "moved";
      this.debited += 1;
      this.#regrant(`${id}~refund:${refund}`, 1, atom.grant);
      return this.atoms.at(-1) ?? atom;
    }
    if (ended) this.#break(atom);
    return atom;
  }

  /** Money that comes back where its grant is over, or where no grant is known, becomes a grant. */
  #regrant(id: string, amount: number, like?: ModelGrant): void {
    if (amount === 0) return;
    this.debited -= amount;
    const known = this.grants.find((grant) => grant.id === id);
    const grant = known ?? {
      id,
      amount: 0,
      priority: like?.priority ?? 100,
      meter: like?.meter ?? null,
      effectiveAt: this.now,
      expiresAt: like === undefined ? Infinity : this.now + this.#limits.refundGrantMs,
      paid: false,
      refund: true,
      rollover: null,
      ended: false,
    };
    if (known === undefined) this.grants.push(grant);
    grant.amount += amount;
    for (let i = 0; i < amount; i++) this.atoms.push({ grant, state: "free", by: "", turn: 0 });
  }
}

const burnRank = (grant: ModelGrant): (number | string)[] => [
  grant.priority,
  grant.meter === null ? 1 : 0,
  grant.expiresAt,
  grant.effectiveAt,
  grant.id,
];

const compare = (a: readonly (number | string)[], b: readonly (number | string)[]): number => {
  for (const [index, left] of a.entries()) {
    const right = b[index];
    if (right === undefined || left === right) continue;
    return left < right ? -1 : 1;
  }
  return 0;
};
