import type { MeterSchema } from "../ports/usage-directory.ts";
import type { UsageRows } from "../ports/usage-log.ts";
import { BodyReader, type OrdinaryBody, type Vocabulary } from "./body-reader.ts";
import { KnownAccounts } from "./known-accounts.ts";
import { MeterWriter } from "./meter-writer.ts";
import { OpenGroup } from "./open-group.ts";
import { UidHasher } from "./uid-hash.ts";

/** What the express lane has learned of an organization since its last lesson. */
export interface Lesson {
  readonly orgId: string;
  /** Of another edition than the one before: what was taught until now may be wrong. */
  readonly edition: number;
  readonly meters: readonly MeterSchema[];
  /** Codes and the numbers that stand for them in rows. */
  readonly accounts: readonly (readonly [string, number])[];
}

/** A body as rows, whose positions count from 0, with three words of the hash of each uid that came with it. */
export interface RowsAhead {
  /** Of the lessons that it was read by. */
  readonly edition: number;
  readonly rows: readonly UsageRows[];
  readonly marks: Uint32Array;
}

/** Bodies with accounts beyond these are read where they are stored. */
const accountsMax = 200_000;
/** After a body in vain so many are not tried: lessons about what they hold come with them. */
const skippedAfterFailure = 15;

interface Learned extends Vocabulary {
  readonly edition: number;
  readonly meters: Map<string, MeterWriter>;
  readonly numbers: Map<string, number>;
  skip: number;
}

/**
 * Reads ordinary bodies before the thread that stores them gets them, so that it need not. It judges nothing: a body whose
 * rows are not wanted there, because a uid is known or the directory has changed, is read again.
 */
export class ReadAhead {
  readonly #secret: Uint8Array;
  readonly #orgs = new Map<string, Learned>();
  #spare: OpenGroup["spareMemory"] | undefined;

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  learn({ orgId, edition, meters, accounts }: Lesson): void {
    const known = this.#orgs.get(orgId);
    const learned = known?.edition === edition ? known : this.#begin(orgId, edition);
    for (const schema of meters) {
      if (!learned.meters.has(schema.code))
        learned.meters.set(schema.code, new MeterWriter(orgId, schema));
    }
    for (const [code, number] of accounts) {
      if (learned.numbers.size < accountsMax) learned.numbers.set(code, number);
    }
  }

  /** The rows lie in memory that the next body is read into; undefined when the body is not ordinary. */
  read(orgId: string, body: OrdinaryBody): RowsAhead | undefined {
    const learned = this.#orgs.get(orgId);
    if (learned === undefined || learned.skip-- > 0) return undefined;
    learned.skip = 0;
    const group = new OpenGroup(0, this.#spare);
    const outcome = new BodyReader(learned, body, { group }).read();
    this.#spare = group.spareMemory;
    if (outcome === undefined) {
      learned.skip = skippedAfterFailure;
      return undefined;
    }
    return { edition: learned.edition, rows: group.sealed().rows, marks: group.marks };
  }

  #begin(orgId: string, edition: number): Learned {
    const meters = new Map<string, MeterWriter>();
    const numbers = new Map<string, number>();
    const learned: Learned = {
      edition,
      meters,
      numbers,
      hasher: new UidHasher(this.#secret, orgId),
      accounts: new KnownAccounts((code) => numbers.get(code)),
      meter: (code) => meters.get(code),
      shapes: [],
      skip: 0,
    };
    this.#orgs.set(orgId, learned);
    return learned;
  }
}
