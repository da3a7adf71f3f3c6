import type { FastifyRequest } from "fastify";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Keys, Principal } from "../access/keys.ts";
import type { Tokens } from "../access/tokens.ts";

/** Whether a request shows a key pair itself instead of a token. */
export const showsKey = ({ headers }: FastifyRequest): boolean =>
  /^basic /i.test(headers.authorization ?? "");

/** The two halves of the key pair that a request shows, or undefined when it shows none. */
const basicCredentials = (request: FastifyRequest): [string, string] | undefined => {
  if (!showsKey(request)) return undefined;
  const { authorization = "" } = request.headers;
  const pair = Buffer.from(authorization.slice("basic ".length), "base64").toString();
  const colon = pair.indexOf(":");
  return colon < 0 ? undefined : [pair.slice(0, colon), pair.slice(colon + 1)];
};

/** The owner of the key pair in the request; INVALID_CREDENTIALS otherwise. */
export const authenticateKey = async (request: FastifyRequest, keys: Keys): Promise<Principal> => {
  const pair = basicCredentials(request);
  const principal = pair === undefined ? undefined : await keys.verify(...pair);
  if (principal === undefined) throw new Problem("INVALID_CREDENTIALS");
  return principal;
};

/** The bearer of the request's token; UNAUTHORIZED otherwise (m3ter semantics 1.4). */
export const authenticateBearer = async (
  request: FastifyRequest,
  tokens: Tokens,
): Promise<Principal> => {
  const header = request.headers.authorization ?? "";
  const principal = /^bearer /i.test(header)
    ? await tokens.verify(header.slice("bearer ".length).trim())
    : undefined;
  if (principal === undefined) throw new Problem("UNAUTHORIZED");
  return principal;
};

/** An organization that the bearer does not belong to might as well not exist: both are FORBIDDEN. */
export const checkOrganization = (principal: Principal, orgId: string): void => {
  if (principal.orgId !== orgId) throw new Problem("FORBIDDEN");
};
