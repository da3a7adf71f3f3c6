import {
  lookingUp,
  type LookupAnswer,
  type LookupQuestion,
  printedKey,
} from "@turnpike/engine/calculation/lookup-answers.ts";
import type { OwnedCustomFields, UsageDirectory } from "../ports/usage-directory.ts";
import type { DerivedFrom, Surroundings } from "./derivation.ts";
import type { MeterWriter } from "./meter-writer.ts";

/** How long measurements may still be calculated by what another server has changed. */
const rememberedMs = 2_000;
const lookupsMax = 10_000;

/** A measurement whose meter names custom fields or lookup tables. */
export interface Subject {
  readonly measurement: DerivedFrom;
  readonly meter: MeterWriter;
  readonly accountId: string;
}

/** What the directory said about one organization; dropped when it may be wrong. */
interface Remembered {
  readonly until: number;
  readonly meters: Map<string, Surroundings["customFields"]>;
  readonly accounts: Map<string, Surroundings["customFields"]>;
  readonly lookups: Map<string, LookupAnswer>;
}

const nothing = (until: number): Remembered => ({
  until,
  meters: new Map(),
  accounts: new Map(),
  lookups: new Map(),
});

/** The custom fields and the answers of lookup tables that the calculations of a batch need. */
export class BatchSurroundings {
  readonly #fields: OwnedCustomFields;
  readonly #answers: ReadonlyMap<string, LookupAnswer>;

  constructor(fields: OwnedCustomFields, answers: ReadonlyMap<string, LookupAnswer>) {
    this.#fields = fields;
    this.#answers = answers;
  }

  of({ schema, namesSurroundings }: MeterWriter, accountId: string): Around {
    if (!namesSurroundings) return bare;
    const ofMeter = this.#fields.meters.get(schema.id);
    const customFields = { ...ofMeter, ...this.#fields.accounts.get(accountId) };
    return { customFields, ...lookingUp(this.#answers) };
  }
}

/** Of calculations that ask for nothing. */
const bare: Around = { customFields: {}, ...lookingUp(new Map()) };

type Around = Omit<Surroundings, "receivedAtMs"> & ReturnType<typeof lookingUp>;

export const noSurroundings = new BatchSurroundings(
  { meters: new Map(), accounts: new Map() },
  new Map(),
);

/** Remembers custom fields and lookups for a moment, and asks for what is missing. */
export class SurroundingsCache {
  readonly #directory: Pick<UsageDirectory, "customFields" | "lookups">;
  readonly #orgs = new Map<string, Remembered>();

  constructor(directory: Pick<UsageDirectory, "customFields" | "lookups">) {
    this.#directory = directory;
  }

  /** What was remembered may be wrong; an answer that is under way lands in the dropped object. */
  forget(orgId: string): void {
    this.#orgs.delete(orgId);
  }

  /** Everything that the calculations ask for; a lookup may depend on what another one found. */
  async around(
    orgId: string,
    receivedAtMs: number,
    subjects: readonly Subject[],
  ): Promise<BatchSurroundings> {
    if (subjects.length === 0) return noSurroundings;
    const remembered = this.#of(orgId);
    const fields = await this.#customFields(orgId, remembered, subjects);
    const answers = new Map<string, LookupAnswer>();
    const around = new BatchSurroundings(fields, answers);
    let open = subjects;
    for (;;) {
      const asked = new Map<string, LookupQuestion>();
      open = open.filter(({ measurement, meter, accountId }) => {
        const surroundings = around.of(meter, accountId);
        meter.derive(measurement, { receivedAtMs, ...surroundings });
        for (const [key, question] of surroundings.unanswered) asked.set(key, question);
        return surroundings.unanswered.size > 0;
      });
      if (open.length === 0) return around;
      const found = await this.#lookups(orgId, remembered, asked);
      for (const [key, answer] of found) answers.set(key, answer);
    }
  }

  #of(orgId: string): Remembered {
    const known = this.#orgs.get(orgId);
    const now = performance.now();
    if (known !== undefined && known.until > now) return known;
    const fresh = nothing(now + rememberedMs);
    this.#orgs.set(orgId, fresh);
    return fresh;
  }

  async #customFields(
    orgId: string,
    { meters, accounts }: Remembered,
    subjects: readonly Subject[],
  ): Promise<OwnedCustomFields> {
    const meterIds = new Set(subjects.map(({ meter }) => meter.schema.id));
    const accountIds = new Set(subjects.map(({ accountId }) => accountId));
    const asked = {
      meterIds: [...meterIds].filter((id) => !meters.has(id)),
      accountIds: [...accountIds].filter((id) => !accounts.has(id)),
    };
    if (asked.meterIds.length + asked.accountIds.length > 0) {
      const found = await this.#directory.customFields(orgId, asked);
      for (const [id, values] of found.meters) meters.set(id, values);
      for (const [id, values] of found.accounts) accounts.set(id, values);
    }
    return { meters, accounts };
  }

  async #lookups(
    orgId: string,
    { lookups }: Remembered,
    asked: ReadonlyMap<string, LookupQuestion>,
  ): Promise<readonly (readonly [string, LookupAnswer])[]> {
    const missing = [...asked].filter(([key]) => !lookups.has(key));
    if (lookups.size > lookupsMax) lookups.clear();
    if (missing.length > 0) {
      const printed = missing.map(([, { table, keys }]) => ({
        table,
        keys: keys.map(printedKey),
      }));
      const found = await this.#directory.lookups(orgId, printed);
      for (const [index, [key, question]] of missing.entries()) {
        lookups.set(key, { ...question, ...found[index] });
      }
    }
    return [...asked.keys()].flatMap((key) => {
      const answer = lookups.get(key);
      return answer === undefined ? [] : [[key, answer] as const];
    });
  }
}
