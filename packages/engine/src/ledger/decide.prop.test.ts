import * as fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { brokenInvariants } from "./invariants.ts";
import {
  quantityFor,
  type History,
  type ModelCommand,
  type ModelLimits,
  type ModelOutcome,
} from "./model-command.ts";
import type { Outcome } from "./outcome.ts";
import { replay } from "./reference-model.ts";
import type { Request } from "./request.ts";
import type { Restriction, Rollover } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import {
  sampleCharge,
  sampleRecord,
  sampleDebtLimit,
  sampleGrant,
  sampleRefund,
  sampleSettle,
  sampleVoid,
  usedAmount,
} from "./sample-request.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

afterAll(() => process.stdout.write(`${SampleLedger.decided} commands decided\n`));

/** A nightly run of many sequences takes longer than one test may. */

const hourMs = 3_600_000;
const limits: ModelLimits = {
  budget: 60,
  windowMs: hourMs,
  concurrency: 3,
  refundGrantMs: 2 * hourMs,
};

const openLedger = (): SampleLedger =>
  new SampleLedger({
    settings: { refundGrantMs: limits.refundGrantMs },
    budgets: [
      {
        id: "hourly",
        code: "hourly",
        scope: { account: "acme" },
        counts: { asset: "USD" },
        window: { kind: "hour" },
        zone: "UTC",
        anchor: null,
        limit: BigInt(limits.budget),
        mode: "hard",
        alertPercents: [50, 100],
      },
    ],
    concurrencyLimits: [
      { id: "slots", code: "slots", scope: { account: "acme" }, limit: limits.concurrency },
    ],
  });

const amount = fc.nat({ max: 20 });
const time = fc.integer({ min: 1, max: 90 }).map((minutes) => minutes * 60_000);
const meter = fc.constantFrom("calls", "tokens");
const target = fc.nat({ max: 30 });

/** A command that names what it is about by a number: which of the known ids is decided at run time. */
const step = fc.record({
  wait: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, time),
  target,
  command: fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("grant" as const),
        amount: fc.integer({ min: 1, max: 30 }),
        priority: fc.nat({ max: 2 }),
        life: fc.option(time),
        meter: fc.option(meter),
        paid: fc.boolean(),
        rollover: fc.option(
          fc.record({ max: fc.integer({ min: 1, max: 20 }), min: fc.nat({ max: 20 }), life: time }),
        ),
      }),
    },
    {
      weight: 7,
      arbitrary: fc.record({
        kind: fc.constantFrom("charge" as const, "hold" as const, "hold" as const),
        amount,
        meter,
        partial: fc.boolean(),
        ttl: time,
        onExpiry: fc.constantFrom("release" as const, "settle" as const),
        policy: fc.constantFrom("reject" as const, "cap" as const, "debt" as const),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("record" as const),
        amount,
        meter,
        policy: fc.constantFrom("cap" as const, "debt" as const),
      }),
    },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant("settle" as const),
        amount,
        quantity: amount,
        final: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("void" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({ kind: fc.constant("extend" as const), ttl: time, add: amount }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constant("refund" as const),
        amount: fc.option(amount),
        quantity: fc.option(amount, { freq: 2 }),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant("voidGrant" as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant("setWallet" as const),
        debtLimit: fc.nat({ max: 15 }),
        soft: fc.boolean(),
      }),
    },
  ),
});

type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

const pick = (ids: readonly string[], index: number): string =>
  ids[index % Math.max(1, ids.length)] ?? "nobody";

/** Gives a step its ids. */
const commandOf = (
  { command, target: index }: Step,
  known: { readonly number: number; readonly openings: string[]; readonly grants: string[] },
): ModelCommand => {
  const id = `n${String(known.number).padStart(3, "0")}`;
  switch (command.kind) {
    case "grant":
    case "charge":
    case "hold":
    case "record":
      return { ...command, id };
    case "settle":
    case "void":
    case "extend":
      return { ...command, id: pick(known.openings, index) };
    case "refund":
      return { ...command, id, of: pick(known.openings, index) };
    case "voidGrant":
      return { ...command, id: pick(known.grants, index) };
    case "setWallet":
      return command;
  }
};

