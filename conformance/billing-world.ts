import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { type Api, connect } from "../scripts/demo/api.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const line = z.looseObject({
  lineItemType: z.string(),
  description: z.string(),
  quantity: z.number(),
  units: z.number(),
  subtotal: z.number(),
  convertedSubtotal: z.number(),
  childAccountCode: z.string().optional(),
  segment: z.record(z.string(), z.string()).optional(),
});
const bill = z.looseObject({
  id: z.string(),
  accountId: z.string(),
  billDate: z.string(),
  billingFrequency: z.string(),
  version: z.number(),
  status: z.string(),
  currency: z.string(),
  billTotal: z.number(),
  lineItems: z.array(line),
});
export type Bill = z.output<typeof bill>;
const job = z.looseObject({ status: z.string(), failures: z.array(z.unknown()).optional() });

type Body = Readonly<Record<string, unknown>>;

const jobTimeoutMs = 120_000;

/** A server with an organization of its own, driven over HTTP in the words of a billing scenario. */
export class BillingWorld {
  readonly folder: string;
  server: ServerProcess;
  api: Api;
  #count = 0;

  readonly #settings: Readonly<Record<string, string>>;

  private constructor(
    { folder, settings }: { folder: string; settings: Readonly<Record<string, string>> },
    server: ServerProcess,
    api: Api,
  ) {
    this.folder = folder;
    this.#settings = settings;
    this.server = server;
    this.api = api;
  }

  static async open(settings: Readonly<Record<string, string>> = {}): Promise<BillingWorld> {
    const folder = await newFolder();
    const server = await startServer(folder, settings);
    return new BillingWorld({ folder, settings }, server, await connect(server));
  }

  async close(): Promise<void> {
    await this.server.stop();
    await removeFolder(this.folder);
  }

