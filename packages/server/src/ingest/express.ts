import { randomUUID } from "node:crypto";
import type { MeasurementFailure } from "../ports/usage-store.ts";
import type { LaneOutcome, LaneParts } from "./general-lane.ts";
import { measurementsPerRequestMax } from "./measurement-reader.ts";
import type { OpenGroup } from "./open-group.ts";
import { KnownAccounts } from "./known-accounts.ts";
import type { RowBuffer } from "./row-buffer.ts";
import type { UidHasher } from "./uid-hash.ts";
import { duplicateUid, futureSkewMs } from "./verdicts.ts";
import { learnShape } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { ShapeReader } from "./shape-reader.ts";
import type { AccountsByBytes, Range } from "./shape-reader.ts";

/** Clients of an organization print few shapes; more would be tried in vain for each measurement. */
const shapesMax = 16;
/** After a body with a duplicate the next ones are expected to have some, which take longer when they are not expected. */
const singlyAfterDuplicate = 15;
/** After a body in vain the next ones go straight to the general reader, so that the attempt costs next to nothing. */
const skippedAfterFailure = 15;

interface ExpressRequest {
  readonly orgId: string;
  readonly body: Uint8Array;
  readonly receivedAtMs: number;
}

/** What the express lane has learned of one organization; dropped with what the directory said about it. */
interface Learned {
  readonly version: object;
  readonly shapes: Shape[];
  readonly accounts: AccountsByBytes;
  skip: number;
  /** For so many bodies each uid is judged before the next measurement is read. */
  singly: number;
}

/**
 * Takes the bodies that are perfectly ordinary, which are nearly all: known accounts and meters, the shapes that came
 * before, plain values, nothing wrong but a uid seen before. It reads bytes into rows, with no object in between. A body
 * that is not ordinary to its last byte is undone and left to the
 * general reader, which alone decides what is valid and what is wrong.
 */
export class Express {
  readonly #parts: LaneParts;
  readonly #orgs = new Map<string, Learned>();

  constructor(parts: LaneParts) {
    this.#parts = parts;
  }

  /** Puts a body into the group; undefined, and nothing done, when it is not ordinary. */
  admit(request: ExpressRequest, group: OpenGroup): LaneOutcome | undefined {
    const learned = this.#learned(request.orgId);
    if (learned === undefined || learned.skip-- > 0) return undefined;
    learned.skip = 0;
    const admission = { request, group };
    const outcome = this.#admitTogether(learned, admission);
    if (outcome !== "has a duplicate") return outcome;
    return this.#admitSingly(learned, admission);
  }

