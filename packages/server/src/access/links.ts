import { createHmac, timingSafeEqual } from "node:crypto";
import { Problem } from "@turnpike/contract/problem.ts";

/** Unless somebody knows better: long enough to follow a link, too short to pass it on. */
export const linkSeconds = 900;

type Query = Readonly<Record<string, unknown>>;

/** Links that open a file without a token, for a while: who has the link was let in by who made it. */
export interface Links {
  /** `origin` without a slash at the end; `path` from the root, with the query parameters that the file depends on. */
  readonly sign: (
    origin: string,
    path: string,
    link?: { readonly query?: Query; readonly seconds?: number },
  ) => string;
  /** INVALID_LINK unless we signed this path with this query, and not too long ago. */
  readonly check: (path: string, query: Query) => void;
}

/** The parameters in one order, so that a link says the same however its query is arranged. */
const canonical = (path: string, query: Query): string => {
  const parameters = Object.entries(query)
    .filter(([name, value]) => name !== "signature" && value !== undefined)
    .map(([name, value]) => [name, String(value)] as const)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([path, parameters]);
};

const isSame = (given: string, expected: string): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** Signed with the installation's key, so that every server on its database knows them. */
export const createLinks = (key: Buffer, now: () => number): Links => {
  const signature = (path: string, query: Query): string =>
    createHmac("sha256", key).update(canonical(path, query)).digest("hex");

  return {
    sign: (origin, path, { query = {}, seconds = linkSeconds } = {}) => {
      const expires = Math.floor(now() / 1000) + seconds;
      const signed = { ...query, expires };
      const url = new URL(`${origin}${path}`);
      for (const [name, value] of Object.entries(signed)) {
        if (value !== undefined) url.searchParams.set(name, String(value));
      }
      url.searchParams.set("signature", signature(path, signed));
      return url.toString();
    },
    check: (path, query) => {
      const isOurs = isSame(String(query["signature"]), signature(path, query));
      if (isOurs && Number(query["expires"]) * 1000 > now()) return;
      throw new Problem("INVALID_LINK");
    },
  };
};
