import { decodeBatch } from "../journal/batch-codec.ts";
import type { Journal } from "../journal/journal.ts";
import { JournalDamaged, type JournalRecord, type Link, noHash } from "../journal/segment.ts";
import { Turns } from "../../ingest/turns.ts";
import type { AccountNumbers } from "./accounts.ts";
import { integer, rowsOf, text } from "./cells.ts";
import { type Generation, generations, type UsageDatabase } from "./database.ts";
import type { MeterTables } from "./meter-tables.ts";
import { moveRows, NoRoom } from "./mover.ts";
import { type LinkedBatch, RecentRows } from "./recent-rows.ts";
import { Pins } from "./pins.ts";
import { Readers } from "./readers.ts";
import { WaitingRecords } from "./waiting-records.ts";

export interface MoveOptions {
  /** Nothing was committed for so long: moving competes with nobody. */
  readonly quietMs: number;
  /** Fewer rows stay in memory: they are scanned as fast as they are found. */
  readonly rowsMin: number;
}

/** Rows of a generation; as many more may be on their way into the file and as many wait in the journal's records. */
const generationRowsMax = 750_000;
/** Records that wait in memory until there is a generation of rows or a query needs them, in bytes. */
const waitingBytesMax = 72 * 1024 * 1024;
/** After a failure, such as a full disk. */
const retryMs = 5000;

interface FollowerParts {
  readonly database: UsageDatabase;
  readonly journal: Journal;
  readonly tables: MeterTables;
  readonly accounts: AccountNumbers;
  readonly moves: MoveOptions;
  /** The file was damaged; it is where the path says, and made again. */
  readonly onDamage: (path: string) => void;
}

/**
 * Keeps DuckDB up with the journal. Records wait until a query needs them or they fill a generation; their rows go into
 * memory and from there, many at a time, into the file. What the file lacks after a crash is read from the journal again.
 */
export class Follower {
  readonly #parts: FollowerParts;
  readonly readers: Readers;
  readonly #recent: RecentRows;
  /** Rows are added by one at a time. */
  readonly #adding = new Turns();
  readonly #fileTurns = new Turns();
  readonly #pins = new Pins();
  readonly #waiting = new WaitingRecords();
  #added = 0;
  #timer: NodeJS.Timeout | undefined;
  #moving: Promise<void> | undefined;
  #failedAt = -Infinity;
  #failure: unknown;
  #isClosed = false;
  /** The database has everything that has been followed. */
  #isAdded = true;
  /** The database is not open. */
  #isLost = false;
  /** The file cannot be read. */
  #isDamaged = false;

  private constructor(parts: FollowerParts) {
    this.#parts = parts;
    const { database, tables } = parts;
    this.#recent = new RecentRows(database, tables, this.#fileTurns);
    const caughtUp = () => this.#catchUp();
    const onDamage = () => void this.#heal().catch(() => undefined);
    this.readers = new Readers({ database, caughtUp, pins: this.#pins, onDamage });
  }

  /** Follows from where the file ends. */
  static async open(parts: FollowerParts): Promise<Follower> {
    const follower = new Follower(parts);
    await follower.#begin();
    return follower;
  }

  /** A record of so many rows that is on the disk. */
  follow(record: JournalRecord, rows: number): void {
    this.#waiting.add(record, rows);
    this.#later();
    if (this.#isDue()) this.#fill().catch(() => undefined);
  }

  /**
   * Waits while there is more in memory than there should be, and no longer: usage that comes in fast is held up in short
   * steps. Throws when that does not change.
   */
  async room(): Promise<void> {
    while (!this.#isClosed && this.#isCrowded()) {
      const before = this.#workLeft;
      await this.#makeRoom();
      if (this.#workLeft < before) continue;
      if (this.#failure !== undefined) throw this.#failure;
      return;
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#moving;
    await this.#adding.take(async () => this.readers.close());
  }

  /** Moves everything into the file. */
  async settle(): Promise<void> {
    await this.#catchUp();
    for (const _ of generations) await this.#move(1);
    if (this.#failure !== undefined) throw this.#failure;
  }

  get #isFull(): boolean {
    return this.#recent.rows(this.#recent.filling) >= generationRowsMax;
  }

  /** Whether what waits makes the generation full. */
  #isDue(): boolean {
    const rows = this.#recent.rows(this.#recent.filling) + this.#waiting.rows;
    const isEnough = rows >= generationRowsMax || this.#waiting.bytes > waitingBytesMax;
    return isEnough && !this.#isFull;
  }

  /** Fills the generation with what waits, in one transaction: DuckDB copies the rows of small ones once more. */
  #fill(): Promise<void> {
    return this.#adding.take(async () => {
      if (!this.#isLost && this.#isDue()) await this.#add();
    });
  }

  #isCrowded(): boolean {
    return this.#waiting.bytes >= 2 * waitingBytesMax || this.#isOverfull();
  }

  /** Queries have rows added to a generation that is full. */
  #isOverfull(): boolean {
    return generations.some((place) => this.#recent.rows(place) > 2 * generationRowsMax);
  }

  /** Rows that wait have two steps before them, those of a generation one. */
  get #workLeft(): number {
    const rows = generations.map((place) => this.#recent.rows(place));
    return rows.reduce((sum, ofPlace) => sum + ofPlace, 2 * this.#waiting.rows);
  }

  #makeRoom(): Promise<void> {
    if (this.#isLost) return this.#catchUp();
    return this.#isFull || this.#isOverfull() ? this.#move(1) : this.#fill();
  }

  #later(): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    const { journal, moves } = this.#parts;
    const { quietMs, rowsMin } = moves;
    const work = async (): Promise<void> => {
      await this.#catchUp();
      journal.rest();
      await this.#move(rowsMin);
    };
    this.#timer = setTimeout(() => void work().catch(() => undefined), quietMs);
    this.#timer.unref();
  }

  /** Makes the records that wait visible. */
  #catchUp(): Promise<void> {
    if (this.#waiting.isEmpty && this.#isAdded && !this.#isLost) return Promise.resolve();
    this.#isAdded = false;
    return this.#adding.take(async () => {
      if (this.#isLost) await this.#restart();
      while (!this.#waiting.isEmpty) await this.#add();
      this.#isAdded = true;
    });
  }

  async #add(): Promise<void> {
    const taken = this.#waiting.first(generationRowsMax - this.#recent.rows(this.#recent.filling));
    const batches: LinkedBatch[] = taken
      .filter(({ sequence }) => sequence > this.#added)
      .map(({ payload, hash }) => ({ batch: decodeBatch(payload), hash }));
    try {
      if (batches.length > 0) await this.#recent.add(batches);
    } catch (cause) {
      this.#failure = cause;
      await this.#restart();
      return;
    }
    this.#waiting.drop(taken.length);
    // DuckDB has its own copy.
    for (const record of taken) this.#parts.journal.release(record);
    this.#added = Math.max(this.#added, taken.at(-1)?.sequence ?? 0);
    if (this.#isFull) void this.#move(generationRowsMax);
  }

  /** Moves a generation of at least so many rows into the file, one at a time. What fails stays where it is. */
  #move(rowsMin: number): Promise<void> {
    this.#moving ??= this.#moveOne(rowsMin).finally(() => {
      this.#moving = undefined;
      // The other one has become full meanwhile.
      if (this.#isFull && this.#failure === undefined && !this.#isClosed) {
        void this.#move(generationRowsMax);
      }
    });
    return this.#moving;
  }

