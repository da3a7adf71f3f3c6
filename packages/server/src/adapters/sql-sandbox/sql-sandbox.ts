import { type ChildProcess, fork } from "node:child_process";
import { Turns } from "../../ingest/turns.ts";
import type { Answer } from "./answer.ts";
import type { Job, Message } from "./protocol.ts";

/** Runs in the process of the sandbox. */
const program = new URL("process.ts", import.meta.url);

const timeoutDefaultMs = 10_000;
/** How long a job of many groups may keep the process where others wait for it. */
const turnDefaultMs = 2_000;
/** To start the process, on a busy machine. */
const startTimeoutMs = 60_000;
/** So many groups of a job may be killed until the rest is given up unasked. */
const killsMax = 3;

/** The answers in the order of the groups, or why the statement has none. */
export type Outcome =
  | { readonly kind: "answered"; readonly answers: readonly Answer[] }
  | { readonly kind: "refused"; readonly reason: string };

/** How a process got on with a job in one turn. */
type End =
  | { readonly kind: "done" }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "killed"; readonly reason: string };

type Asked = Omit<Job, "first" | "turnMs">;

/**
 * Runs jobs by turns in a process of its own, started when it is first needed and again after it was killed.
 * What a query can reach there is its relation; what it can cost is one core for the time and the memory that are set.
 */
export class SqlSandbox {
  /** For the query over one group, the loading of its rows included. */
  readonly #timeoutMs: number;
  readonly #turnMs: number;
  #process: ChildProcess | undefined;
  readonly #turns = new Turns();
  #isClosed = false;

  constructor(timeoutMs = timeoutDefaultMs, turnMs = turnDefaultMs) {
    this.#timeoutMs = timeoutMs;
    this.#turnMs = turnMs;
  }

  /** A query that was killed is a fault of its group. */
  async run(job: Asked): Promise<Outcome> {
    const answers: Answer[] = [];
    for (let kills = 0; answers.length < job.groups;) {
      const end = await this.#turns.take(() => this.#ask(job, answers));
      if (end.kind === "refused") return end;
      if (end.kind === "done") continue;
      kills += 1;
      const left = kills < killsMax ? 1 : job.groups - answers.length;
      for (let index = 0; index < left; index++) answers.push({ fault: end.reason });
    }
    return { kind: "answered", answers };
  }

  close(): void {
    this.#isClosed = true;
    this.#kill();
  }

  async #ask(job: Asked, answers: Answer[]): Promise<End> {
    const child = await this.#started();
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
      child.send({ ...job, first: answers.length, turnMs: this.#turnMs } satisfies Job);
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