/** To name nothing is to restrict nothing. */
const restrictionOf = ({
  meter: only,
  paid,
}: Extract<ModelCommand, { kind: "grant" }>): Restriction | null => {
  if (only === null && paid) return null;
  return { products: [], features: [], meters: only === null ? [] : [only] };
};

const rolloverOf = ({ rollover }: Extract<ModelCommand, { kind: "grant" }>): Rollover | null =>
  rollover === null
    ? null
    : { max: BigInt(rollover.max), min: BigInt(rollover.min), expiresAfterMs: rollover.life };

const requestOf = (command: ModelCommand, number: number, now: number): Request => {
  const fingerprint = JSON.stringify(command);
  switch (command.kind) {
    case "grant":
      return sampleGrant(command.id, BigInt(command.amount), {
        priority: command.priority,
        effectiveAt: null,
        expiresAt: command.life === null ? null : now + command.life,
        appliesTo: restrictionOf(command),
        purpose: command.paid ? "paid" : "promotional",
        rollover: rolloverOf(command),
      });
    case "charge":
    case "hold":
      return sampleCharge(command.id, BigInt(command.amount), {
        mode: command.kind,
        meter: command.meter,
        quantity: BigInt(quantityFor(command.amount)),
        partial: command.partial ? "allow" : "never",
        ttlMs: command.ttl,
        onExpiry: command.onExpiry,
        settleOverage: command.policy,
      });
    case "record":
      return sampleRecord(
        sampleCharge(command.id, BigInt(command.amount), {
          meter: command.meter,
          quantity: BigInt(quantityFor(command.amount)),
        }),
        { settleOverage: command.policy },
      );
    case "settle":
      return sampleSettle(command.id, BigInt(command.amount), {
        sequence: number,
        used: usedAmount(BigInt(command.amount), BigInt(command.quantity)),
        isFinal: command.final,
      });
    case "void":
      return sampleVoid(command.id);
    case "extend":
      return {
        kind: "extend",
        id: command.id,
        fingerprint,
        sequence: number % 2 === 0 ? null : number,
        ttlMs: command.ttl,
        addAmount: BigInt(command.add),
      };
    case "refund":
      return {
        ...sampleRefund(
          command.id,
          command.of,
          command.amount === null ? null : BigInt(command.amount),
        ),
        quantities: command.quantity === null ? null : [BigInt(command.quantity)],
      };
    case "voidGrant":
      return { kind: "voidGrant", id: command.id, fingerprint };
    case "setWallet":
      return sampleDebtLimit(BigInt(command.debtLimit), { mode: command.soft ? "soft" : "hard" });
  }
};

const shownOutcome = (outcome: Outcome): ModelOutcome => {
  switch (outcome.kind) {
    case "authorized":
      return {
        answer: outcome.decision,
        reasons: outcome.reasons.map((reason) => reason.code),
        amount: Number(outcome.amount),
        shortfall: Number(outcome.shortfall),
      };
    case "settled":
    case "booked":
      return {
        answer: "done",
        reasons: [],
        amount: Number(outcome.amount),
        shortfall: Number(outcome.shortfall),
      };
    case "conflict":
      return { answer: outcome.code, reasons: [], amount: 0, shortfall: 0 };
  }
};

