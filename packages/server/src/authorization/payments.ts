import type { Logger } from "pino";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import type { PaymentOutcome, PaymentProvider } from "../ports/payment-provider.ts";
import { fingerprintOf } from "./fingerprint.ts";
import type { Ledger } from "./ledger.ts";
import { type Repeating, startRepeating } from "./repeating.ts";

const everyMs = 500;
const atOnceMax = 20;

interface UnrequestedColumns {
  readonly org_id: string;
  readonly id: string;
  readonly account: string;
  readonly asset: string;
  readonly charge_amount: string;
  readonly payment_method: string | null;
}

/**
 * Asks the payment provider for what pending top-ups need. The mark that it was asked is written after its answer is,
 * so that a crash asks again; the provider knows a top-up by its id.
 */
export const startPayments = (
  ledger: Ledger,
  provider: PaymentProvider,
  logger: Logger,
): Repeating => {
  const work = async (): Promise<number> => {
    await requestPending(ledger, provider);
    return everyMs;
  };
  return startRepeating({ work, pauseMs: everyMs, paused: "payments paused", logger });
};

const requestPending = async (ledger: Ledger, provider: PaymentProvider): Promise<void> => {
  const { rows } = await ledger.pool.query<UnrequestedColumns>(
    `SELECT t.org_id, t.id, t.account, t.asset, t.charge_amount, r.payment_method FROM top_up t
     LEFT JOIN top_up_rule r ON r.org_id = t.org_id AND r.id = t.rule_id
     WHERE t.state = 'pending' AND NOT t.is_requested ORDER BY t.id LIMIT $1`,
    [atOnceMax],
  );
  for (const row of rows) {
    const outcome = await provider.request({
      orgId: row.org_id,
      topUpId: row.id,
      account: row.account,
      asset: row.asset,
      chargeAmount: row.charge_amount,
      paymentMethod: row.payment_method,
    });
    const command = commandFor(row.id, outcome);
    if (command !== undefined) {
      const accounts = [row.account];
      await ledger.decide({ orgId: row.org_id, accounts, requests: [command], usage: new Map() });
    }
    await ledger.pool.query("UPDATE top_up SET is_requested = true WHERE org_id = $1 AND id = $2", [
      row.org_id,
      row.id,
    ]);
  }
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
