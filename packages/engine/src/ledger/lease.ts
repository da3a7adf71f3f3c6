import type { Draft } from "./draft.ts";
import { conflict, type Conflict, type Settled } from "./outcome.ts";
import type { Authorize, OpenLease, ReportLease } from "./request.ts";
import { settlePart } from "./settlement.ts";

/** A lease is a hold that its client spends by itself: what it can overspend is nothing (f.7). */
export const leaseAsHold = (lease: OpenLease, now: number): Authorize => ({
  kind: "authorize",
  id: lease.id,
  fingerprint: lease.fingerprint,
  mode: "hold",
  account: lease.account,
  meter: null,
  scope: {},
  unit: null,
  quantity: 0n,
  price: { kind: "amount", amount: lease.amount, asset: lease.asset },
  assets: [],
  occurredAt: now,
  maxAmount: null,
  ttlMs: lease.ttlMs,
  idleTimeoutMs: null,
  onExpiry: lease.onExpiry,
  settleOverage: lease.settleOverage,
  partial: "never",
  expectedPriceVersion: null,
  isDryRun: false,
});

/** Settles what the client spent; each spend is metered as an event of its own. */
export const reportLease = (draft: Draft, report: ReportLease): Settled | Conflict => {
  const row = draft.authorizations.get(report.id);
  if (row === undefined) return conflict(report.id, "NOT_FOUND");
  if (report.spends.some((spend) => spend.amount < 0n || spend.quantity < 0n))
    return conflict(report.id, "INVALID");
  return settlePart(draft, row, {
    amount: report.spends.reduce((total, spend) => total + spend.amount, 0n),
    quantity: report.spends.reduce((total, spend) => total + spend.quantity, 0n),
    isFinal: report.isFinal,
    events: report.spends,
  });
};
