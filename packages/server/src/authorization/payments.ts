import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import type { PaymentOutcome, PaymentProvider } from "../ports/payment-provider.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Ledger } from "./ledger.ts";
import { attemptEach, LeftAlone } from "./left-alone.ts";
import { type Repeating, startRepeating } from "./repeating.ts";
import { steadyMs } from "./steady-clock.ts";

const everyMs = 500;
const atOnceMax = 20;
/** How long others wait for those that are asked for with them: what does not answer holds up nobody longer. */
const patienceMs = 1_000;

interface UnrequestedColumns {
  readonly key: string;
  readonly org_id: string;
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  readonly charge_amount: string;
  readonly payment_method: string | null;
}

interface Asking {
  readonly provider: PaymentProvider;
  readonly logger: Logger;
  /** How long an answer is waited for: then it is not known whether the money moves, and it is asked again later. */
  readonly deadlineMs?: number;
}

/**
 * Asks the payment provider for what pending top-ups need. The mark that it was asked is written after its answer is,
 * so that a crash asks again; the provider knows a top-up by its id.
 */
export const startPayments = (
  ledger: Ledger,
  { provider, logger, deadlineMs = 30_000 }: Asking,
): Repeating => {
  const left = new LeftAlone(steadyMs);
  const underWay = new Map<string, Promise<void>>();
  const stopping = new AbortController();
  const ask = async (row: UnrequestedColumns): Promise<void> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(deadlineMs)]);
    try {
      await book(ledger, row, await answerOf(provider, row, signal));
    } catch (error) {
      // Whoever starts next asks again.
      if (!stopping.signal.aborted) throw error;
    }
  };
  const failed = "a payment cannot be asked for, or not be booked";
  const begin = (row: UnrequestedColumns): Promise<void> => {
    const asked = attemptEach([row], { work: ask, left, logger, failed });
    const ended = asked.finally(() => underWay.delete(row.key));
    underWay.set(row.key, ended);
    return ended;
  };
  const work = async (): Promise<number> => {
    const rows = await unrequested(ledger, [...left.keys(), ...underWay.keys()]);
    await Promise.race([
      Promise.all(rows.map(begin)),
      delay(patienceMs, undefined, { ref: false }),
    ]);
    return rows.length < atOnceMax ? everyMs : 0;
  };
  const asking = startRepeating({ work, pauseMs: everyMs, paused: "payments paused", logger });
  return {
    stop: async () => {
      stopping.abort();
      await asking.stop();
      await Promise.all(underWay.values());
    },
  };
};

/** Top-ups whose payment is still to be asked for, but for those that are left alone. */
const unrequested = async (
  { pool }: Ledger,
  left: readonly string[],
): Promise<UnrequestedColumns[]> => {
  const { rows } = await pool.query<UnrequestedColumns>(
    `SELECT org_id || ' ' || id AS key, org_id, id, account, asset, charge_amount, payment_method
     FROM top_up WHERE state = 'pending' AND NOT is_requested AND org_id || ' ' || id <> ALL($2)
     ORDER BY id LIMIT $1`,
    [atOnceMax, left],
  );
  return rows;
};

/** Not waited for beyond the signal, also of a provider that does not heed it. */
const answerOf = (
  provider: PaymentProvider,
  { org_id: orgId, id, account, ...row }: UnrequestedColumns,
  signal: AbortSignal,
): Promise<PaymentOutcome> => {
  const payment = {
    orgId,
    topUpId: id,
    account,
    asset: row.asset,
    chargeAmount: row.charge_amount,
    paymentMethod: row.payment_method,
  };
  signal.throwIfAborted();
  const asked = provider.request(payment, signal);
  const missed = new Promise<never>((_, reject) => {
    const giveUp = () => reject(new Error("no answer in time", { cause: signal.reason }));
    signal.addEventListener("abort", giveUp, { once: true });
  });
  return Promise.race([asked, missed]);
};

const book = async (
  ledger: Ledger,
  { org_id: orgId, id, account }: UnrequestedColumns,
  outcome: PaymentOutcome,
): Promise<void> => {
  const command = commandFor(id, outcome);
  if (command !== undefined) {
    const work = { orgId, accounts: [account], requests: [command], usage: [] };
    const [answer] = await ledger.decide(work);
    // Money has moved that no wallet shows, or the other way round: somebody has to look.
    if (answer?.kind === "conflict")
      throw new Error(`the payment is ${outcome.kind}, the top-up says ${answer.code}`);
  }
  const text = "UPDATE top_up SET is_requested = true WHERE org_id = $1 AND id = $2";
  await ledger.pool.query(text, [orgId, id]);
};

const commandFor = (id: string, outcome: PaymentOutcome): Command | undefined => {
  switch (outcome.kind) {
    case "pending":
      return undefined;
    case "paid": {
      const fingerprint = fingerprintOf(["creditTopUp", id, { payment: outcome.payment }]);
      return { kind: "creditTopUp", id, fingerprint, payment: outcome.payment };
    }
    case "failed":
      return { kind: "failTopUp", id, fingerprint: fingerprintOf(["failTopUp", id]) };
  }
};
