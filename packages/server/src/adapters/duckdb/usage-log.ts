import type { BackfillKey } from "../../ports/usage-backfills.ts";
import type {
  CommitOutcome,
  StoredBackfill,
  StoredContent,
  StoredMeasurement,
  StoredReplacement,
  StoredUids,
  UsageGroup,
  UsageLog,
} from "../../ports/usage-log.ts";
import { hasJournal, Journal, journalFolder } from "../journal/journal.ts";
import type { UsageMark } from "../../ports/usage-changes.ts";
import { AccountNumbers } from "./accounts.ts";
import { inspect } from "./backfill-contents.ts";
import { markOf } from "./changes.ts";
import { rowsOf, text } from "./cells.ts";
import { findContents } from "./content.ts";
import { findMeasurement } from "./corrections.ts";
import { type DatabaseOptions, isDamage, setAside, UsageDatabase } from "./database.ts";
import { Follower, type MoveOptions } from "./follower.ts";
import { MeterTables } from "./meter-tables.ts";
import { NoRoom } from "./mover.ts";
import type { Readers } from "./readers.ts";
import { readUids } from "./stored-uids.ts";

export interface UsageLogOptions extends DatabaseOptions {
  /** When rows are moved into the file. */
  readonly moves: MoveOptions;
}

/** Is told where the file is that was damaged, which was made again from the journal. */
export type OnDamage = (path: string) => void;

interface Opened {
  readonly database: UsageDatabase;
  readonly journal: Journal;
  readonly follower: Follower;
  readonly accounts: AccountNumbers;
  readonly tables: MeterTables;
  readonly secret: Uint8Array;
}

const openAll = async (options: UsageLogOptions, onDamage: OnDamage): Promise<Opened> => {
  const { path, moves } = options;
  // The lock on the file is the lock of the journal too.
  const database = await UsageDatabase.open(options);
  try {
    const journal = await Journal.open(journalFolder(path));
    const accounts = new AccountNumbers();
    const tables = new MeterTables();
    const follower = await Follower.open({ database, journal, tables, accounts, moves, onDamage });
    return { database, journal, follower, accounts, tables, secret: await readSecret(database) };
  } catch (cause) {
    database.close();
    throw cause;
  }
};

/**
 * Writes groups to the journal, which is what makes them durable; DuckDB follows it and answers queries. A DuckDB file
 * that is damaged is set aside and made again from the journal.
 */
export class UsageJournalLog implements UsageLog {
  readonly secret: Uint8Array;
  readonly accounts: AccountNumbers;
  readonly tables: MeterTables;
  readonly #database: UsageDatabase;
  readonly #journal: Journal;
  readonly #follower: Follower;

  private constructor(opened: Opened) {
    this.secret = opened.secret;
    this.accounts = opened.accounts;
    this.tables = opened.tables;
    this.#database = opened.database;
    this.#journal = opened.journal;
    this.#follower = opened.follower;
  }

  static async open(options: UsageLogOptions, onDamage: OnDamage): Promise<UsageJournalLog> {
    try {
      return new UsageJournalLog(await openAll(options, onDamage));
    } catch (cause) {
      const isRepairable = isDamage(cause) && (await hasJournal(journalFolder(options.path)));
      if (!isRepairable) throw cause;
      onDamage(await setAside(options.path));
      return new UsageJournalLog(await openAll(options, onDamage));
    }
  }

  /** Connections that see everything that was acknowledged. */
  get readers(): Readers {
    return this.#follower.readers;
  }

  nextPosition(): number {
    return this.#journal.head.nextPosition;
  }

  /** Of what is committed. */
  mark(): UsageMark {
    const { sequence, hash } = this.#journal.head;
    return markOf(sequence, hash);
  }

  accountNumber(orgId: string, accountId: string): number {
    return this.accounts.number(orgId, accountId);
  }

  async append(group: UsageGroup): Promise<CommitOutcome> {
    try {
      await this.#follower.room();
    } catch (error) {
      if (error instanceof NoRoom) return { kind: "storage-full" };
      return { kind: "failed", reason: error instanceof Error ? error.message : String(error) };
    }
    const accounts = this.accounts.pending();
    const outcome = await this.#journal.append({ ...group, accounts });
    if (outcome.kind !== "appended") return outcome;
    this.accounts.named(accounts);
    this.#follower.follow(outcome.record, group.count);
    return { kind: "committed" };
  }

  find(
    orgId: string,
    uid: string,
    receivedAtMs: number | undefined,
  ): Promise<StoredMeasurement | undefined> {
    return this.readers.use((connection) =>
      findMeasurement(connection, this, { orgId, uid, receivedAtMs }),
    );
  }

  contents(
    orgId: string,
    receivedAtMs: ReadonlyMap<string, number | undefined>,
  ): Promise<ReadonlyMap<string, StoredContent>> {
    return this.readers.use((connection) =>
      findContents(connection, this, { orgId, receivedAtMs }),
    );
  }

  backfill(
    key: BackfillKey,
    reveal?: { readonly replaces: StoredReplacement | undefined },
  ): Promise<StoredBackfill> {
    return this.readers.use((connection) => inspect(connection, this.tables, { ...key, reveal }));
  }

  uidsSince(receivedAtMs: number): AsyncIterable<StoredUids> {
    return readUids(this.#database, this.#journal, receivedAtMs);
  }

  /** Moves every row into the file. */
  settle(): Promise<void> {
    return this.#follower.settle();
  }

  async close(): Promise<void> {
    await this.#follower.close();
    await this.#journal.close();
    this.#database.close();
  }
}

const readSecret = async ({ writer }: UsageDatabase): Promise<Uint8Array> => {
  const [row] = await rowsOf(writer, "SELECT hex(secret) FROM kept.store");
  return Buffer.from(text(row?.[0]), "hex");
};