  async restart(): Promise<void> {
    this.server = await startServer(this.folder, this.#settings);
    this.api = await connect(this.server);
  }

  /** A name that nothing else in this world has. */
  fresh(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  async create(path: string, body: Body): Promise<string> {
    const { id } = await this.api.call("POST", path, body);
    return z.string().parse(id);
  }

  async get(path: string): Promise<Record<string, unknown>> {
    return this.api.call("GET", path);
  }

  async list(path: string): Promise<Record<string, unknown>[]> {
    return z.array(z.record(z.string(), z.unknown())).parse((await this.get(path))["data"]);
  }

  async configure(changes: Body): Promise<void> {
    const config = await this.get("organizationconfig");
    await this.api.call("PUT", "organizationconfig", { ...config, ...changes });
  }

  product(): Promise<string> {
    const code = this.fresh("product");
    return this.create("products", { name: code, code });
  }

  /** With one number, `amount`, and the text fields `region` and `tier`; of no product, plans of any may price it. */
  async meter(productId?: string): Promise<{ id: string; code: string }> {
    const code = this.fresh("meter");
    const field = (category: string, name: string) => ({ category, code: name, name });
    const id = await this.create("meters", {
      productId,
      name: code,
      code,
      dataFields: [field("MEASURE", "amount"), field("WHAT", "region"), field("WHAT", "tier")].map(
        (one) => (one.category === "MEASURE" ? { ...one, unit: "unit" } : one),
      ),
      derivedFields: [],
    });
    return { id, code };
  }

  aggregation(meterId: string, changes: Body = {}): Promise<string> {
    const code = this.fresh("aggregation");
    return this.create("aggregations", {
      name: "Usage",
      code,
      meterId,
      targetField: "amount",
      aggregation: "SUM",
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "unit",
      ...changes,
    });
  }

  async plan(
    productId: string,
    template: Body = {},
    own: Body = {},
  ): Promise<{ id: string; templateId: string }> {
    const code = this.fresh("plan");
    const templateId = await this.create("plantemplates", {
      productId,
      name: code,
      currency: "USD",
      standingCharge: 0,
      billFrequency: "MONTHLY",
      ...template,
    });
    const id = await this.create("plans", { planTemplateId: templateId, name: code, code, ...own });
    return { id, templateId };
  }

  /** Graduated, from 2024 on, unless changed. */
  price(owner: Body, bands: readonly (readonly [number, number, number?])[], changes: Body = {}) {
    return this.create("pricings", {
      cumulative: true,
      startDate: "2024-01-01T00:00:00Z",
      pricingBands: bandsOf(bands),
      ...owner,
      ...changes,
    });
  }

  async account(changes: Body = {}): Promise<{ id: string; code: string }> {
    const code = this.fresh("account");
    const id = await this.create("accounts", {
      name: code,
      code,
      emailAddress: "billing@example.com",
      ...changes,
    });
    return { id, code };
  }

  attach(accountId: string, planId: string, changes: Body = {}): Promise<string> {
    return this.create("accountplans", {
      accountId,
      planId,
      startDate: "2024-01-01T00:00:00Z",
      ...changes,
    });
  }

  /** Rows of [day, amount, region, tier]; the uids that they got. */
  async use(
    meterCode: string,
    accountCode: string,
    rows: readonly (readonly [string, number, string?, string?])[],
  ): Promise<string[]> {
    const measurements = rows.map(([day, amount, region = "UK", tier = "Standard"]) => ({
      uid: this.fresh("event"),
      meter: meterCode,
      account: accountCode,
      ts: day.includes("T") ? day : `${day}T12:00:00Z`,
      measure: { amount },
      what: { region, tier },
    }));
    await this.api.call("POST", "measurements", { measurements });
    return measurements.map(({ uid }) => uid);
  }

  startJob(request: Body): Promise<string> {
    return this.create("billjobs", request);
  }

  async finish(jobId: string): Promise<z.output<typeof job>> {
    const deadline = Date.now() + jobTimeoutMs;
    while (Date.now() < deadline) {
      const found = job.parse(await this.get(`billjobs/${jobId}`));
      if (found.status === "COMPLETE") return found;
      await delay(30);
    }
    throw new Error(`bill job ${jobId} did not finish in ${jobTimeoutMs} ms`);
  }

  /** Runs the bills of the date; those of the account, as they are then. */
  async bill(accountId: string, billDate: string, request: Body = {}): Promise<Bill[]> {
    await this.finish(await this.startJob({ billDate, accountIds: [accountId], ...request }));
    return this.bills(accountId, billDate);
  }

  async bills(accountId: string, billDate: string): Promise<Bill[]> {
    const { data } = await this.get(
      `bills?accountId=${accountId}&billDate=${billDate}&pageSize=100`,
    );
    return z
      .array(bill)
      .parse(data)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  readBill(body: unknown): Bill {
    return bill.parse(body);
  }

  async approve(billId: string): Promise<void> {
    await this.api.call("PUT", `bills/${billId}/status`, { status: "APPROVED" });
  }

  async approveAndLock(billId: string): Promise<void> {
    await this.approve(billId);
    await this.api.call("PUT", `bills/${billId}/lock`);
  }

  /** The only bill of the date, as `TYPE amount` rows and its total. */
  async lines(accountId: string, billDate: string, request: Body = {}): Promise<string[]> {
    const [only, ...others] = await this.bill(accountId, billDate, request);
    if (only === undefined || others.length > 0) {
      throw new Error(`${accountId} has ${others.length + (only ? 1 : 0)} bills of ${billDate}`);
    }
    return rowsOf(only);
  }
}

export const bandsOf = (bands: readonly (readonly [number, number, number?])[]) =>
  bands.map(([lowerLimit, unitPrice, fixedPrice = 0]) => ({ lowerLimit, unitPrice, fixedPrice }));

const segmentText = (segment: Readonly<Record<string, string>>): string =>
  Object.keys(segment)
    .toSorted()
    .map((field) => segment[field])
    .join("/");

export const rowsOf = ({ lineItems, billTotal }: Bill): string[] => [
  ...lineItems.map(({ lineItemType, convertedSubtotal, childAccountCode, segment }) =>
    [
      lineItemType,
      ...(childAccountCode === undefined ? [] : [childAccountCode]),
      ...(segment === undefined ? [] : [segmentText(segment)]),
      String(convertedSubtotal),
    ].join(" "),
  ),
  `TOTAL ${billTotal}`,
];
