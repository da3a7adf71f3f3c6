import type { MessagePort, Worker } from "node:worker_threads";

/** What one side of a channel answers: for each name the argument and the result. */
export type Protocol = Record<string, { readonly argument: unknown; readonly result: unknown }>;

export type Handlers<Served extends Protocol> = {
  readonly [Name in keyof Served]: (
    argument: Served[Name]["argument"],
  ) => Promise<Served[Name]["result"]>;
};

type Message =
  | {
      readonly kind: "call";
      readonly id: number;
      readonly name: string;
      readonly argument: unknown;
    }
  | { readonly kind: "result"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: unknown };

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
}

interface ChannelOptions<Served extends Protocol> {
  readonly port: MessagePort | Worker;
  readonly handlers: Handlers<Served>;
  /** When messages of one turn are posted together: a post costs more than a message. */
  readonly defer: (post: () => void) => void;
}

/** Calls in both directions between two threads. */
export class ThreadChannel<Asked extends Protocol, Served extends Protocol> {
  readonly #options: ChannelOptions<Served>;
  readonly #pending = new Map<number, Pending>();
  #outbox: Message[] = [];
  #transfer: ArrayBuffer[] = [];
  #lastId = 0;
  #broken: Error | undefined;

  constructor(options: ChannelOptions<Served>) {
    this.#options = options;
    options.port.on("message", (messages: readonly Message[]) => {
      for (const message of messages) this.#receive(message);
    });
  }

  call<Name extends keyof Asked & string>(
    name: Name,
    argument: Asked[Name]["argument"],
    transfer: readonly ArrayBuffer[] = [],
  ): Promise<Asked[Name]["result"]> {
    if (this.#broken !== undefined) return Promise.reject(this.#broken);
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#send({ kind: "call", id, name, argument }, transfer);
    });
  }

  /** The other side is gone: what is under way and what comes fails. */
  break(error: Error): void {
    this.#broken = error;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }

  #receive(message: Message): void {
    if (message.kind === "call") {
      void this.#answer(message.id, message.name, message.argument);
      return;
    }
    const pending = this.#pending.get(message.id);
    this.#pending.delete(message.id);
    if (message.kind === "result") pending?.resolve(message.value);
    else pending?.reject(message.error);
  }

  async #answer(id: number, name: string, argument: unknown): Promise<void> {
    try {
      const handler = this.#options.handlers[name];
      if (handler === undefined) throw new Error(`the other thread asked for ${name}`);
      this.#send({ kind: "result", id, value: await handler(argument) }, []);
    } catch (error) {
      this.#send({ kind: "error", id, error }, []);
    }
  }

  #send(message: Message, transfer: readonly ArrayBuffer[]): void {
    if (this.#outbox.push(message) === 1) this.#options.defer(() => this.flush());
    this.#transfer.push(...transfer);
  }

  /** Posts now what is there, instead of when the turn is over. */
  flush(): void {
    if (this.#outbox.length === 0) return;
    const messages = this.#outbox;
    const transfer = this.#transfer;
    this.#outbox = [];
    this.#transfer = [];
    this.#options.port.postMessage(messages, transfer);
  }
}