  async #moveOne(rowsMin: number): Promise<void> {
    if (this.#isClosed || performance.now() - this.#failedAt < retryMs) return;
    const generation = await this.#adding.take(async () => this.#generationToMove(rowsMin));
    if (generation === undefined) return;
    try {
      await this.#moveGeneration(generation);
      this.#failure = undefined;
    } catch (cause) {
      this.#failedAt = performance.now();
      this.#failure = cause;
      if (cause instanceof NoRoom) return;
      // It is not known what the file has: the journal tells, once the file has been opened anew.
      await this.#adding.take(() => this.#restart()).catch(() => undefined);
    }
  }

  #moveGeneration(generation: Generation): Promise<void> {
    const { database } = this.#parts;
    return this.#fileTurns.take(async () => {
      const connection = await database.connect();
      try {
        await moveRows(connection, {
          database,
          recent: this.#recent,
          generation,
          pins: this.#pins,
        });
      } finally {
        connection.closeSync();
      }
    });
  }

  /** Adds what the journal has and the file does not. */
  async #begin(): Promise<void> {
    const { database, journal, tables, accounts } = this.#parts;
    await tables.load(database.writer);
    await accounts.load(database.writer);
    const start = await readEnd(database);
    const end = journal.head.sequence;
    if (start.sequence > end) {
      throw new JournalDamaged(
        end + 1,
        `the usage store has batch ${start.sequence}, the journal ends at ${end}`,
      );
    }
    this.#added = start.sequence;
    let batches: LinkedBatch[] = [];
    let rows = 0;
    for await (const { sequence, hash, payload } of journal.recordsAfter(start)) {
      if (sequence > end) break;
      const batch = decodeBatch(payload);
      accounts.named(batch.accounts);
      batches.push({ batch, hash });
      rows += batch.count;
      if (rows < generationRowsMax && sequence < end) continue;
      await this.#addFromJournal(batches);
      batches = [];
      rows = 0;
    }
  }

  async #addFromJournal(batches: readonly LinkedBatch[]): Promise<void> {
    await this.#recent.add(batches);
    this.#added = batches.at(-1)?.batch.sequence ?? this.#added;
    const generation = this.#generationToMove(generationRowsMax);
    if (generation === undefined) return;
    try {
      await this.#moveGeneration(generation);
    } catch (cause) {
      // A server starts with a full disk: what is stored can be read, and rows have their place in memory.
      if (!(cause instanceof NoRoom)) throw cause;
    }
  }

  /** Makes the file again from the journal. */
  #heal(): Promise<void> {
    this.#isDamaged = true;
    return this.#adding.take(async () => {
      if (this.#isDamaged) await this.#restart();
    });
  }

  /** Opens the database anew; not while rows are added. */
  async #restart(): Promise<void> {
    this.#isLost = true;
    const { database, onDamage } = this.#parts;
    await this.#fileTurns.take(() =>
      this.readers.without(async () => {
        this.#recent.reset();
        if (this.#isDamaged) onDamage(await database.replace());
        else await database.reopen();
        this.#isDamaged = false;
      }),
    );
    await this.#begin();
    this.#isLost = false;
  }

  /** A generation that could not be moved before, or the one that fills. */
  #generationToMove(rowsMin: number): Generation | undefined {
    const { filling } = this.#recent;
    const other = generations.find((place) => place !== filling);
    if (other === undefined || this.#recent.rows(other) > 0) return other;
    if (this.#recent.rows(filling) < rowsMin) return undefined;
    this.#recent.swap();
    return filling;
  }
}

/** The last batch that is in the file. */
const readEnd = async ({ writer }: UsageDatabase): Promise<Link> => {
  const [row = [0, noHash]] = await rowsOf(
    writer,
    "SELECT sequence, hash FROM kept.batch ORDER BY sequence DESC LIMIT 1",
  );
  return { sequence: integer(row[0]), hash: text(row[1]) };
};
