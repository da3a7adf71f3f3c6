import type { MeterSchema } from "../ports/usage-directory.ts";
import type { MeterLayout } from "../ports/usage-log.ts";
import { BodyReader, type OrdinaryBody, type Vocabulary } from "./body-reader.ts";
import type { LaneOutcome, LaneParts } from "./general-lane.ts";
import { KnownAccounts } from "./known-accounts.ts";
import type { OpenGroup } from "./open-group.ts";
import type { Lesson, RowsAhead } from "./read-ahead.ts";

/** After a body with a duplicate the next ones are expected to have some, which take longer when they are not expected. */
const singlyAfterDuplicate = 15;
/** After a body in vain the next ones go straight to the general reader, so that the attempt costs next to nothing. */
const skippedAfterFailure = 15;

interface ExpressRequest extends OrdinaryBody {
  readonly orgId: string;
  /** The rows of the body, when they were read before it came here. */
  readonly ahead?: RowsAhead | undefined;
}

/** What the express lane has learned of one organization; dropped with what the directory said about it. */
interface Learned extends Vocabulary {
  readonly version: object;
  /** Tells it from what was learned before and may be wrong by now. */
  readonly edition: number;
  /** Of the meters whose shapes were learned, by id. */
  readonly layouts: Map<string, MeterLayout>;
  /** What has not been told yet. */
  readonly news: { readonly meters: MeterSchema[]; readonly accounts: [string, number][] };
  skip: number;
  /** For so many bodies each uid is judged before the next measurement is read. */
  singly: number;
}

interface Admission {
  readonly request: ExpressRequest;
  readonly group: OpenGroup;
}

/**
 * Takes the bodies that are perfectly ordinary, which are nearly all: known accounts and meters, the shapes that came
 * before, plain values, nothing wrong but a uid seen before. Many were read ahead (`read-ahead.ts`), by what this lane
 * teaches. A body that is not ordinary to its last byte is undone and left to the general reader, which alone decides what
 * is valid and what is wrong.
 */
export class Express {
  readonly #parts: LaneParts;
  readonly #teach: (lesson: Lesson) => void;
  readonly #orgs = new Map<string, Learned>();
  #editions = 0;

  constructor(parts: LaneParts, teach: (lesson: Lesson) => void) {
    this.#parts = parts;
    this.#teach = teach;
  }

  /** Puts a body into the group; undefined, and nothing done, when it is not ordinary. */
  admit(request: ExpressRequest, group: OpenGroup): LaneOutcome | undefined {
    const learned = this.#learned(request.orgId);
    if (learned === undefined || learned.skip-- > 0) return undefined;
    learned.skip = 0;
    const admission = { request, group };
    const outcome = this.#admitTogether(learned, admission);
    this.#tell(request.orgId, learned);
    if (outcome !== "has a duplicate") return outcome;
    return this.#admitSingly(learned, admission);
  }

  /**
   * Reads all measurements before it looks their uids up: the processor waits for the memory of many at once, not for
   * each in turn.
   */
  #admitTogether(
    learned: Learned,
    { request, group }: Admission,
  ): LaneOutcome | undefined | "has a duplicate" {
    if (learned.singly > 0) {
      learned.singly--;
      return "has a duplicate";
    }
    const savepoint = group.savepoint();
    const outcome =
      this.#addAhead(learned, { request, group }) ??
      new BodyReader(learned, request, { group }).read();
    if (outcome === undefined) learned.skip = skippedAfterFailure;
    else if (group.addMarked(savepoint, this.#parts.uids, request.receivedAtMs)) return outcome;
    group.rollback(savepoint);
    if (outcome === undefined) return undefined;
    learned.singly = singlyAfterDuplicate;
    return "has a duplicate";
  }

  /** Undefined when the body was not read before, or by what may be wrong by now. */
  #addAhead({ edition, layouts }: Learned, { request, group }: Admission): LaneOutcome | undefined {
    const { ahead } = request;
    if (ahead?.edition !== edition) return undefined;
    group.addRows(ahead.rows, (meterId) => layouts.get(meterId));
    group.addMarks(ahead.marks);
    return { stored: ahead.rows.reduce((sum, { count }) => sum + count, 0), failures: [] };
  }

  #admitSingly(learned: Learned, { request, group }: Admission): LaneOutcome | undefined {
    const { uids } = this.#parts;
    const remember = (hash: Uint32Array) => uids.addIfNew(hash, request.receivedAtMs);
    const savepoint = group.savepoint();
    const outcome = new BodyReader(learned, request, { group, remember }).read();
    if (outcome !== undefined) return outcome;
    learned.skip = skippedAfterFailure;
    group.rollback(savepoint, uids);
    return undefined;
  }

  /** Undefined until the general reader has asked the directory anything about the organization. */
  #learned(orgId: string): Learned | undefined {
    const version = this.#parts.directory.version(orgId);
    if (version === undefined) return undefined;
    const known = this.#orgs.get(orgId);
    if (known?.version === version) return known;
    const learned = this.#learn(orgId, version);
    this.#orgs.set(orgId, learned);
    return learned;
  }

  #learn(orgId: string, version: object): Learned {
    const { directory, log, uids } = this.#parts;
    const layouts = new Map<string, MeterLayout>();
    const news: Learned["news"] = { meters: [], accounts: [] };
    return {
      version,
      edition: ++this.#editions,
      hasher: uids.hasher(orgId),
      shapes: [],
      layouts,
      news,
      meter: (code) => {
        const meter = directory.meter(orgId, code);
        if (meter !== undefined) {
          layouts.set(meter.schema.id, meter.layout);
          news.meters.push(meter.schema);
        }
        return meter;
      },
      accounts: new KnownAccounts((code) => {
        const account = directory.account(orgId, code);
        if (account === undefined || account.kind === "refused") return undefined;
        const number = log.accountNumber(orgId, account.id);
        news.accounts.push([code, number]);
        return number;
      }),
      skip: 0,
      singly: 0,
    };
  }

  #tell(orgId: string, { edition, news }: Learned): void {
    if (news.meters.length + news.accounts.length === 0) return;
    const [meters, accounts] = [news.meters.splice(0), news.accounts.splice(0)];
    this.#teach({ orgId, edition, meters, accounts });
  }
}
