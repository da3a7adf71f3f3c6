import { sample } from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, type Client, connect, type Entity } from "./client.ts";
import { arbitraryOf } from "./schema/arbitrary.ts";
import {
  type ApiDocument,
  isDocumentPresent,
  type Operation,
  readDocument,
  type Schema,
} from "./schema/document.ts";
import {
  type Body,
  companions,
  fieldOf,
  fixes,
  makers,
  type Maker,
  type Params,
  preparations,
  referenced,
  words,
} from "./schema/peculiarities.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

/** Raise it with every operation that is added; the test fails when fewer are served. */
const servedMin = 0;
const seed = Number(process.env["TURNPIKE_SEED"] ?? Date.now());
const bodiesPerOperation = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 2);
const isVerbose = process.env["TURNPIKE_VERBOSE"] !== undefined;

interface Outcome {
  readonly operation: Operation;
  /** Why it is not served as the document says; undefined when it is. */
  readonly failure?: string;
}

const isRecord = (value: unknown): value is Body => typeof value === "object" && value !== null;

/** Later dates after earlier ones, whatever was generated. */
const inOrder = (body: Body): Body => {
  const ordered = { ...body };
  for (const [first, second] of [
    ["startDate", "endDate"],
    ["servicePeriodStartDate", "servicePeriodEndDate"],
  ] as const) {
    const dates = [ordered[first], ordered[second]].filter((date) => typeof date === "string");
    if (dates.length < 2) continue;
    [ordered[first], ordered[second]] = dates.sort();
  }
  return ordered;
};

class Caller implements Maker {
  readonly client: Client;
  readonly #api: ApiDocument;
  #draws = 0;

  constructor(api: ApiDocument, client: Client) {
    this.#api = api;
    this.client = client;
  }

  readonly make = async (collection: string, fields: Body = {}): Promise<Entity> => {
    const operation = this.#api.operations.find(
      ({ method, path }) => method === "POST" && path === collection,
    );
    if (operation === undefined) throw new Error(`nothing is made at ${collection}`);
    const params = await this.params(operation);
    const body = await this.body(operation, { isMinimal: true, fields });
    return this.client.create(fill(collection, params), body);
  };

  /** A valid body: generated, with references to records that exist, and made to agree with the rules. */
  async body(
    { body: schema, bodyName }: Operation,
    { isMinimal, fields = {} }: { isMinimal: boolean; fields?: Body },
  ): Promise<Body | undefined> {
    if (schema === undefined) return undefined;
    const draw = arbitraryOf(this.#api, { fieldOf, isMinimal })(schema);
    this.#draws += 1;
    const [generated] = sample(draw, { numRuns: 1, seed: seed + this.#draws });
    const body = inOrder({ ...(isRecord(generated) ? generated : {}), ...fields });
    const linked = await this.#linked(body, fields);
    return (await fixes[bodyName]?.(linked, this)) ?? linked;
  }

  async #linked(body: Body, given: Body): Promise<Body> {
    const linked: Record<string, unknown> = { ...body };
    for (const [field, value] of Object.entries(body)) {
      const collection = referenced[field];
      if (collection === undefined || given[field] !== undefined || value === undefined) continue;
      const { id } = await this.make(collection);
      linked[field] = Array.isArray(value) ? [id] : id;
    }
    return linked;
  }

  /** A value for every `{name}` in the path: a record of the collection before it, or a word. */
  async params({ path }: Operation): Promise<Params> {
    const params: Record<string, string> = {};
    for (const { 1: name = "", index } of path.matchAll(/\{(\w+)\}/g)) {
      const collection = path.slice(0, index - 1);
      const special = makers[collection];
      const word = words[name];
      if (word !== undefined) params[name] = word;
      else if (special !== undefined) params[name] = await special(this, params);
      else params[name] = (await this.#within(collection, params)).id;
    }
    return params;
  }

  async #within(collection: string, params: Params): Promise<Entity> {
    const operation = this.#api.operations.find(
      ({ method, path }) => method === "POST" && path === collection,
    );
    if (operation === undefined) throw new Error(`nothing is made at ${collection}`);
    const body = await this.body(operation, { isMinimal: true });
    return this.client.create(fill(collection, params), body);
  }
}

const fill = (path: string, params: Params): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));

