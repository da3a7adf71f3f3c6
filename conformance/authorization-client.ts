import { z } from "zod";
import { type Client, connect, type Entity } from "./client.ts";
import type { ServerProcess } from "./server.ts";

export const authorized = z.looseObject({
  uid: z.string(),
  decision: z.enum(["allow", "partial", "deny"]),
  reasons: z.array(z.looseObject({ code: z.string() })),
  granted: z.string(),
  amount: z.string(),
  holds: z.string(),
  remaining: z.object({ account: z.string(), budgets: z.array(z.looseObject({})) }),
  validUntil: z.string().optional(),
  final: z.boolean(),
  replayed: z.boolean(),
  priceVersion: z.string().optional(),
});
export type Authorized = z.output<typeof authorized>;

const settled = z.looseObject({
  state: z.string(),
  amount: z.string(),
  shortfall: z.string(),
  holds: z.string(),
  granted: z.string(),
  remaining: z.object({ account: z.string() }),
  final: z.boolean(),
  replayed: z.boolean(),
});

const walletAccount = z.object({
  asset: z.string(),
  balance: z.string(),
  available: z.string(),
  held: z.string(),
  debt: z.string(),
  pendingIn: z.string(),
  mode: z.string(),
  debtLimit: z.string(),
});

type Body = Readonly<Record<string, unknown>>;

const startDate = "2025-01-01T00:00:00Z";

/** Calls an authorization route as a machine does: with its key pair, without a token. */
export const callWithKey = async (
  server: Pick<ServerProcess, "url" | "orgId" | "accessKey" | "apiSecret">,
  path: string,
  body: Body,
): Promise<{ readonly status: number; readonly body: unknown }> => {
  const response = await fetch(`${server.url}/organizations/${server.orgId}/${path}`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`${server.accessKey}:${server.apiSecret}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  return { status: response.status, body: await response.json() };
};

/** An organization with a meter, for the wallets of its accounts. */
export class Wallets {
  client: Client;
  readonly #ids = new Map<string, string>();

  constructor(client: Client) {
    this.client = client;
  }

  static async open(server: ServerProcess): Promise<Wallets> {
    return new Wallets(await connect(server));
  }

  /** After the server was started again. */
  async reconnect(server: ServerProcess): Promise<void> {
    this.client = await connect(server);
  }

  asset(code: string, scale: number): Promise<Entity> {
    return this.client.create("assets", { code, name: code, scale, kind: "fiat" });
  }

  async meter(code: string): Promise<Entity> {
    const meter = await this.client.create("meters", {
      code,
      name: code,
      dataFields: [{ category: "MEASURE", code: "units", name: "Units", unit: "1" }],
      derivedFields: [],
    });
    this.#ids.set(code, meter.id);
    return meter;
  }

  /** Sells the meter's units to an account, monthly, from last year on. */
  async plan(account: string, pricing: Body, meter = "calls"): Promise<void> {
    const planId = await this.openPlan(account);
    await this.price(planId, { meter, aggregation: "SUM", unit: "unit" }, pricing);
  }

  /** A plan of the account that prices nothing yet. */
  async openPlan(account: string): Promise<string> {
    const code = `${account}-plan`;
    const product = await this.client.create("products", { code, name: code });
    const template = await this.client.create("plantemplates", {
      productId: product.id,
      name: code,
      currency: "USD",
      billFrequency: "MONTHLY",
      standingCharge: 0,
    });
    const plan = await this.client.create("plans", {
      planTemplateId: template.id,
      name: code,
      code,
    });
    const accountId = this.idOf(account);
    await this.client.create("accountplans", { accountId, planId: plan.id, startDate });
    return plan.id;
  }

  /** Prices what a meter sums or counts of its units. */
  async price(
    planId: string,
    { meter, ...counts }: { meter: string; aggregation: "SUM" | "COUNT"; unit: string },
    pricing: Body,
  ): Promise<string> {
    const aggregation = await this.client.create("aggregations", {
      meterId: this.idOf(meter),
      name: "Units",
      targetField: "units",
      rounding: "NONE",
      quantityPerUnit: 1,
      ...counts,
    });
    const aggregationId = aggregation.id;
    return (await this.client.create("pricings", { planId, aggregationId, startDate, ...pricing }))
      .id;
  }

  async account(code: string, parent?: string): Promise<string> {
    const { id } = await this.client.create("accounts", {
      code,
      name: code,
      emailAddress: `${code}@example.com`,
      ...(parent === undefined ? {} : { parentAccountId: this.idOf(parent) }),
    });
    this.#ids.set(code, id);
    return id;
  }

  idOf(code: string): string {
    const id = this.#ids.get(code);
    if (id === undefined) throw new Error(`nothing has the code ${code}`);
    return id;
  }

  async post(path: string, body: Body = {}): Promise<unknown> {
    const answer = await this.client.call("POST", path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async status(path: string, body: Body = {}): Promise<number> {
    return (await this.client.call("POST", path, body)).status;
  }

  grant(account: string, amount: string, more: Body = {}): Promise<unknown> {
    return this.post("grants", { account, asset: "USD", amount, ...more });
  }

  async authorize(body: Body): Promise<Authorized> {
    return authorized.parse(
      await this.post("authorizations", { meter: "calls", mode: "charge", ...body }),
    );
  }

  /** At an explicit price. */
  charge(account: string, uid: string, amount: string, more: Body = {}): Promise<Authorized> {
    return this.authorize({ account, uid, amount, asset: "USD", ...more });
  }

  hold(account: string, uid: string, amount: string, more: Body = {}): Promise<Authorized> {
    return this.charge(account, uid, amount, { mode: "hold", ...more });
  }

  async act(uid: string, verb: string, body: Body = {}): Promise<z.output<typeof settled>> {
    return settled.parse(await this.post(`authorizations/${uid}/${verb}`, body));
  }

  settle(uid: string, amount: string, more: Body = {}): Promise<z.output<typeof settled>> {
    return this.act(uid, "settle", { sequence: 1, amount, ...more });
  }

  setWallet(account: string, body: Body): Promise<unknown> {
    return this.client.call("PUT", `accounts/${this.idOf(account)}/wallet/USD`, body);
  }

  async wallet(account: string, asset = "USD"): Promise<z.output<typeof walletAccount>> {
    const { body } = await this.client.call("GET", `accounts/${this.idOf(account)}/wallet`);
    const { accounts } = z.object({ accounts: z.array(walletAccount) }).parse(body);
    const found = accounts.find((one) => one.asset === asset);
    if (found === undefined) throw new Error(`${account} has no ${asset}`);
    return found;
  }
}
