import { setTimeout } from "node:timers/promises";
import type { DuckDBConnection } from "@duckdb/node-api";
import type {
  CommitOutcome,
  StoredMeasurement,
  StoredUids,
  UsageGroup,
  UsageLog,
  UsageRows,
} from "../../ports/usage-log.ts";
import type { UsageMark } from "../../ports/usage-changes.ts";
import { AccountNumbers } from "./accounts.ts";
import { batchHash, noHash } from "./batch-hash.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { markOf } from "./changes.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import type { UsageDatabase } from "./database.ts";
import { columnSources, columnTypes, MeterTables } from "./meter-tables.ts";
import type { MeterTable } from "./meter-tables.ts";
import { RowOrder } from "./row-order.ts";
import { findMeasurement, insertCorrection } from "./corrections.ts";
import { readBatchRows } from "./stored-batches.ts";
import { Turns } from "./turns.ts";
import { readUids } from "./stored-uids.ts";

const isStorageFull = (error: unknown): boolean =>
  error instanceof Error &&
  /No space left on device|disk is full|ENOSPC|Disk quota exceeded|File too large/i.test(
    error.message,
  );

const reopenAttempts = 40;
const reopenDelayMs = 500;

interface Head {
  readonly sequence: number;
  readonly nextPosition: number;
  /** Of the last batch. */
  readonly hash: string;
}

/** Writes groups as DuckDB transactions: rows, new accounts and the batch record together or not at all. */
export class DuckDbUsageLog implements UsageLog {
  readonly secret: Uint8Array;
  readonly accounts: AccountNumbers;
  readonly tables: MeterTables;
  readonly #database: UsageDatabase;
  readonly #order: RowOrder;
  readonly #turns: Turns;
  readonly #writers = new Map<
    string,
    { readonly table: MeterTable; readonly writer: ChunkWriter }
  >();
  #head: Head;
  /** It is not known whether the last group was committed: another one could repeat what it holds. */
  #isLost = false;

  private constructor(database: UsageDatabase, state: State) {
    this.#database = database;
    this.#order = state.order;
    this.#turns = state.turns;
    this.secret = state.secret;
    this.accounts = state.accounts;
    this.tables = state.tables;
    this.#head = state.head;
  }

  static async open(database: UsageDatabase): Promise<DuckDbUsageLog> {
    const { writer } = database;
    const accounts = new AccountNumbers();
    const tables = new MeterTables();
    await accounts.load(writer);
    await tables.load(writer);
    const secret = await readSecret(writer);
    const head = await readHead(writer);
    const turns = new Turns();
    const order = new RowOrder(database, tables, turns);
    await order.open();
    return new DuckDbUsageLog(database, { accounts, tables, secret, head, order, turns });
  }

  nextPosition(): number {
    return this.#head.nextPosition;
  }