const failureOf = ({ reply }: Operation, { status, body }: Answer): string | undefined => {
  if (status !== 200) return `${status} ${JSON.stringify(body).slice(0, 300)}`;
  if (reply === undefined || reply(body)) return undefined;
  const found = reply.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`);
  return `reply: ${found?.join("; ")} in ${JSON.stringify(body).slice(0, 300)}`;
};

/** One call with a body that is valid in every respect. */
const callOnce = async (
  caller: Caller,
  operation: Operation,
  isMinimal: boolean,
): Promise<string | undefined> => {
  const params = await caller.params(operation);
  const fields = await preparations[operation.id]?.(caller, params);
  const path = fill(operation.path, params);
  const version = await versionAt(caller, operation, path);
  const body = await caller.body(operation, { isMinimal, ...(fields && { fields }) });
  const query = await queryOf(caller, operation, {});
  const sent = body === undefined ? undefined : { ...body, ...fields, ...version };
  return failureOf(operation, await caller.client.call(operation.method, `${path}${query}`, sent));
};

/** PUT wants the version that is stored, where there is one. */
const versionAt = async (
  { client }: Caller,
  { method }: Operation,
  path: string,
): Promise<Body> => {
  if (method !== "PUT") return {};
  const { status, body } = await client.call("GET", path.replace(/\/status$/, ""));
  return status === 200 && isRecord(body) && typeof body["version"] === "number"
    ? { version: body["version"] }
    : {};
};

const required: Readonly<Record<string, readonly string[]>> = {
  ListCounterAdjustments: ["counterId"],
};

const queryOf = async (caller: Caller, { id }: Operation, wanted: Body): Promise<string> => {
  const wantsAll = Object.keys(wanted).length > 0;
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(companions[id] ?? {})) {
    if (!wantsAll && !required[id]?.includes(name)) continue;
    const collection = String(value).slice(1, -1);
    given[name] = (await caller.make(collection)).id;
  }
  const pairs = Object.entries({ ...given, ...wanted }).map(([name, value]) => [
    name,
    String(value),
  ]);
  return pairs.length === 0 ? "" : `?${new URLSearchParams(pairs).toString()}`;
};

const queryValue = (name: string, schema: Schema): string => {
  if (schema.enum !== undefined) return String(schema.enum[0]);
  if (schema.type === "boolean") return "true";
  if (schema.type === "integer") return "1";
  if (/date/i.test(name)) return "2025-06-01";
  if (name === "searchQuery") return "id:00000000-0000-0000-0000-000000000000";
  if (name === "sortOrder") return "ASC";
  if (name === "sortBy") return "id";
  return name === "nextToken" ? "" : crypto.randomUUID();
};

/** Every query parameter of a list, one at a time. */
const tryParameters = async (caller: Caller, operation: Operation): Promise<string | undefined> => {
  const params = await caller.params(operation);
  await preparations[operation.id]?.(caller, params);
  const path = fill(operation.path, params);
  for (const { name, schema } of operation.query) {
    const isOptional = operation.id === "GetIntegrationConfigForType" && name !== "pageSize";
    if (isOptional) continue;
    const query = await queryOf(caller, operation, { [name]: queryValue(name, schema) });
    const failure = failureOf(operation, await caller.client.call("GET", `${path}${query}`));
    if (failure !== undefined) return `${query}: ${failure}`;
  }
  return undefined;
};

const tryOperation = async (caller: Caller, operation: Operation): Promise<Outcome> => {
  try {
    for (let run = 0; run < bodiesPerOperation; run += 1) {
      const failure = await callOnce(caller, operation, run === 0);
      if (failure !== undefined) return { operation, failure };
      if (operation.body === undefined) break;
    }
    const failure = operation.method === "GET" ? await tryParameters(caller, operation) : undefined;
    return failure === undefined ? { operation } : { operation, failure };
  } catch (error) {
    return { operation, failure: String(error) };
  }
};

/** Tags whose operations are configuration: each of them must be served as the document says. */
const configurationTags = new Set([
  "Account",
  "AccountPlan",
  "Aggregation",
  "BalanceChargeSchedule",
  "BalanceTransactionSchedule",
  "Balances",
  "BillConfig",
  "BillGroupingKey",
  "Charge",
  "Commitments",
  "CompoundAggregation",
  "Contract",
  "Counter",
  "CounterAdjustments",
  "CounterPricing",
  "CreditReason",
  "Currency",
  "CustomField",
  "DebitReason",
  "ExportSchedule",
  "External Mapping",
  "Invitations",
  "LookupTable",
  "LookupTableRevision",
  "LookupTableRevisionData",
  "Meter",
  "OrganizationConfig",
  "Plan",
  "PlanGroup",
  "PlanGroupLink",
  "PlanTemplate",
  "Pricing",
  "Product",
  "ScheduledEventConfigurations",
  "StatementDefinition",
  "Support",
  "TransactionType",
]);

describe.skipIf(!isDocumentPresent)("the operations of the m3ter API document", () => {
  const state: { folder: string; server?: ServerProcess } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("are served with replies that satisfy the document's schemas", async () => {
    if (state.server === undefined) throw new Error("the server did not start");
    const api = readDocument();
    const caller = new Caller(api, await connect(state.server));
    const outcomes: Outcome[] = [];
    for (const operation of api.operations) {
      if (!operation.path.startsWith("/")) outcomes.push(await tryOperation(caller, operation));
    }
    const served = outcomes.filter(({ failure }) => failure === undefined);
    const lines = outcomes.flatMap(({ operation, failure }) =>
      failure === undefined ? [] : [`${operation.tag} ${operation.id}: ${failure}`],
    );
    process.stdout.write(`operations served: ${served.length} of ${api.operations.length}\n`);
    if (isVerbose) process.stdout.write(`${lines.join("\n")}\n`);
    const broken = outcomes.filter(
      ({ operation, failure }) => failure !== undefined && configurationTags.has(operation.tag),
    );
    expect(
      broken.map(({ operation, failure }) => `${operation.id}: ${failure}`),
      `seed ${seed}`,
    ).toEqual([]);
    expect(served.length).toBeGreaterThanOrEqual(servedMin);
  }, 300_000);
});
