import { randomUUID } from "node:crypto";
import type { MeasurementFailure } from "../ports/usage-store.ts";
import type { LaneOutcome, LaneParts } from "./general-lane.ts";
import { measurementsPerRequestMax } from "./measurement-reader.ts";
import type { OpenGroup } from "./open-group.ts";
import { KnownAccounts } from "./known-accounts.ts";
import { duplicateUid, futureSkewMs } from "./verdicts.ts";
import { learnShape } from "./shape.ts";
import type { Shape } from "./shape.ts";
import { ShapeReader } from "./shape-reader.ts";
import type { AccountsByBytes, Range } from "./shape-reader.ts";

/** Clients of an organization print few shapes; more would be tried in vain for each measurement. */
const shapesMax = 16;
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
}

/**
 * Takes the bodies that are perfectly ordinary, which are nearly all: known accounts and meters, the shapes that came
 * before, plain values, nothing wrong but a uid seen before. It reads bytes into rows several times as fast as
 * JSON.parse alone makes objects of them. A body that is not ordinary to its last byte is undone and left to the
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
    const savepoint = group.savepoint();
    const outcome = new ExpressBody(this.#parts, learned, { request, group }).admit();
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
    const learned = { version, shapes: [], accounts, skip: 0 };
    this.#orgs.set(orgId, learned);
    return learned;
  }
}

interface Admission {
  readonly request: ExpressRequest;
  readonly group: OpenGroup;
}

/** One body on the express lane. */
class ExpressBody {
  readonly #parts: LaneParts;
  readonly #learned: Learned;
  readonly #admission: Admission;
  readonly #reader: ShapeReader;
  readonly #failures: MeasurementFailure[] = [];
  readonly #tsMax: number;
  #stored = 0;
  #at = 0;

  constructor(parts: LaneParts, learned: Learned, admission: Admission) {
    this.#parts = parts;
    this.#learned = learned;
    this.#admission = admission;
    this.#reader = new ShapeReader(admission.request.body, learned.accounts);
    this.#tsMax = (admission.request.receivedAtMs + futureSkewMs) * 1000;
  }

  admit(): LaneOutcome | undefined {
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
    const { uids } = this.#parts;
    const rows = group.rowsOf(shape.meter.layout);
    const row = rows.count;
    const start = this.#at;
    const end = this.#reader.read(shape, start, { rows, tsMax: this.#tsMax });
    if (end < 0) return false;
    this.#at = end;
    if (shape.hasUid) {
      const hasher = uids.hasher(request.orgId);
      hasher.hash(rows.uids.bytes, rows.uids.start(row), rows.uids.ends[row] ?? 0);
      if (!uids.addIfNew(hasher.words, request.receivedAtMs)) {
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
