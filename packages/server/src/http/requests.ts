import { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { Permission } from "@turnpike/contract/access/permission.ts";
import type { Access } from "@turnpike/contract/operation.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { Principal } from "../access/keys.ts";
import { parseJson } from "../records/json.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set before any handler of a route that is not public. */
    principal: Principal | undefined;
  }
  interface FastifyContextConfig {
    /** Who may call; a route without it is public. */
    access?: Access["access"];
    /** Of a route of an organization: what its caller must be allowed to do. */
    permission?: Permission | "none";
    /** Its callers may show their key pair instead of a token. */
    takesKey?: true;
    /** Its body is measurements: larger than the rest, and refused as m3ter refuses it. */
    isIngest?: boolean;
    /** Its handler takes the body as it arrives. */
    isStreamed?: boolean;
  }
}

const isTexts = (value: unknown): value is Record<string, string> =>
  typeof value === "object" &&
  value !== null &&
  Object.values(value).every((one) => typeof one === "string");

const queryTexts = z.record(z.string(), z.union([z.string(), z.array(z.string())]));

/** Nothing has a name with a NUL in it, which no database would take. */
export const pathParams = (request: FastifyRequest): Record<string, string> => {
  const { params } = request;
  if (!isTexts(params)) throw new Problem("NOT_FOUND");
  if (Object.values(params).some(hasNul)) throw new Problem("NOT_FOUND");
  return params;
};

/**
 * Query parameters as text; an empty one counts as absent, since the contract allows `?name=`, unless emptiness
 * means something there.
 */
export const queryParams = (
  request: FastifyRequest,
  meaningfulWhenEmpty: readonly string[] = [],
): Record<string, string | string[]> => {
  const given = Object.entries(queryTexts.parse(request.query)).filter(
    ([name, value]) => value !== "" || meaningfulWhenEmpty.includes(name),
  );
  const bad = given.find(([name, value]) => [name, value].flat().some(hasNul));
  if (bad !== undefined) throw fieldProblem("VALIDATION_FAILED", bad[0], "holds a NUL character");
  return Object.fromEntries(given);
};

const hasNul = (text: string): boolean => text.includes("\0");

/** The body as it came, or nothing. */
export const rawBody = (request: FastifyRequest): Uint8Array =>
  request.body instanceof Uint8Array ? request.body : new Uint8Array();

const isStream = (body: unknown): body is AsyncIterable<Uint8Array> =>
  typeof body === "object" && body !== null && Symbol.asyncIterator in body;

/** The body as it arrives, on a route that takes it so. */
export const streamedBody = ({ body }: FastifyRequest): AsyncIterable<Uint8Array> =>
  isStream(body) ? body : Readable.from([]);

const jsonType = /^(application|text)\/([a-z0-9.+-]*\+)?json\s*(;|$)/i;
const formType = /^application\/x-www-form-urlencoded\s*(;|$)/i;

/** The value of a JSON body; UNSUPPORTED_MEDIA_TYPE when the request says it is something else. */
export const jsonBody = (request: FastifyRequest): unknown => {
  const type = request.headers["content-type"];
  if (type !== undefined && !jsonType.test(type)) {
    const message = `must be application/json, not ${type}`;
    throw fieldProblem("UNSUPPORTED_MEDIA_TYPE", "content-type", message);
  }
  const body = rawBody(request);
  if (body.length > 0) return parseJson(body);
  throw new Problem("MALFORMED_JSON", [{ field: "body", message: "is empty" }]);
};

/** A body that may be left out when it has nothing to say. */
export const optionalJsonBody = (request: FastifyRequest): unknown =>
  rawBody(request).length === 0 ? {} : jsonBody(request);

/** The fields of a form, or of a JSON body (m3ter semantics 1.1). */
export const formOrJsonBody = (request: FastifyRequest): unknown => {
  if (!formType.test(request.headers["content-type"] ?? "")) return jsonBody(request);
  return Object.fromEntries(new URLSearchParams(Buffer.from(rawBody(request)).toString()));
};
