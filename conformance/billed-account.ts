import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll } from "vitest";
import { z } from "zod";
import { type Client, connect, type Method } from "./client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const line = z.looseObject({
  id: z.string(),
  lineItemType: z.string(),
  description: z.string(),
  quantity: z.number(),
  units: z.number(),
  subtotal: z.number(),
  convertedSubtotal: z.number(),
});

const bill = z.looseObject({
  id: z.string(),
  version: z.number(),
  accountId: z.string(),
  billDate: z.string(),
  startDate: z.string(),
  endDate: z.string(),
  status: z.string(),
  locked: z.boolean(),
  billTotal: z.number(),
  lineItems: z.array(line).default([]),
});
export type Bill = z.output<typeof bill>;

const bills = z.object({ data: z.array(bill), nextToken: z.string().optional() });
const problem = z.looseObject({ errorCode: z.string(), message: z.string() });
const job = z.looseObject({ id: z.string(), status: z.string() });

const jobTimeoutMs = 30_000;

/** Day (or instant), calls and which model was called. */
type Use = readonly [string, number, model?: string];

/** An organization whose accounts pay 20.00 a month and for calls: 100 at 0.10, those above at 0.05. */
export interface Billing {
  readonly client: Client;
  readonly productId: string;
  readonly meterId: string;
  readonly planId: string;
  readonly aggregationId: string;
  readonly pricingId: string;
  /** A customer with the plan from the start of 2024. */
  readonly account: (code: string, fields?: object) => Promise<string>;
  /** So many calls on those days; each has a uid made of account, day and a running number. */
  readonly use: (account: string, usage: readonly Use[]) => Promise<void>;
  /** Runs the bills of the period that ends with that day, and waits; only for the named accounts. */
  readonly run: (
    lastDay: string,
    accountIds?: readonly string[],
    extra?: object,
  ) => Promise<Bill[]>;
  readonly recalculate: (billIds: readonly string[]) => Promise<void>;
  readonly finished: (job: { readonly id: string }) => Promise<z.output<typeof job>>;
  readonly bill: (id: string) => Promise<Bill>;
  readonly bills: (path: string) => Promise<Bill[]>;
  /** `400 BILL_LOCKED`. */
  readonly refusal: (method: Method, path: string, body?: unknown) => Promise<string>;
  readonly send: (method: Method, path: string, body?: unknown) => Promise<unknown>;
}

/** Lines as `[type, amount]`, as a reader of a bill sees them. */
export const amounts = ({ lineItems }: Bill): readonly (readonly [string, number])[] =>
  lineItems.map(({ lineItemType, convertedSubtotal }) => [lineItemType, convertedSubtotal]);

const starts = "2024-01-01T00:00:00Z";

/** The catalog of the organization; what it is named does not matter. */
const createCatalog = async (client: Client) => {
  const { id: productId } = await client.create("products", { name: "Calls", code: "calls" });
  const { id: meterId } = await client.create("meters", {
    name: "Calls",
    code: "calls",
    productId,
    dataFields: [
      { category: "MEASURE", code: "calls", name: "Calls", unit: "call" },
      { category: "WHAT", code: "model", name: "Model" },
    ],
    derivedFields: [],
  });
  const { id: aggregationId } = await client.create("aggregations", {
    name: "Calls",
    code: "calls",
    meterId,
    targetField: "calls",
    aggregation: "SUM",
    rounding: "UP",
    quantityPerUnit: 1,
    unit: "call",
  });
  const { id: planTemplateId } = await client.create("plantemplates", {
    productId,
    name: "Monthly",
    currency: "USD",
    billFrequency: "MONTHLY",
    standingCharge: 20,
  });
  const plan = { planTemplateId, name: "Pay as you go", code: "payg" };
  const { id: planId } = await client.create("plans", plan);
  const { id: pricingId } = await client.create("pricings", {
    planId,
    aggregationId,
    startDate: starts,
    cumulative: true,
    pricingBands: [
      { lowerLimit: 0, unitPrice: 0.1, fixedPrice: 0 },
      { lowerLimit: 100, unitPrice: 0.05, fixedPrice: 0 },
    ],
  });
  return { productId, meterId, aggregationId, planId, pricingId };
};

const startBilling = async (server: ServerProcess): Promise<Billing> => {
  const client = await connect(server);
  const catalog = await createCatalog(client);
  let sent = 0;

  const send: Billing["send"] = async (method, path, body) => {
    const answer = await client.call(method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };

  const finished: Billing["finished"] = async ({ id }) => {
    const deadline = Date.now() + jobTimeoutMs;
    while (Date.now() < deadline) {
      const found = job.parse(await send("GET", `billjobs/${id}`));
      if (found.status === "COMPLETE" || found.status === "CANCELLED") return found;
      await delay(20);
    }
    throw new Error(`bill job ${id} did not end in ${jobTimeoutMs} ms`);
  };

  const list: Billing["bills"] = async (path) => bills.parse(await send("GET", path)).data;

  return {
    client,
    ...catalog,
    send,
    finished,
    bills: list,
    account: async (code, fields = {}) => {
      const emailAddress = `billing@${code}.example.com`;
      const customer = { name: code, code, emailAddress, ...fields };
      const { id: accountId } = await client.create("accounts", customer);
      const { planId } = catalog;
      await client.create("accountplans", { accountId, planId, startDate: starts });
      return accountId;
    },
    use: async (account, usage) => {
      const measurements = usage.map(([day, calls, model = "large"]) => ({
        uid: `${account}-${day}-${++sent}`,
        meter: "calls",
        account,
        ts: day.includes("T") ? day : `${day}T12:00:00Z`,
        measure: { calls },
        what: { model },
      }));
      await send("POST", "measurements", { measurements });
    },
    run: async (lastDateInBillingPeriod, accountIds, extra = {}) => {
      const request = { lastDateInBillingPeriod, accountIds, ...extra };
      const started = job.parse(await send("POST", "billjobs", request));
      await finished(started);
      return list(`bills?billJobId=${started.id}`);
    },
    recalculate: async (billIds) => {
      await finished(job.parse(await send("POST", "billjobs/recalculate", { billIds })));
    },
    bill: async (id) => bill.parse(await send("GET", `bills/${id}`)),
    refusal: async (method, path, body) => {
      const answer = await client.call(method, path, body);
      return `${answer.status} ${problem.parse(answer.body).errorCode}`;
    },
  };
};

/** Starts a server for the tests of a file and stops it after them; what it is driven by, once it is up. */
export const billingServer = (): (() => Billing) => {
  const state: { folder: string; server?: ServerProcess; billing?: Billing } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.billing = await startBilling(state.server);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });
  return () => {
    if (state.billing === undefined) throw new Error("no server");
    return state.billing;
  };
};
