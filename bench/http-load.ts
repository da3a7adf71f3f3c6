import { connect } from "node:net";
import { parentPort } from "node:worker_threads";
import { chargeBodies, type Charges } from "./charges.ts";

/**
 * Sends prepared requests over keep-alive connections, each waiting for its reply before the next, as cheaply as Node
 * can: the load generator shares the machine with the server it measures. Runs as a thread.
 */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly bodies: readonly string[] | Charges;
  readonly connections: number;
  /** Requests a second in all; absent: as fast as the replies come. */
  readonly rate?: number;
}

export interface LoadReport {
  readonly seconds: number;
  /** Milliseconds of each request; with a rate, since the moment it was due. */
  readonly latencies: readonly number[];
  /** CPU time of the load generator itself, in microseconds: while it sent, and before, when it made the requests. */
  readonly cpuMicros: number;
  readonly preparingMicros: number;
  /** The first reply that was not 200, if any. */
  readonly refusal: string | undefined;
}

const head = ({ path, token }: LoadOrder, length: number): string =>
  [
    `POST ${path} HTTP/1.1`,
    "host: localhost",
    `authorization: Bearer ${token}`,
    "content-type: application/json",
    `content-length: ${length}`,
    "",
    "",
  ].join("\r\n");

const contentLength = /\r\ncontent-length: (\d+)\r\n/i;
/** Of one connection, for what has arrived since it was read the last time. */
const pieceBytes = 65_536;

/** Calls back with the head of each reply, once all of the reply is there. */
const readReplies = (onReply: (head: string) => void) => {
  let text = "";
  /** Of the reply whose head has been read. */
  let missing = 0;
  return (length: number, buffer: Uint8Array): boolean => {
    let rest = length;
    if (missing === 0) {
      text += Buffer.from(buffer.buffer, buffer.byteOffset, length).toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return true;
      missing = end + 4 + Number(contentLength.exec(text)?.[1] ?? 0);
      rest = text.length;
    }
    missing -= rest;
    if (missing > 0) return true;
    const whole = text;
    text = "";
    missing = 0;
    onReply(whole);
    return true;
  };
};

const requestsOf = (order: LoadOrder): Buffer[] => {
  const bodies = "first" in order.bodies ? chargeBodies(order.bodies) : order.bodies;
  return bodies.map((body) => {
    const bytes = Buffer.from(body);
    return Buffer.concat([Buffer.from(head(order, bytes.length)), bytes]);
  });
};

const send = async (
  requests: readonly Buffer[],
  { port, connections, rate }: LoadOrder,
): Promise<Omit<LoadReport, "preparingMicros">> => {
  const latencies: number[] = [];
  let next = 0;
  let refusal: string | undefined;
  const before = process.threadCpuUsage();
  const start = performance.now();
  const run = (): Promise<void> =>
    new Promise((resolve, reject) => {
      let due = start;
      const onReply = (text: string): void => {
        if (!text.startsWith("HTTP/1.1 200")) refusal ??= text;
        latencies.push(performance.now() - due);
        sendNext();
      };
      const onread = { buffer: Buffer.allocUnsafe(pieceBytes), callback: readReplies(onReply) };
      const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
      socket.once("error", reject);
      const sendNext = (): void => {
        const index = next++;
        const request = requests[index];
        if (request === undefined) {
          socket.destroy();
          resolve();
          return;
        }
        const now = performance.now();
        due = rate === undefined ? now : start + (index / rate) * 1000;
        if (due - now > 1) setTimeout(() => socket.write(request), due - now);
        else socket.write(request);
      };
      sendNext();
    });
  await Promise.all(Array.from({ length: connections }, run));
  const seconds = (performance.now() - start) / 1000;
  return { seconds, latencies, cpuMicros: microsSince(before), refusal };
};

const microsSince = (before: NodeJS.CpuUsage): number => {
  const { user, system } = process.threadCpuUsage(before);
  return user + system;
};

const load = async (order: LoadOrder): Promise<LoadReport> => {
  const before = process.threadCpuUsage();
  const requests = requestsOf(order);
  const preparingMicros = microsSince(before);
  return { ...(await send(requests, order)), preparingMicros };
};

parentPort?.on("message", (order: LoadOrder) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  void load(order).then((report) => parentPort?.postMessage(report));
});
