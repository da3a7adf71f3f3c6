import { type ChildProcess, fork } from "node:child_process";
import { Turns } from "../../ingest/turns.ts";
import type { Answer } from "./answer.ts";
import type { Job, Message } from "./protocol.ts";

/** Runs in the process of the sandbox. */
const program = new URL("process.ts", import.meta.url);

const timeoutDefaultMs = 10_000;
/** To start the process, on a busy machine. */
const startTimeoutMs = 60_000;
/** So many groups of a job may be killed until the rest is given up unasked. */
const killsMax = 3;

/** The answers in the order of the groups, or why the statement has none. */
export type Outcome =
  | { readonly kind: "answered"; readonly answers: readonly Answer[] }
  | { readonly kind: "refused"; readonly reason: string };

/** How a process got on with a job. */
type End =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "killed"; readonly reason: string };

/**
 * Runs one job after the other in a process of its own, started when it is first needed and again after it was killed.
 * What a query can reach there is its relation; what it can cost is one core for the time and the memory that are set.
 */
export class SqlSandbox {
  /** For the query over one group, the loading of its rows included. */
  readonly #timeoutMs: number;
  #process: ChildProcess | undefined;
  readonly #turns = new Turns();
  #isClosed = false;

  constructor(timeoutMs = timeoutDefaultMs) {
    this.#timeoutMs = timeoutMs;
  }

  run(job: Omit<Job, "first">): Promise<Outcome> {
    return this.#turns.take(() => this.#run(job));
  }

  close(): void {
    this.#isClosed = true;
    this.#kill();
  }

  /** A query that was killed is a fault of its group. */
  async #run(job: Omit<Job, "first">): Promise<Outcome> {
    const answers: Answer[] = [];
    for (let kills = 0; answers.length < job.groups; kills++) {
      const child = await this.#started();
      const end = await this.#ask(child, { ...job, first: answers.length }, answers);
      if (end.kind === "refused") return end;
      if (end.kind === "done") break;
      const left = kills + 1 < killsMax ? 1 : job.groups - answers.length;
      for (let index = 0; index < left; index++) answers.push({ fault: end.reason });
    }
    return { kind: "answered", answers };
  }

  #ask(child: ChildProcess, job: Job, answers: Answer[]): Promise<End> {
    return new Promise((resolve) => {
      const finish = (end: End): void => {
        clearTimeout(timer);
        child.removeAllListeners("message").removeAllListeners("exit");
        if (end.kind === "killed") this.#kill();
        resolve(end);
      };
      const timer = setTimeout(() => {
        finish({ kind: "killed", reason: `takes longer than ${this.#timeoutMs} ms` });
      }, this.#timeoutMs);
      child.on("exit", () => finish({ kind: "killed", reason: "cannot be run" }));
      child.on("message", (message: Message) => {
        switch (message.kind) {
          case "answer":
            answers.push(message.answer);
            timer.refresh();
            return;
          case "too-much-memory":
            return finish({ kind: "killed", reason: "takes too much memory" });
          case "done":
          case "refused":
            return finish(message);
          case "ready":
        }
      });
      child.send(job);
    });
  }

  async #started(): Promise<ChildProcess> {
    if (this.#isClosed) throw new Error("the sandbox is closed");
    if (this.#process?.connected === true) return this.#process;
    // Nothing of the server's environment is its business.
    const child = fork(program, {
      env: {},
      execArgv: [],
      stdio: ["ignore", "ignore", "inherit", "ipc"],
    });
    this.#process = child;
    await ready(child);
    return child;
  }

  #kill(): void {
    this.#process?.kill("SIGKILL");
    this.#process = undefined;
  }
}

const ready = (child: ChildProcess): Promise<void> =>
  new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      child.removeAllListeners("message").removeAllListeners("exit").removeAllListeners("error");
      // An error after this one shows as an exit.
      child.on("error", () => undefined);
      if (error === undefined) return resolve();
      child.kill("SIGKILL");
      reject(error);
    };
    const timer = setTimeout(() => settle(new Error("the sandbox does not start")), startTimeoutMs);
    child.once("message", () => settle());
    child.once("exit", () => settle(new Error("the sandbox has stopped before it was ready")));
    child.once("error", settle);
  });
