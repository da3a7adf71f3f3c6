import { setTimeout as delay } from "node:timers/promises";
import type { Client, Entity } from "../client.ts";

export type Body = Readonly<Record<string, unknown>>;
export type Params = Readonly<Record<string, string>>;

/** Makes what a request refers to, by collection path, each time anew. */
export interface Maker {
  readonly client: Client;
  readonly make: (collection: string, fields?: Body) => Promise<Entity>;
}

/** What must be there before an operation is called; may answer with fields of its body, or of its query. */
export type Preparation = (maker: Maker, params: Params) => Promise<Body | undefined>;

const waitMs = 20_000;
const pollMs = 20;

/** Asks until there is an answer. */
export const eventually = async <T>(
  what: string,
  ask: () => Promise<T | undefined>,
): Promise<T> => {
  const deadline = Date.now() + waitMs;
  while (Date.now() < deadline) {
    const found = await ask();
    if (found !== undefined) return found;
    await delay(pollMs);
  }
  throw new Error(`${what} did not happen in ${waitMs} ms`);
};
