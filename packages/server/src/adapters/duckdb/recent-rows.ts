import { setImmediate } from "node:timers/promises";
import type { UsageRows } from "../../ports/usage-log.ts";
import type { Batch } from "../journal/batch-codec.ts";
import type { Turns } from "../../ingest/turns.ts";
import { ChunkWriter } from "./chunk-writer.ts";
import { insertStep } from "./backfills.ts";
import { insertCorrection } from "./corrections.ts";
import { type Generation, sharedTables, type UsageDatabase } from "./database.ts";
import { columnSources, columnTypes, type MeterTables, renewSql } from "./meter-tables.ts";
import { type MeterTable } from "./meter-table.ts";
import { UidSplitter } from "./uid-columns.ts";

/** A batch and its hash in the chain. */
export interface LinkedBatch {
  readonly batch: Batch;
  readonly hash: string;
}

/** What a generation holds. */
interface Contents {
  rows: number;
  readonly tables: Map<string, MeterTable>;
}

const nothing = (): Contents => ({ rows: 0, tables: new Map() });

interface TableWriter {
  readonly table: MeterTable;
  readonly writer: ChunkWriter;
  readonly uids: UidSplitter;
}

/** Adds batches to the rows in memory. Who changes what stands in the file takes `fileTurns`. */
export class RecentRows {
  readonly #database: UsageDatabase;
  readonly #tables: MeterTables;
  readonly #fileTurns: Turns;
  readonly #writers = new Map<string, TableWriter>();
  #contents: Record<Generation, Contents> = { a: nothing(), b: nothing() };
  #filling: Generation = "a";

  constructor(database: UsageDatabase, tables: MeterTables, fileTurns: Turns) {
    this.#database = database;
    this.#tables = tables;
    this.#fileTurns = fileTurns;
  }

  get filling(): Generation {
    return this.#filling;
  }

  rows(generation: Generation): number {
    return this.#contents[generation].rows;
  }

  /** The tables of the generation that have rows. */
  tables(generation: Generation): readonly MeterTable[] {
    return [...this.#contents[generation].tables.values()];
  }

  /** Makes the batches visible, all at once. */
  async add(batches: readonly LinkedBatch[]): Promise<void> {
    const all = batches.flatMap(({ batch }) => batch.rows);
    for (const { layout } of all) {
      if (this.#tables.fitting(layout) !== undefined) continue;
      await this.#fileTurns.take(() => this.#tables.widen(this.#database.writer, layout));
    }
    const { writer } = this.#database;
    await writer.run("BEGIN");
    for (const { batch } of batches) {
      for (const rows of batch.rows) await this.#write(rows);
      // Bodies are read between one batch and the next.
      await setImmediate();
    }
    await this.#addShared(batches);
    await writer.run("COMMIT");
    const contents = this.#contents[this.#filling];
    for (const { count } of all) contents.rows += count;
    for (const { layout } of all) {
      const table = this.#tables.fitting(layout);
      if (table !== undefined) contents.tables.set(table.name, table);
    }
  }

  /** The other generation, which is empty, fills from now on; not while rows are added. */
  swap(): void {
    this.#closeWriters();
    this.#filling = this.#filling === "a" ? "b" : "a";
  }

  /** What makes the generation empty. */
  renewal(generation: Generation): string {
    return [
      ...this.tables(generation).map((table) => renewSql(generation, table)),
      ...Object.keys(sharedTables).map((name) => `TRUNCATE ${generation}.${name}`),
    ].join("; ");
  }

  renewed(generation: Generation): void {
    this.#contents[generation] = nothing();
  }

  /** The database was opened anew: nothing is in memory. */
  reset(): void {
    this.#closeWriters();
    this.#contents = { a: nothing(), b: nothing() };
  }

  #closeWriters(): void {
    for (const { writer } of this.#writers.values()) writer.close();
    this.#writers.clear();
  }

  async #addShared(batches: readonly LinkedBatch[]): Promise<void> {
    const { writer } = this.#database;
    const place = this.#filling;
    const accounts = await writer.createAppender("account", place);
    for (const { batch } of batches) {
      for (const { number, orgId, accountId } of batch.accounts) {
        accounts.appendInteger(number);
        accounts.appendVarchar(orgId);
        accounts.appendVarchar(accountId);
        accounts.endRow();
      }
    }
    accounts.closeSync();
    for (const entry of batches.flatMap(({ batch }) => batch.corrections)) {
      // Before it can be seen, so that whoever sees it knows.
      this.#tables.org(entry.orgId).isCorrected = true;
      await insertCorrection(writer, place, entry);
    }
    const steps = batches.flatMap(({ batch }) => batch.backfills ?? []);
    for (const step of steps) await insertStep(writer, place, step);
    if (steps.length > 0) await this.#tables.follow(writer, steps);
    const values = batches.map(
      ({ batch: { sequence, firstPosition, count, receivedAtMs }, hash }) =>
        `(${sequence}, ${firstPosition}, ${count}, make_timestamp(${receivedAtMs * 1000}), '${hash}')`,
    );
    await writer.run(`INSERT INTO ${place}.batch VALUES ${values.join(", ")}`);
  }

  async #write(rows: UsageRows): Promise<void> {
    const table = this.#tables.fitting(rows.layout);
    if (table === undefined) throw new Error("every layout was given a table");
    let open = this.#writers.get(table.name);
    if (open?.table !== table) {
      open?.writer.close();
      const types = columnTypes(table);
      const at = { schema: this.#filling, table: table.name };
      const writer = await ChunkWriter.open(this.#database.writer, at, types);
      open = { table, writer, uids: new UidSplitter() };
      this.#writers.set(table.name, open);
    }
    open.writer.write(columnSources(table, rows, open.uids), rows.count);
  }
}
