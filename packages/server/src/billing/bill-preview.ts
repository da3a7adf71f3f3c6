import { randomUUIDv7 } from "node:crypto";
import { account } from "@turnpike/contract/accounts/account.ts";
import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { toJson } from "@turnpike/engine/bill/facts-json.ts";
import type { DatabaseTransaction } from "../ports/database.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { lookupAll } from "../records/lookup.ts";
import type { Caller } from "../records/caller.ts";
import { type BillRow, billReply } from "./bill-replies.ts";
import { calculateBills, type CalculatedBill } from "./bill-calculation.ts";
import { gather, withoutEmpty } from "./bill-run.ts";
import { billImpossible } from "./impossible-bill.ts";
import { repeatable } from "./repeatable-request.ts";
import type { ConfigRecord } from "./snapshot.ts";
import { billContent } from "./stored-bills.ts";

/** What a preview bill is called: nothing was stored, so nothing can be found by it. */
const previewId = "00000000-0000-0000-0000-000000000000";

interface PreviewParts {
  /** Sees what a run would find, such as what schedules owe by now. */
  readonly transaction: DatabaseTransaction;
  readonly usage: UsageStore;
  readonly at: Date;
}

/**
 * The bill that a run would make, by the same steps, without storing anything. The account named must exist and have
 * plans of the cadence (m3ter semantics 18.7).
 */
export const previewBill = async (
  { transaction, usage, at }: PreviewParts,
  { orgId, principal }: Caller,
  request: BillJobRequest,
) => {
  const accountIds = request.accountIds ?? [];
  const accounts = await lookupAll(transaction, account, { orgId, ids: accountIds });
  if (accounts.size === 0) {
    const message = `names no account: ${accountIds[0]}`;
    throw fieldProblem("REFERENCE_NOT_FOUND", "accountIds[0]", message);
  }
  const given = await gather(transaction, { orgId, type: "CREATE", request, accountIds, at });
  const { bills, failures } = await calculateBills(transaction, usage, given);
  const reasons = [...failures.values()].flat();
  if (reasons.length > 0) throw billImpossible(reasons);
  const asked = new Set(given.planned.map(({ identity }) => identity));
  const bill = withoutEmpty(given.book, bills).find(({ planned }) => asked.has(planned.identity));
  if (bill === undefined) throw new Problem("NOTHING_TO_BILL");
  return replyTo({ bill, config: given.book.config }, { orgId, principal, request, at });
};

const replyTo = (
  { bill, config }: { bill: CalculatedBill; config: ConfigRecord },
  { orgId, principal, request, at }: Caller & { request: BillJobRequest; at: Date },
) => {
  const { identity, account: billed } = bill.planned;
  const writing = { orgId, principal, at, config, jobId: previewId };
  const {
    facts: _facts,
    usage_mark: _mark,
    usage_reach: _reach,
    ...content
  } = billContent(bill, writing);
  const row: BillRow = {
    ...content,
    org_id: orgId,
    id: previewId,
    version: "1",
    account_id: identity.accountId,
    account_code: billed.code,
    purchase_order_number: billed.purchaseOrderNumber ?? null,
    bill_date: identity.billDate,
    currency: identity.currency,
    group_key: identity.groupKey,
    invoice_number: null,
    request: repeatable(request),
    is_locked: false,
    is_locked_by_date: false,
    approved_at: null,
    approved_by: null,
    locked_at: null,
    locked_by: null,
    statements: {},
    starts_at: new Date(content.starts_at),
    ends_at: new Date(content.ends_at),
    last_calculated_at: at,
    dt_created: at,
    dt_last_modified: at,
    created_by: principal,
  };
  const lines = bill.rated.lines.map((line) => ({
    id: randomUUIDv7(),
    bill_id: previewId,
    line: toJson(line),
  }));
  return billReply(row, lines);
};
