import { setTimeout as delay } from "node:timers/promises";
import type { Api } from "./api.ts";
import { type Bill, runBillJob } from "./bills.ts";

const customer = { name: "Drift Delivery", code: "drift" };
const meterCode = "searches";
const calls = 11;
const relayTimeoutMs = 10_000;

interface Decision {
  readonly uid: string;
  readonly decision: string;
  /** Why not, for a call that was refused. */
  readonly reason: string | undefined;
}

export interface Prepaid {
  readonly decisions: readonly Decision[];
  readonly bill: Bill | undefined;
}

const idOf = async (reply: Promise<Record<string, unknown>>): Promise<string> =>
  String((await reply)["id"]);

/** The calendar month of the instant: its first instant, and its last day. */
const monthOf = (now: Date) => {
  const start = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 1));
  const last = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 0));
  return { startDate: start.toISOString(), lastDay: last.toISOString().slice(0, 10) };
};

/** A dollar for each search, paid in advance: ten dollars in the wallet. */
const setUp = async ({ call }: Api, startDate: string): Promise<string> => {
  const productId = await idOf(call("POST", "products", { name: "Search", code: "search" }));
  const meterId = await idOf(
    call("POST", "meters", {
      name: "Searches",
      code: meterCode,
      productId,
      dataFields: [{ category: "MEASURE", code: "count", name: "Searches", unit: "search" }],
      derivedFields: [],
    }),
  );
  const aggregationId = await idOf(
    call("POST", "aggregations", {
      name: "Searches",
      code: "searches",
      meterId,
      targetField: "count",
      aggregation: "SUM",
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "search",
    }),
  );
  const template = { name: "Prepaid", productId, currency: "USD", billFrequency: "MONTHLY" };
  const planTemplateId = await idOf(
    call("POST", "plantemplates", { ...template, standingCharge: 0 }),
  );
  const plan = { planTemplateId, name: "Prepaid searches", code: "prepaid-searches" };
  const planId = await idOf(call("POST", "plans", plan));
  const pricingBands = [{ lowerLimit: 0, fixedPrice: 0, unitPrice: 1 }];
  await call("POST", "pricings", {
    planId,
    aggregationId,
    startDate,
    cumulative: true,
    pricingBands,
  });
  const emailAddress = "billing@drift.example.com";
  const accountId = await idOf(call("POST", "accounts", { ...customer, emailAddress }));
  await call("POST", "accountplans", { accountId, planId, startDate });
  await call("POST", "assets", { code: "USD", name: "US Dollar", scale: 6, kind: "fiat" });
  await call("POST", "grants", { account: customer.code, asset: "USD", amount: "10.00" });
  return accountId;
};

const reasonOf = (reply: Record<string, unknown>): string | undefined => {
  const [first] = Array.isArray(reply["reasons"]) ? reply["reasons"] : [];
  return typeof first === "object" && first !== null && "code" in first
    ? String(first.code)
    : undefined;
};

const authorize = async ({ call }: Api, number: number): Promise<Decision> => {
  const uid = `search-${number}`;
  const measure = { count: 1 };
  const request = { uid, account: customer.code, meter: meterCode, measure, mode: "charge" };
  const reply = await call("POST", "authorizations", request);
  const decision = String(reply["decision"]);
  return { uid, decision, reason: decision === "allow" ? undefined : reasonOf(reply) };
};

/** What was authorized reaches the usage store a moment later, once. */
const untilMetered = async ({ call }: Api, accountId: string, expected: number): Promise<void> => {
  const deadline = Date.now() + relayTimeoutMs;
  while (Date.now() < deadline) {
    const { data } = await call("POST", "usage/query", { accountIds: [accountId] });
    if (Array.isArray(data) && data.length === expected) return;
    await delay(100);
  }
  throw new Error(`${expected} authorized calls were not metered in ${relayTimeoutMs} ms`);
};

/** Eleven calls at once on a wallet that pays for ten, and the bill that shows them once. */
export const runPrepaid = async (api: Api, now: Date): Promise<Prepaid> => {
  const { startDate, lastDay } = monthOf(now);
  const accountId = await setUp(api, startDate);
  const numbers = Array.from({ length: calls }, (_, index) => index + 1);
  const decisions = await Promise.all(numbers.map((number) => authorize(api, number)));
  const allowed = decisions.filter(({ decision }) => decision === "allow").length;
  await untilMetered(api, accountId, allowed);
  const bills = await runBillJob(api, lastDay);
  return { decisions, bill: bills.find((bill) => bill.accountId === accountId) };
};
