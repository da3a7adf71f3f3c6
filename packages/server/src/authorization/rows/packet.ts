import { type Connection, type Pool, type PoolClient, Query, types } from "pg";
import { textArray } from "./binary-arrays.ts";
import { onConnection } from "./connection.ts";
import { type Parameter, executed, prepared, sync } from "./protocol-messages.ts";

/** A statement that is prepared once for each connection: a name says always the same text. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  /** Buffers are binary, lists of texts are `text[]`; anything else is a text to PostgreSQL. */
  readonly values?: readonly Value[];
  /** Of a COPY: its rows and what ends them, as messages. */
  readonly rows?: Buffer;
}

export type Value = Buffer | string | number | null | readonly string[];

interface Column {
  readonly name: string;
  readonly read: (text: string) => unknown;
}

interface Asked {
  readonly statement: Statement;
  readonly answers: (string | null)[][];
  columns: readonly Column[];
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** What each connection has prepared, with the columns that it answers: it tells them once. */
const preparedOf = new WeakMap<Connection, Map<string, readonly Column[]>>();

const knownTo = (connection: Connection): Map<string, readonly Column[]> => {
  const known = preparedOf.get(connection) ?? new Map<string, readonly Column[]>();
  preparedOf.set(connection, known);
  return known;
};

const parameterOf = (value: Value): Parameter => {
  if (value === null || Buffer.isBuffer(value)) return value;
  return typeof value === "object" ? textArray(value) : String(value);
};

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/**
 * A packet in the eyes of the driver, which is one query: one write, one Sync behind the last statement, and one time
 * that PostgreSQL is ready again. The statement that fails is told so by `handleError`, and so are those behind it, which
 * PostgreSQL reads past.
 * https://www.postgresql.org/docs/18/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
class PacketQuery extends Query {
  readonly #asked: readonly Asked[];
  #known = new Map<string, readonly Column[]>();
  #at = 0;

  constructor(asked: readonly Asked[]) {
    super({ text: "packet" }, () => undefined);
    this.#asked = asked;
  }

  override submit = (connection: Connection): void => {
    this.#known = knownTo(connection);
    const messages: Buffer[] = [];
    const fresh = new Set<string>();
    for (const { statement } of this.#asked) {
      const { name, text, values = [], rows } = statement;
      const isKnown = this.#known.has(name) || fresh.has(name);
      if (!isKnown) messages.push(prepared(name, text));
      fresh.add(name);
      messages.push(executed(name, values.map(parameterOf), !isKnown));
      if (rows !== undefined) messages.push(rows);
    }
    messages.push(sync);
    connection.stream.write(Buffer.concat(messages));
  };

  readonly handleRowDescription = ({ fields }: RowDescription): void => {
    const asked = this.#asked[this.#at];
    if (asked === undefined) return;
    asked.columns = fields.map(({ name, dataTypeID }) => ({
      name,
      read: types.getTypeParser(dataTypeID, "text"),
    }));
  };

  readonly handleDataRow = ({ fields }: { readonly fields: (string | null)[] }): void => {
    this.#asked[this.#at]?.answers.push(fields);
  };

  readonly handleCommandComplete = (): void => {
    const asked = this.#asked[this.#at];
    this.#at += 1;
    if (asked === undefined) return;
    const { name } = asked.statement;
    const columns = this.#known.get(name);
    if (columns === undefined) this.#known.set(name, asked.columns);
    else asked.columns = columns;
  };

  readonly handleError = (error: unknown): void => {
    for (const { reject } of this.#asked.slice(this.#at)) reject(error);
    for (const { resolve } of this.#asked.slice(0, this.#at)) resolve();
  };

  readonly handleReadyForQuery = (): void => {
    for (const { resolve } of this.#asked) resolve();
  };

  /** Its rows have long been sent. */
  readonly handleCopyInResponse = (): void => undefined;
}

/**
 * Statements that go to the database in one write, are carried out in order and answered together: one round trip
 * instead of one for each. When one fails, those behind it are not carried out, a COMMIT among them neither.
 */
export class Packet {
  readonly #asked: Asked[] = [];

  /** The values of each row in the order of the statement. */
  async values<Values extends unknown[]>(statement: Statement): Promise<Values[]> {
    const { answers, columns } = await this.#answered(statement);
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the statement answers is known where it stands
    return answers.map((answer) =>
      answer.map((text, at) => valueOf(columns[at], text)),
    ) as Values[];
  }

  /** The rows by the names of their columns. */
  async rows<Columns extends object>(statement: Statement): Promise<Columns[]> {
    const { answers, columns } = await this.#answered(statement);
    return answers.map((answer) => {
      const entries = columns.map((column, at) => [
        column.name,
        valueOf(column, answer[at] ?? null),
      ]);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what the statement answers is known where it stands
      return Object.fromEntries(entries) as Columns;
    });
  }

  async run(statement: Statement): Promise<void> {
    await this.#answered(statement);
  }

  /** Sends what was asked for. */
  leave(client: { readonly query: (packet: Query) => unknown }): void {
    if (this.#asked.length > 0) client.query(new PacketQuery(this.#asked));
  }

  #answered(statement: Statement): Promise<Asked> {
    return new Promise((resolve, reject) => {
      const asked: Asked = {
        statement,
        answers: [],
        columns: [],
        resolve: () => resolve(asked),
        reject,
      };
      this.#asked.push(asked);
    });
  }
}

const valueOf = (column: Column | undefined, text: string | null): unknown =>
  text === null || column === undefined ? text : column.read(text);

/** Sends the statements that `ask` asks for at once as one packet. */
export const inOnePacket = <Result>(
  client: PoolClient,
  ask: (packet: Packet) => Promise<Result>,
): Promise<Result> => {
  const packet = new Packet();
  const answered = ask(packet);
  packet.leave(client);
  return answered;
};

const settings = {
  plan_cache_mode: "force_generic_plan",
  enable_seqscan: "off",
  enable_hashjoin: "off",
  enable_mergejoin: "off",
  jit: "off",
};

/**
 * Begins a transaction whose statements touch rows by their keys only, however long the arrays: one plan serves them
 * all, and a table that has grown since its statistics were made is still not read from end to end.
 */
export const beginByKeys = async (packet: Packet): Promise<void> => {
  const set = Object.entries(settings).map(
    ([name, value]) => `set_config('${name}', '${value}', true)`,
  );
  await Promise.all([
    packet.run({ name: "ledger-begin", text: "BEGIN" }),
    packet.run({ name: "ledger-settings", text: `SELECT ${set.join(", ")}` }),
  ]);
};

/** Behind a statement that failed it is not carried out. */
export const commit = (packet: Packet): Promise<void> =>
  packet.run({ name: "ledger-commit", text: "COMMIT" });

/** What kind of error a statement ended with; empty for any that is not the database's. */
export const sqlStateOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

const retryable: ReadonlySet<string> = new Set(["23505", "40001", "40P01"]);

/** Whether another transaction was first with an id, or the database asks for another try. */
export const isRetryable = (error: unknown): boolean => retryable.has(sqlStateOf(error));

/** Reads rows by their keys, in one round trip. */
export const readByKeys = <Columns extends object>(
  pool: Pool,
  statement: Statement,
): Promise<Columns[]> =>
  onConnection(pool, async (client) => {
    const [, rows] = await inOnePacket(client, (packet) =>
      Promise.all([beginByKeys(packet), packet.rows<Columns>(statement), commit(packet)]),
    );
    return rows;
  });
