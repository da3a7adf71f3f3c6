import { setTimeout as delay } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { emptyKnown, type Operation, RandomClient, type Setting } from "./random-operations.ts";
import type { ServerProcess } from "./server.ts";

/** One operation as its client saw it. Times are this process's, in milliseconds. */
export interface Observed {
  readonly operation: Operation;
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly sentAt: number;
  readonly answeredAt: number;
}

export interface RunOptions {
  readonly servers: readonly ServerProcess[];
  readonly setting: Setting;
  readonly clientCount: number;
  readonly operationsEach: number;
  readonly seed: number;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const send = async (server: ServerProcess, operation: Operation): Promise<Observed> => {
  const { method, path, body } = operation;
  const sentAt = performance.now();
  const response = await fetch(`${server.url}/organizations/${server.orgId}/${path}`, {
    method,
    headers: {
      authorization: `Basic ${btoa(`${server.accessKey}:${server.apiSecret}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify(body),
  });
  const answer: unknown = await response.json();
  const answeredAt = performance.now();
  const { status } = response;
  if (status >= 500 || status === 429 || !isObject(answer))
    throw new Error(`${path}: ${status} ${JSON.stringify(answer)} to ${JSON.stringify(body)}`);
  return { operation, status, body: answer, sentAt, answeredAt };
};

/** Without what may differ between the first answer and a repeat of it. */
const lasting = (body: unknown): unknown => {
  if (Array.isArray(body)) return body.map(lasting);
  if (!isObject(body)) return body;
  return Object.fromEntries(
    Object.entries(body).flatMap(([key, value]) =>
      key === "replayed" ? [] : [[key, lasting(value)]],
    ),
  );
};

/** A decision stands: whoever asks again, wherever and however often, gets the first answer (I10). */
const checkRepeat = (first: Observed, repeat: Observed): void => {
  if (!first.operation.isDecision || first.status !== 200) return;
  const isSame =
    repeat.status === 200 && isDeepStrictEqual(lasting(first.body), lasting(repeat.body));
  if (isSame) return;
  const said = JSON.stringify([first.operation, first.body, repeat.body], undefined, 1);
  throw new Error(`asked again, the answer is another: ${said}`);
};

/** Of those that were answered together, one may refuse what the other has just done. */
const checkAgreement = (answers: readonly Observed[]): void => {
  const [first, ...others] = answers.filter(({ status }) => status === 200);
  if (first !== undefined) for (const other of others) checkRepeat(first, other);
};

const isRepeatable = ({ operation }: Observed): boolean =>
  operation.method === "POST" && operation.path !== "measurements";

/**
 * Every client asks one thing after the other, each at a server that it draws. One in ten is asked at all servers at
 * once, one in six a second time later; in the end everything is asked again.
 */
export const runRandomly = async (options: RunOptions): Promise<Observed[]> => {
  const { servers, setting, clientCount, operationsEach, seed } = options;
  const known = emptyKnown();
  const seen: Observed[] = [];
  const client = async (nth: number): Promise<void> => {
    const random = new RandomClient(setting, known, { name: `c${nth}`, seed: seed + nth });
    const anyServer = (): ServerProcess => random.pick(servers) ?? never();
    for (let count = 0; count < operationsEach; count += 1) {
      const operation = random.next();
      if (random.below(10) === 0) {
        const answers = await Promise.all(servers.map((server) => send(server, operation)));
        seen.push(...answers);
        checkAgreement(answers);
      } else seen.push(await send(anyServer(), operation));
      const earlier = random.below(6) === 0 ? random.pick(seen) : undefined;
      if (earlier === undefined || !isRepeatable(earlier)) continue;
      const repeat = await send(anyServer(), earlier.operation);
      // What came too early at first may be done now.
      seen.push(repeat);
      checkRepeat(earlier, repeat);
    }
  };
  await Promise.all(Array.from({ length: clientCount }, (_, nth) => client(nth)));
  await askAgain(servers, seen);
  return seen;
};

const never = (): never => {
  throw new Error("no server");
};

const repeatedTogether = 32;

const askAgain = async (
  servers: readonly ServerProcess[],
  seen: readonly Observed[],
): Promise<void> => {
  const repeatable = seen.filter(isRepeatable);
  for (let from = 0; from < repeatable.length; from += repeatedTogether)
    await Promise.all(
      repeatable.slice(from, from + repeatedTogether).map(async (first, nth) => {
        checkRepeat(first, await send(servers[nth % servers.length] ?? never(), first.operation));
      }),
    );
};

/** Looks again and again until stopped; what it throws comes out of `stop`. */
export const watch = (look: () => Promise<void>): { readonly stop: () => Promise<void> } => {
  const stopping = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      await look();
      await delay(100, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  };
  const running = run();
  running.catch(() => undefined);
  return {
    stop: () => {
      stopping.abort();
      return running;
    },
  };
};