  /**
   * Reads all measurements before it looks their uids up: the processor waits for the memory of many at once, not for
   * each in turn.
   */
  #admitTogether(
    learned: Learned,
    admission: Admission,
  ): LaneOutcome | undefined | "has a duplicate" {
    if (learned.singly > 0) {
      learned.singly--;
      return "has a duplicate";
    }
    const { request, group } = admission;
    const savepoint = group.savepoint();
    const outcome = new ExpressBody(this.#parts, learned, admission).admit("together");
    if (outcome === undefined) learned.skip = skippedAfterFailure;
    else if (group.addMarked(savepoint, this.#parts.uids, request.receivedAtMs)) return outcome;
    group.rollback(savepoint);
    if (outcome === undefined) return undefined;
    learned.singly = singlyAfterDuplicate;
    return "has a duplicate";
  }

  #admitSingly(learned: Learned, admission: Admission): LaneOutcome | undefined {
    const { group } = admission;
    const savepoint = group.savepoint();
    const outcome = new ExpressBody(this.#parts, learned, admission).admit("singly");
    if (outcome !== undefined) return outcome;
    learned.skip = skippedAfterFailure;
    group.rollback(savepoint, this.#parts.uids);
    return undefined;
  }

  /** Undefined until the general reader has asked the directory anything about the organization. */
  #learned(orgId: string): Learned | undefined {
    const { directory, log } = this.#parts;
    const version = directory.version(orgId);
    if (version === undefined) return undefined;
    const known = this.#orgs.get(orgId);
    if (known?.version === version) return known;
    const accounts = new KnownAccounts((code) => {
      const account = directory.account(orgId, code);
      return account === undefined || account.kind === "refused"
        ? undefined
        : log.accountNumber(orgId, account.id);
    });
    const learned = { version, shapes: [], accounts, skip: 0, singly: 0 };
    this.#orgs.set(orgId, learned);
    return learned;
  }
}

interface Admission {
  readonly request: ExpressRequest;
  readonly group: OpenGroup;
}

/** When uids are looked up: all of them at the end, by the group, or each before the next measurement is read. */
type Uids = "together" | "singly";

/** One body on the express lane. */
class ExpressBody {
  readonly #parts: LaneParts;
  readonly #learned: Learned;
  readonly #admission: Admission;
  readonly #reader: ShapeReader;
  readonly #hasher: UidHasher;
  #uids: Uids = "singly";
  #rows: RowBuffer | undefined;
  readonly #failures: MeasurementFailure[] = [];
  readonly #tsMax: number;
  #stored = 0;
  #at = 0;

  constructor(parts: LaneParts, learned: Learned, admission: Admission) {
    this.#parts = parts;
    this.#learned = learned;
    this.#admission = admission;
    this.#reader = new ShapeReader(admission.request.body, learned.accounts);
    this.#hasher = parts.uids.hasher(admission.request.orgId);
    this.#tsMax = (admission.request.receivedAtMs + futureSkewMs) * 1000;
  }

  admit(uids: Uids): LaneOutcome | undefined {
    this.#uids = uids;
    if (!this.#take('{"measurements":[')) return undefined;
    do {
      if (this.#stored + this.#failures.length === measurementsPerRequestMax) return undefined;
      this.#skipSpace();
      if (!this.#measurement()) return undefined;
    } while (this.#take(","));
    if (!this.#take("]}")) return undefined;
    this.#skipSpace();
    const isWhole = this.#at === this.#reader.bytes.length;
    return isWhole ? { stored: this.#stored, failures: this.#failures } : undefined;
  }

  #measurement(): boolean {
    const { shapes } = this.#learned;
    for (let index = 0; index < shapes.length; index++) {
      const shape = shapes[index];
      if (shape === undefined || !this.#read(shape)) continue;
      // The next measurement most likely looks like this one.
      if (index > 0) shapes.unshift(...shapes.splice(index, 1));
      return true;
    }
    return this.#learn();
  }

  #learn(): boolean {
    const { directory } = this.#parts;
    const { orgId } = this.#admission.request;
    const shape = learnShape(this.#reader.bytes, this.#at, (code) => directory.meter(orgId, code));
    if (shape === undefined || !this.#read(shape)) return false;
    this.#learned.shapes.unshift(shape);
    this.#learned.shapes.length = Math.min(this.#learned.shapes.length, shapesMax);
    return true;
  }

  #read(shape: Shape): boolean {
    const { group, request } = this.#admission;
    const rows = this.#rowsOf(shape);
    const row = rows.count;
    const start = this.#at;
    const end = this.#reader.read(shape, start, { rows, tsMax: this.#tsMax });
    if (end < 0) return false;
    this.#at = end;
    if (shape.hasUid) {
      const hasher = this.#hasher;
      hasher.hash(rows.uids.bytes, rows.uids.start(row), rows.uids.ends[row] ?? 0);
      const isKnown =
        this.#uids === "singly" && !this.#parts.uids.addIfNew(hasher.words, request.receivedAtMs);
      if (isKnown) {
        this.#failures.push(this.#duplicate({ start, end }));
        return true;
      }
      group.mark(hasher.words);
    } else {
      rows.uids.set(row, randomUUID());
    }
    group.commitRow(rows);
    this.#stored++;
    return true;
  }

  /** Mostly those of the measurement before. */
  #rowsOf({ meter: { layout } }: Shape): RowBuffer {
    if (this.#rows?.layout !== layout) this.#rows = this.#admission.group.rowsOf(layout);
    return this.#rows;
  }

  #duplicate({ start, end }: Range): MeasurementFailure {
    const text = Buffer.from(this.#reader.bytes.subarray(start, end)).toString("latin1");
    const measurement: { uid: string } = JSON.parse(text);
    return {
      index: this.#stored + this.#failures.length,
      ...duplicateUid(measurement.uid),
      measurement,
    };
  }

  #skipSpace(): void {
    for (;;) {
      const byte = this.#reader.bytes[this.#at];
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
      this.#at++;
    }
  }

  /** Takes the tokens, with white space before each byte of punctuation; all or nothing matters to nobody. */
  #take(text: string): boolean {
    let isInString = false;
    for (let i = 0; i < text.length; i++) {
      if (!isInString) this.#skipSpace();
      const code = text.charCodeAt(i);
      if (this.#reader.bytes[this.#at] !== code) return false;
      if (code === 0x22) isInString = !isInString;
      this.#at++;
    }
    return true;
  }
}