const shownLedger = (ledger: SampleLedger) => {
  const row = ledger.state.walletAccounts.get("USD/acme");
  return {
    C: Number(row?.credited ?? 0n),
    D: Number(row?.debited ?? 0n),
    H: Number(row?.held ?? 0n),
    X: Number(row?.debt ?? 0n),
    grants: [...ledger.state.grants.values()]
      .map((grant) => [
        grant.id,
        Number(grant.remaining),
        Number(grant.held),
        Number(grant.breakage),
        Number(grant.transferred),
      ])
      .sort(byFirst),
    authorizations: [...ledger.state.authorizations.values()]
      .map((each) => [
        each.id,
        each.state,
        Number(each.settled),
        Number(each.shortfall),
        Number(each.settledQuantity - each.refundedQuantity),
      ])
      .sort(byFirst),
    counters: [...ledger.state.counters.values()]
      .map((each) => [each.windowStart / hourMs, Number(each.posted + each.held)] as const)
      .filter(([, used]) => used !== 0)
      .sort(byFirst),
  };
};

const byFirst = (a: readonly unknown[], b: readonly unknown[]): number =>
  String(a[0]).padStart(9) < String(b[0]).padStart(9) ? -1 : 1;

const shownModel = (history: History, until: number) => {
  const world = replay(history, limits, until);
  const windows = [...new Set(world.authorizations.map((row) => row.window))];
  return {
    outcome: world.outcomes.at(-1),
    C: world.credited,
    D: world.debited,
    H: world.held,
    X: world.owed,
    grants: world.grants
      .map(({ id }) => [
        id,
        world.count(id, "free"),
        world.count(id, "held"),
        world.count(id, "broken"),
        world.count(id, "moved"),
      ])
      .sort(byFirst),
    authorizations: world.authorizations
      .map((row) => [row.id, row.state, row.settled, row.shortfall, row.used])
      .sort(byFirst),
    counters: windows
      .map((window) => [window, world.used(window)] as const)
      .filter(([, used]) => used !== 0)
      .sort(byFirst),
  };
};

/** A void that is sent again finds its first answer; the next step shows that nothing moved. */
const isReplay = (outcome: Outcome): boolean => outcome.kind !== "conflict" && outcome.isReplayed;

test("any sequence of commands agrees with the reference model and keeps the invariants", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30, size: "max" }), (steps) => {
      const ledger = openLedger();
      const history: { at: number; command: ModelCommand }[] = [];
      const openings: string[] = [];
      const grants: string[] = [];
      for (const [number, each] of steps.entries()) {
        ledger.now += each.wait;
        const command = commandOf(each, { number, openings, grants });
        if (command.kind === "grant") grants.push(command.id);
        if (["charge", "hold", "record"].includes(command.kind) && "id" in command)
          openings.push(command.id);
        const outcome = ledger.one(requestOf(command, number, ledger.now));
        if (command.kind !== "extend" && isReplay(outcome)) continue;
        history.push({ at: ledger.now, command });
        const shown = { outcome: shownOutcome(outcome), ...shownLedger(ledger) };
        expect(shown).toEqual(shownModel(history, ledger.now));
        expect(brokenInvariants(ledger.state, ledger.postings)).toEqual([]);
      }
    }),
    { numRuns },
  );
});

/** The commands of the steps as requests, with the times at which they arrive. */
const requestsOf = (steps: readonly Step[]): { at: number; request: Request }[] => {
  const openings: string[] = [];
  const grants: string[] = [];
  let at = 0;
  return steps.map((each, number) => {
    at += each.wait;
    const command = commandOf(each, { number, openings, grants });
    if (command.kind === "grant") grants.push(command.id);
    if (["charge", "hold", "record"].includes(command.kind) && "id" in command)
      openings.push(command.id);
    return { at, request: requestOf(command, number, at) };
  });
};

const rowsOf = (ledger: SampleLedger) => ({
  grants: ledger.state.grants,
  authorizations: ledger.state.authorizations,
  counters: ledger.state.counters,
  walletAccounts: [...ledger.state.walletAccounts.values()].map((row) => ({ ...row, seenAt: 0 })),
});

const steps = fc.array(step, { maxLength: 30, size: "max" });

