import { DuckDBInstance } from "@duckdb/node-api";
import type { DuckDBConnection } from "@duckdb/node-api";
import { type Answer, answerOf } from "./answer.ts";
import type { Job, Message, RelationColumn } from "./protocol.ts";
import { relationName, statementFault } from "./statement.ts";
import { readVocabulary } from "./vocabulary.ts";

/**
 * The process that runs custom SQL. Each job gets a database of its own that has the relation and nothing else. DuckDB
 * does not count the memory of every function (`repeat`, `range` as a list) and does not hear an interrupt in the midst
 * of one, so this process watches its own size, and the one that started it kills it when it takes too long.
 */

/** Of the tables and what DuckDB counts; nothing is put on disk instead. */
const memoryLimit = "384MB";
/** Of the whole process, Node and DuckDB's code included. */
const residentBytesMax = 768 * 1024 * 1024;
const watchIntervalMs = 5;

const send = (message: Message): void => void process.send?.(message);

const kill = (): void => void process.kill(process.pid, "SIGKILL");

const watchMemory = (): void => {
  setInterval(() => {
    if (process.memoryUsage.rss() <= residentBytesMax) return;
    process.send?.({ kind: "too-much-memory" } satisfies Message, kill);
  }, watchIntervalMs);
};

const openInstance = (): Promise<DuckDBInstance> =>
  DuckDBInstance.create(":memory:", {
    memory_limit: memoryLimit,
    threads: "1",
    autoinstall_known_extensions: "false",
    autoload_known_extensions: "false",
    allow_community_extensions: "false",
  });

/** The last setting makes those before it final. */
const shut = [
  "SET temp_directory = ''",
  "SET TimeZone = 'UTC'",
  "SET enable_external_access = false",
  "SET lock_configuration = true",
];

const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const createRelation = (columns: readonly RelationColumn[]): string =>
  `CREATE OR REPLACE TABLE ${relationName}
   (${columns.map(({ name, type }) => `${quoted(name)} ${type}`).join(", ")})`;

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).trim();

class Sandbox {
  /** Reads the file; runs no SQL of a client. */
  readonly #loader: DuckDBConnection;
  readonly #vocabulary: Awaited<ReturnType<typeof readVocabulary>>;

  private constructor(
    loader: DuckDBConnection,
    vocabulary: Awaited<ReturnType<typeof readVocabulary>>,
  ) {
    this.#loader = loader;
    this.#vocabulary = vocabulary;
  }

  static async open(): Promise<Sandbox> {
    const loader = await (await openInstance()).connect();
    await loader.run("SET TimeZone = 'UTC'");
    return new Sandbox(loader, await readVocabulary(loader));
  }

  async run(job: Job): Promise<void> {
    const reason = await this.#faultOf(job.sql);
    if (reason !== undefined) {
      send({ kind: "refused", reason });
      return;
    }
    const end = performance.now() + job.turnMs;
    const instance = await openInstance();
    const connection = await instance.connect();
    try {
      for (const setting of shut) await connection.run(setting);
      for (let group = job.first; group < job.groups; group++) {
        if (group > job.first && performance.now() >= end) break;
        send({ kind: "answer", answer: await this.#answer(connection, job, group) });
      }
      send({ kind: "done" });
    } finally {
      connection.closeSync();
      instance.closeSync();
    }
  }

  async #faultOf(sql: string): Promise<string | undefined> {
    const asked = await this.#loader.runAndReadAll("SELECT json_serialize_sql($1::VARCHAR)", [sql]);
    const serialized: unknown = JSON.parse(String(asked.getRows()[0]?.[0]));
    return statementFault(serialized, this.#vocabulary);
  }

  async #answer(connection: DuckDBConnection, job: Job, group: number): Promise<Answer> {
    try {
      await connection.run(createRelation(job.columns));
      if (job.file !== undefined) await this.#load(connection, job.file, { job, group });
      return await answerOf(await connection.stream(job.sql));
    } catch (error) {
      return { fault: reasonOf(error) };
    }
  }

  /** Chunk by chunk from one database to the other, unread. */
  async #load(
    connection: DuckDBConnection,
    file: string,
    { job, group }: { job: Job; group: number },
  ): Promise<void> {
    const columns = job.columns.map(({ type }, index) => `c${index}::${type}`).join(", ");
    const rows = await this.#loader.stream(
      `SELECT ${columns} FROM read_parquet(${literal(file)}) WHERE "group" = ${group}`,
    );
    const appender = await connection.createAppender(relationName);
    for (;;) {
      const chunk = await rows.fetchChunk();
      if (chunk === null || chunk.rowCount === 0) break;
      appender.appendDataChunk(chunk);
    }
    appender.closeSync();
  }
}

const serve = async (): Promise<void> => {
  process.on("disconnect", kill);
  const sandbox = await Sandbox.open();
  watchMemory();
  process.on("message", (job: Job) => {
    // The server gives this one up when it is gone.
    sandbox.run(job).catch(kill);
  });
  send({ kind: "ready" });
};

await serve();
