import { connect } from "node:net";
import type { Socket } from "node:net";
import { parentPort } from "node:worker_threads";

/**
 * Sends prepared requests over keep-alive connections, each waiting for its reply before the next, as cheaply as Node
 * can: the load generator shares the machine with the server it measures. Runs as a thread.
 */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly token: string;
  readonly bodies: readonly string[];
  readonly connections: number;
  /** Requests a second in all; absent: as fast as the replies come. */
  readonly rate?: number;
}

export interface LoadReport {
  readonly seconds: number;
  /** Milliseconds of each request; with a rate, since the moment it was due. */
  readonly latencies: readonly number[];
  /** CPU time of the load generator itself, in microseconds. */
  readonly cpuMicros: number;
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

/** One reply, read to its end. */
const reply = (socket: Socket): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = "";
    const onData = (chunk: Buffer): void => {
      text += chunk.toString("latin1");
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) return;
      const length = Number(contentLength.exec(text)?.[1] ?? 0);
      if (text.length < end + 4 + length) return;
      socket.off("data", onData);
      resolve(text);
    };
    socket.on("data", onData);
    socket.once("error", reject);
  });

export const load = async (order: LoadOrder): Promise<LoadReport> => {
  const { bodies, connections, rate } = order;
  const requests = bodies.map((body) => {
    const bytes = Buffer.from(body);
    return Buffer.concat([Buffer.from(head(order, bytes.length)), bytes]);
  });
  const latencies: number[] = [];
  let next = 0;
  let refusal: string | undefined;
  const cpuBefore = process.threadCpuUsage();
  const start = performance.now();
  const run = async (): Promise<void> => {
    const socket = connect({ port: order.port, host: "127.0.0.1", noDelay: true });
    socket.setMaxListeners(0);
    for (let index = next++; index < requests.length; index = next++) {
      const due = rate === undefined ? performance.now() : start + (index / rate) * 1000;
      const wait = due - performance.now();
      if (wait > 1) await new Promise((resolve) => setTimeout(resolve, wait));
      const answered = reply(socket);
      socket.write(requests[index] ?? "");
      const text = await answered;
      if (!text.startsWith("HTTP/1.1 200")) refusal ??= text;
      latencies.push(performance.now() - due);
    }
    socket.destroy();
  };
  await Promise.all(Array.from({ length: connections }, run));
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.threadCpuUsage(cpuBefore);
  return { seconds, latencies, cpuMicros: user + system, refusal };
};

parentPort?.on("message", (order: LoadOrder) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port has no origin
  void load(order).then((report) => parentPort?.postMessage(report));
});