test("deciding together or one by one gives the same answers and rows (I17, I24)", () => {
  fc.assert(
    fc.property(steps, (random) => {
      const requests = requestsOf(random.map((each) => ({ ...each, wait: 0 })));
      const together = openLedger();
      const apart = openLedger();
      const answers = together.run(...requests.map(({ request }) => request));
      expect(requests.map(({ request }) => apart.one(request))).toEqual(answers);
      expect(rowsOf(apart)).toEqual(rowsOf(together));
      expect(apart.postings).toEqual(together.postings);
      expect(apart.events).toEqual(together.events);
    }),
    { numRuns },
  );
});

test("when the sweep runs makes no difference (I22, I23)", () => {
  fc.assert(
    fc.property(
      steps,
      fc.array(fc.nat({ max: 89 }), { minLength: 30, maxLength: 30 }),
      (random, touches) => {
        const late = openLedger();
        const often = openLedger();
        for (const [number, { at, request }] of requestsOf(random).entries()) {
          often.now = Math.max(often.now, at - (touches[number] ?? 0) * 60_000);
          often.run();
          often.now = at;
          late.now = at;
          expect(often.one(request)).toEqual(late.one(request));
        }
        expect(rowsOf(often)).toEqual(rowsOf(late));
      },
    ),
    { numRuns },
  );
});

const isAlwaysNew = (request: Request): boolean =>
  request.kind === "setWallet" || (request.kind === "extend" && request.sequence === null);

test("every request sent again finds its answer and moves nothing (I10)", () => {
  fc.assert(
    fc.property(steps, (random) => {
      const ledger = openLedger();
      const answered = requestsOf(random).flatMap(({ at, request }) => {
        ledger.now = at;
        const outcome = ledger.one(request);
        return outcome.kind === "conflict" || isAlwaysNew(request) ? [] : [{ request, outcome }];
      });
      const before = rowsOf(ledger);
      const [postings, events] = [ledger.postings.length, ledger.events.length];
      for (const { request, outcome } of answered)
        expect(ledger.one(request)).toEqual({ ...outcome, isReplayed: true });
      expect(rowsOf(ledger)).toEqual(before);
      expect([ledger.postings.length, ledger.events.length]).toEqual([postings, events]);
    }),
    { numRuns },
  );
});

test("metered quantity is what was settled less what was refunded, once per part (I18)", () => {
  fc.assert(
    fc.property(steps, (random) => {
      const ledger = openLedger();
      for (const { at, request } of requestsOf(random)) {
        ledger.now = at;
        ledger.run(request);
      }
      const ids = ledger.events.map((event) => event.id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const row of ledger.state.authorizations.values()) {
        const own = ledger.events.filter((event) => event.authorization === row.id);
        // What is settled at once is metered at once, whatever it costs.
        if (row.terms.mode === "charge" || row.terms.mode === "record")
          expect(own.filter(({ id }) => id === row.id)).toHaveLength(
            row.state === "DENIED" ? 0 : 1,
          );
        const quantity = own.reduce((total, event) => total + event.quantity, 0n);
        const paid = own.reduce((total, event) => total + event.amount, 0n);
        expect([quantity, paid]).toEqual([
          row.settledQuantity - row.refundedQuantity,
          row.settled - row.refunded,
        ]);
      }
    }),
    { numRuns },
  );
});

test("an alert threshold fires once per window, and only when reached (I32)", () => {
  fc.assert(
    fc.property(steps, (random) => {
      const ledger = openLedger();
      for (const { at, request } of requestsOf(random)) {
        ledger.now = at;
        ledger.run(request);
      }
      const fired = ledger.alerts.map((alert) => `${alert.counter} ${alert.percent}`);
      expect(new Set(fired).size).toBe(fired.length);
      for (const { used, limit, percent } of ledger.alerts)
        expect(used * 100n >= limit * BigInt(percent)).toBe(true);
    }),
    { numRuns },
  );
});
