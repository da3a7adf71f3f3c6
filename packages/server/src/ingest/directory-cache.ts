import type { AccountResolution, UsageDirectory } from "../ports/usage-directory.ts";
import { MeterWriter } from "./meter-writer.ts";
import { SurroundingsCache } from "./surroundings.ts";

interface OrgEntries {
  readonly meters: Map<string, MeterWriter>;
  readonly accounts: Map<string, AccountResolution>;
}

/**
 * Remembers what the directory said about meters and accounts that exist. What does not exist is asked again, so that
 * a meter created a moment ago is found whatever order the news of it arrives in.
 */
export class DirectoryCache {
  readonly #directory: UsageDirectory;
  readonly surroundings: SurroundingsCache;
  readonly #orgs = new Map<string, OrgEntries>();
  readonly #stop: () => void;

  constructor(directory: UsageDirectory) {
    this.#directory = directory;
    this.surroundings = new SurroundingsCache(directory);
    // A fresh object per organization: an answer that was under way when the catalog changed lands in the dropped one.
    this.#stop = directory.onChange(({ orgId, kind }) => {
      this.surroundings.forget(orgId);
      if (kind === "surroundings") return;
      const entries = this.#orgs.get(orgId);
      if (entries === undefined) return;
      this.#orgs.set(orgId, { ...entries, [kind === "meter" ? "meters" : "accounts"]: new Map() });
    });
  }

  /** Another object whenever what is known of the organization may be wrong; undefined while nothing is. */
  version(orgId: string): object | undefined {
    return this.#orgs.get(orgId);
  }

  meter(orgId: string, code: string): MeterWriter | undefined {
    return this.#orgs.get(orgId)?.meters.get(code);
  }

  account(orgId: string, code: string): AccountResolution | undefined {
    return this.#orgs.get(orgId)?.accounts.get(code);
  }

  /** Asks for meters; the answer has an entry for each one that exists. */
  async findMeters(
    orgId: string,
    codes: readonly string[],
  ): Promise<ReadonlyMap<string, MeterWriter>> {
    const { meters } = this.#entries(orgId);
    const found = new Map<string, MeterWriter>();
    for (const [code, schema] of await this.#directory.meters(orgId, codes)) {
      const writer = new MeterWriter(orgId, schema);
      found.set(code, writer);
      meters.set(code, writer);
    }
    return found;
  }

  /** Asks for accounts, which creates those that may be; the answer has an entry for each code. */
  async findAccounts(
    orgId: string,
    codes: readonly string[],
  ): Promise<ReadonlyMap<string, AccountResolution>> {
    const { accounts } = this.#entries(orgId);
    const found = await this.#directory.accounts(orgId, codes);
    for (const [code, resolution] of found) {
      if (resolution.kind !== "refused") accounts.set(code, resolution);
    }
    return found;
  }

  codes(...question: Parameters<UsageDirectory["codes"]>): ReturnType<UsageDirectory["codes"]> {
    return this.#directory.codes(...question);
  }

  stop(): void {
    this.#stop();
  }

  #entries(orgId: string): OrgEntries {
    const known = this.#orgs.get(orgId);
    if (known !== undefined) return known;
    const entries: OrgEntries = { meters: new Map(), accounts: new Map() };
    this.#orgs.set(orgId, entries);
    return entries;
  }
}