  /** Of what is committed. */
  mark(): UsageMark {
    return markOf(this.#head.sequence, this.#head.hash);
  }

  accountNumber(orgId: string, accountId: string): number {
    return this.accounts.number(orgId, accountId);
  }

  append(group: UsageGroup): Promise<CommitOutcome> {
    return this.#turns.take(() => this.#append(group));
  }

  async #append(group: UsageGroup): Promise<CommitOutcome> {
    if (this.#isLost) return { kind: "failed", reason: "the usage store has to be restarted" };
    const sequence = this.#head.sequence + 1;
    const pending = this.accounts.pending();
    let hash = noHash;
    try {
      const { writer } = this.#database;
      const tables = await this.#ensureTables(group.rows);
      await writer.run("BEGIN");
      for (const rows of group.rows) await this.#write(tables, rows);
      const accounts = await writer.createAppender("account");
      for (const { number, orgId, accountId } of pending) {
        accounts.appendInteger(number);
        accounts.appendVarchar(orgId);
        accounts.appendVarchar(accountId);
        accounts.endRow();
      }
      accounts.closeSync();
      for (const correction of group.corrections) await insertCorrection(writer, correction);
      const { firstPosition, count, receivedAtMs } = group;
      hash = await this.#hash(sequence, group);
      await writer.run(
        `INSERT INTO batch VALUES (${sequence}, ${firstPosition}, ${count}, make_timestamp(${receivedAtMs * 1000}), '${hash}');
         COMMIT`,
      );
    } catch (error) {
      return this.#recover(error, { sequence, group, pending: pending.length, hash });
    }
    this.#advance({ sequence, group, pending: pending.length, hash });
    return { kind: "committed" };
  }

  /** Chains the group to the batch before it. */
  async #hash(sequence: number, group: UsageGroup): Promise<string> {
    const meters = new Set(group.rows.map(({ layout }) => `${layout.orgId}/${layout.meterId}`));
    // A meter that was edited has rows of two layouts in one group, which nobody could tell apart later.
    const rows =
      meters.size === group.rows.length
        ? group.rows
        : await readBatchRows(this.#database.writer, this.tables.all, group);
    return batchHash({ ...group, rows, sequence, previousHash: this.#head.hash }, this.accounts);
  }

  async find(
    orgId: string,
    uid: string,
    receivedAtMs: number | undefined,
  ): Promise<StoredMeasurement | undefined> {
    const connection = await this.#database.connect();
    try {
      return await findMeasurement(connection, this, { orgId, uid, receivedAtMs });
    } finally {
      connection.closeSync();
    }
  }

  uidsSince(receivedAtMs: number): AsyncIterable<StoredUids> {
    return readUids(this.#database, {
      receivedAtMs,
      tables: this.tables,
      nextPosition: this.nextPosition(),
    });
  }

  close(): Promise<void> {
    return this.#order.close();
  }

  #advance({ sequence, group, pending, hash }: Attempt): void {
    this.accounts.committed(pending);
    this.#head = { sequence, nextPosition: group.firstPosition + group.count, hash };
    for (const { layout, count } of group.rows) {
      const table = this.tables.find(layout.orgId, layout.meterId);
      if (table !== undefined) this.#order.committed(table, count);
    }
  }

  /** A commit that reports an error may still have happened; the batch record tells. */
  async #recover(cause: unknown, attempt: Attempt): Promise<CommitOutcome> {
    this.#writers.clear();
    const { writer } = this.#database;
    await writer.run("ROLLBACK").catch(() => undefined);
    const head = (await readHead(writer).catch(() => undefined)) ?? (await this.#reopen());
    // A new table or column may exist although its statement reported an error.
    if (head !== undefined) await this.tables.load(this.#database.writer).catch(() => undefined);
    if (head?.sequence === attempt.sequence) {
      this.#advance(attempt);
      return { kind: "committed" };
    }
    this.#isLost = head === undefined;
    if (isStorageFull(cause)) return { kind: "storage-full" };
    return { kind: "failed", reason: cause instanceof Error ? cause.message : String(cause) };
  }

  /** Where the log ends; undefined when the file does not open for a long time. Who waits for the group waits. */
  async #reopen(): Promise<Head | undefined> {
    for (let attempt = 0; attempt < reopenAttempts; attempt++) {
      try {
        await this.#database.reopen();
        return await readHead(this.#database.writer);
      } catch {
        await setTimeout(reopenDelayMs);
      }
    }
    return undefined;
  }

  async #ensureTables(groups: readonly UsageRows[]): Promise<ReadonlyMap<UsageRows, MeterTable>> {
    const tables = new Map<UsageRows, MeterTable>();
    for (const rows of groups) await this.tables.ensure(this.#database.writer, rows.layout);
    // A second layout of a meter may have widened the table of the first.
    for (const rows of groups) {
      tables.set(rows, await this.tables.ensure(this.#database.writer, rows.layout));
    }
    return tables;
  }

  async #write(tables: ReadonlyMap<UsageRows, MeterTable>, rows: UsageRows): Promise<void> {
    const table = tables.get(rows);
    if (table === undefined) throw new Error("every rows of a group has a table");
    let open = this.#writers.get(table.name);
    if (open?.table !== table) {
      open?.writer.close();
      const types = columnTypes(table);
      open = { table, writer: await ChunkWriter.open(this.#database.writer, table.name, types) };
      this.#writers.set(table.name, open);
    }
    open.writer.write(columnSources(table, rows), rows.count);
  }
}

interface State {
  readonly order: RowOrder;
  readonly turns: Turns;
  readonly secret: Uint8Array;
  readonly accounts: AccountNumbers;
  readonly tables: MeterTables;
  readonly head: Head;
}

interface Attempt {
  readonly sequence: number;
  readonly group: UsageGroup;
  readonly pending: number;
  readonly hash: string;
}

const readSecret = async (connection: DuckDBConnection): Promise<Uint8Array> => {
  const [row] = await rowsOf(connection, "SELECT hex(secret) FROM store");
  return Buffer.from(text(row?.[0]), "hex");
};

const readHead = async (connection: DuckDBConnection): Promise<Head> => {
  const [row = [0, 0, noHash]] = await rowsOf(
    connection,
    "SELECT sequence, first_position + count, hash FROM batch ORDER BY sequence DESC LIMIT 1",
  );
  return { sequence: integer(row[0]), nextPosition: integer(row[1]), hash: text(row[2]) };
};
