import { sample } from "fast-check";
import type { Client, Entity } from "../client.ts";
import { arbitraryOf } from "./arbitrary.ts";
import type { ApiDocument, Operation, Schema } from "./document.ts";
import type { Body, Maker, Params } from "./maker.ts";
import {
  companions,
  fieldOf,
  fixes,
  makers,
  preparations,
  referenced,
  words,
} from "./peculiarities.ts";

/** A request that is valid in every respect, as it goes out. */
export interface ValidRequest {
  /** Below the organization, with its query. */
  readonly path: string;
  readonly body: Body | undefined;
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

/** Makes valid requests of any operation, and whatever they refer to. */
export class Caller implements Maker {
  readonly client: Client;
  readonly #api: ApiDocument;
  readonly #seed: number;
  #draws = 0;

  constructor(api: ApiDocument, client: Client, seed: number) {
    this.#api = api;
    this.client = client;
    this.#seed = seed;
  }

  /** A schema of the document with its references resolved. */
  readonly flat = (schema: Schema): Schema => this.#api.flat(schema);

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
    const [generated] = sample(draw, { numRuns: 1, seed: this.#seed + this.#draws });
    const body = inOrder({ ...(isRecord(generated) ? generated : {}), ...fields });
    const linked = await this.#linked(body, fields);
    return (await fixes[bodyName]?.(linked, this)) ?? linked;
  }

  async #linked(body: Body, given: Body): Promise<Body> {
    const linked: Record<string, unknown> = { ...body };
    for (const [field, value] of Object.entries(body)) {
      const collection = referenced[field];
      if (collection === undefined || given[field] !== undefined || value === undefined) continue;
      const special = makers[collection];
      const id = special ? await special(this, {}) : (await this.make(collection)).id;
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
      const word = words[`${collection}/{${name}}`] ?? words[name];
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

export const fill = (path: string, params: Params): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? ""));

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

/** Query parameters with the others that they are refused without. */
export const queryOf = async (caller: Caller, { id }: Operation, wanted: Body): Promise<string> => {
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

/** Of what a preparation answered, the part that goes into the query. */
export const queryFields = ({ method }: Operation, fields: Body = {}): Body =>
  method === "GET" ? fields : {};

/** A request of the operation, after whatever must be there first has been made. */
export const validRequest = async (
  caller: Caller,
  operation: Operation,
  isMinimal: boolean,
): Promise<ValidRequest> => {
  const params = await caller.params(operation);
  const fields = await preparations[operation.id]?.(caller, params);
  const path = fill(operation.path, params);
  const version = await versionAt(caller, operation, path);
  const body = await caller.body(operation, { isMinimal, ...(fields && { fields }) });
  const query = await queryOf(caller, operation, queryFields(operation, fields));
  return {
    path: `${path}${query}`,
    body: body === undefined ? undefined : { ...body, ...fields, ...version },
  };
};
