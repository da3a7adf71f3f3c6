import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Database } from "../ports/database.ts";
import { readBacklog } from "./backlog.ts";

/** A request that was answered. */
export interface Answered {
  readonly method: string;
  /** The declared route, such as `/organizations/:orgId/products`. */
  readonly route: string;
  readonly status: number;
  readonly ms: number;
}

export interface Metrics {
  /** All of them as Prometheus text. */
  readonly print: () => Promise<string>;
  readonly answered: (request: Answered) => void;
  readonly decided: (outcomes: readonly Outcome[]) => void;
}

/** Seconds: from a check of an open connection to what a client gives up on. */
const buckets = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];

/** What an operator asks about an outcome: was it let through, and what for if not. */
interface Label {
  readonly outcome: string;
  readonly reason: string;
}

const labelOf = (outcome: Outcome): Label => {
  if (outcome.kind === "conflict") return { outcome: "refused", reason: outcome.code };
  if (outcome.isReplayed) return { outcome: "replayed", reason: "" };
  if (outcome.kind !== "authorized") return { outcome: outcome.kind, reason: "" };
  const { decision, reasons } = outcome;
  return { outcome: decision, reason: decision === "deny" ? (reasons[0]?.code ?? "") : "" };
};

/** Counted by itself, since the library looks its labels up anew each time, thousands of times a second. */
class Tally {
  readonly #counts = new Map<string, Map<string, number>>();

  add({ outcome, reason }: Label): void {
    const byReason = this.#counts.get(outcome);
    if (byReason === undefined) this.#counts.set(outcome, new Map([[reason, 1]]));
    else byReason.set(reason, (byReason.get(reason) ?? 0) + 1);
  }

  *entries(): Iterable<[Label, number]> {
    for (const [outcome, byReason] of this.#counts)
      for (const [reason, count] of byReason) yield [{ outcome, reason }, count];
  }
}

/** Of one server; figures of the database are the same for all servers on it. */
export const createMetrics = (database: Database): Metrics => {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Histogram({
    name: "turnpike_http_request_seconds",
    help: "How long requests took to answer.",
    labelNames: ["method", "route", "status"],
    buckets,
    registers,
  });
  const tally = new Tally();
  // oxlint-disable-next-line no-new -- it is collected by its registry
  new Counter({
    name: "turnpike_decisions_total",
    help: "Commands of authorization by what was answered; of what was denied or refused, the first reason.",
    labelNames: ["outcome", "reason"],
    registers,
    collect() {
      this.reset();
      for (const [label, count] of tally.entries()) this.inc({ ...label }, count);
    },
  });
  const backlog = createBacklogGauges(database, registers);
  const print = async (): Promise<string> => {
    await backlog();
    return registry.metrics();
  };
  let printing: Promise<string> | undefined;
  return {
    // Anybody may ask, and the database is asked with each page: once for all who wait.
    print: () =>
      (printing ??= print().finally(() => {
        printing = undefined;
      })),
    answered: ({ ms, ...labels }) => requests.observe(labels, ms / 1000),
    decided: (outcomes) => {
      for (const outcome of outcomes) tally.add(labelOf(outcome));
    },
  };
};

/** Reads anew what waits in the database; where it is away, these gauges have no value. */
const createBacklogGauges = (database: Database, registers: Registry[]): (() => Promise<void>) => {
  const isUp = new Gauge({
    name: "turnpike_database_up",
    help: "Whether the database answered.",
    registers,
  });
  const undelivered = new Gauge({
    name: "turnpike_undelivered_measurements",
    help: "Measurements of decisions on their way to the usage store: more and more of them where nobody keeps usage.",
    registers,
  });
  const refused = new Gauge({
    name: "turnpike_refused_measurements",
    help: "Measurements of decisions that the usage store refused, each with an event: none of them is on a bill.",
    registers,
  });
  const tasks = new Gauge({
    name: "turnpike_tasks",
    help: "Background tasks: running, waiting, due later, or given up after their last attempt.",
    labelNames: ["task", "state"],
    registers,
  });
  return async () => {
    const found = await readBacklog(database).catch(() => undefined);
    isUp.set(found === undefined ? 0 : 1);
    for (const gauge of [undelivered, refused]) gauge.remove();
    tasks.reset();
    if (found === undefined) return;
    undelivered.set(found.undelivered);
    refused.set(found.refused);
    for (const { task, state, count } of found.tasks) tasks.set({ task, state }, count);
  };
};
