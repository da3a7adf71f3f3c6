import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";

export interface Listening {
  readonly url: string;
  readonly channel: string;
  readonly onMessage: (payload: string) => void;
  /** After a lost connection was made again: what was said meanwhile was not heard. */
  readonly onReturn: () => Promise<void>;
  readonly onLost: (reason: string) => void;
  /** A lost connection cannot be made again: the database is gone, or does not answer. Said at every attempt. */
  readonly onUnreachable: () => void;
}

export interface Listener {
  readonly stop: () => Promise<void>;
}

const retryMs = 500;
/** A connection can be gone without a word; that is found out by asking. */
const heartbeatMs = 5_000;
const answerMs = 5_000;
const farewellMs = 1_000;

/** Listens on a channel over a connection of its own until it is stopped. Rejects when it cannot begin. */
export const listen = async (listening: Listening): Promise<Listener> => {
  const stopping = new AbortController();
  const first = await connect(listening);
  const running = stayConnected(first, listening, stopping.signal);
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
};

const connect = async ({ url, channel, onMessage }: Listening): Promise<Client> => {
  const client = new Client({
    connectionString: url,
    connectionTimeoutMillis: answerMs,
    query_timeout: answerMs,
    keepAlive: true,
  });
  // Whoever waits for its end hears of errors; one that comes later must not end the process.
  client.on("error", () => undefined);
  client.on("notification", ({ payload }) => onMessage(payload ?? ""));
  try {
    await client.connect();
    await client.query(`LISTEN ${channel}`);
    return client;
  } catch (error) {
    await leave(client);
    throw error;
  }
};

const connectAgain = async (listening: Listening): Promise<Client> => {
  try {
    return await connect(listening);
  } catch (error) {
    listening.onUnreachable();
    throw error;
  }
};

/** A connection that is gone without a word does not answer a farewell either. */
const leave = async (client: Client): Promise<void> => {
  await Promise.race([client.end().catch(() => undefined), delay(farewellMs)]);
};

const stayConnected = async (
  first: Client,
  listening: Listening,
  signal: AbortSignal,
): Promise<void> => {
  let client: Client | undefined = first;
  while (!signal.aborted) {
    try {
      if (client === undefined) {
        client = await connectAgain(listening);
        await listening.onReturn();
      }
      await loss(client, listening.channel, signal);
    } catch (error) {
      if (!signal.aborted) listening.onLost(error instanceof Error ? error.message : "unknown");
    }
    if (client !== undefined) await leave(client);
    client = undefined;
    await delay(retryMs, undefined, { signal }).catch(() => undefined);
  }
};

/** Rejects with why the connection is of no more use. */
const loss = async (client: Client, channel: string, signal: AbortSignal): Promise<never> => {
  // An error event rejects it too.
  const ended = once(client, "end", { signal }).then(() => {
    throw new Error("the connection ended");
  });
  const silent = (async (): Promise<never> => {
    for (;;) {
      await delay(heartbeatMs, undefined, { signal });
      // Who listens already goes on.
      await client.query(`LISTEN ${channel}`);
    }
  })();
  return Promise.race([ended, silent]);
};
