import type { Logger } from "pino";
import { emptyPosition } from "@turnpike/engine/ledger/price.ts";
import type { LedgerState, Position } from "@turnpike/engine/ledger/rows.ts";
import type { Loading } from "../rows/loading.ts";
import { byId } from "../rows/reader.ts";

/**
 * What positions begin as that have no row yet: usage of their price that the bill counts and nobody was charged for by
 * a call, as from before there was a wallet or before the plan was attached.
 */
export interface Beginnings {
  /** Those that were looked for lately. */
  readonly known: (orgId: string, ids: ReadonlySet<string>) => ReadonlyMap<string, Position>;
  /**
   * Each of them. To be asked after its row was seen to be missing: it must still be missing when it is written. Whatever
   * moved the position would have written it, so nothing that is measured by now will be counted again by a charge.
   */
  readonly of: (orgId: string, ids: readonly string[]) => Promise<ReadonlyMap<string, Position>>;
}

interface Parts {
  /** Those that do not begin at nothing (`earlier-usage.ts`). */
  readonly read: (orgId: string, ids: readonly string[]) => Promise<readonly Position[]>;
  readonly logger: Logger;
  readonly now: () => number;
}

/** A call that is denied makes no position, and the next one asks again. */
const rememberedMs = 5_000;
const rememberedMax = 50_000;
/** Calls are waiting: what cannot be read by then begins at nothing, as far as the close of its period. */
const readMaxMs = 2_000;

export const createBeginnings = (parts: Parts): Beginnings => {
  const found = new Map<string, { readonly position: Position; readonly until: number }>();
  const remember = (orgId: string, positions: Iterable<Position>): void => {
    if (found.size >= rememberedMax) found.clear();
    const until = parts.now() + rememberedMs;
    for (const position of positions) found.set(`${orgId} ${position.id}`, { position, until });
  };
  const lately = (orgId: string, id: string): Position[] => {
    const entry = found.get(`${orgId} ${id}`);
    return entry === undefined || entry.until <= parts.now() ? [] : [entry.position];
  };
  const known: Beginnings["known"] = (orgId, ids) =>
    found.size === 0 ? none : byId([...ids].flatMap((id) => lately(orgId, id)));
  return {
    known,
    of: async (orgId, ids) => {
      const positions = new Map(known(orgId, new Set(ids)));
      const missing = ids.filter((id) => !positions.has(id));
      if (missing.length === 0) return positions;
      const read = await inTime(parts, orgId, missing);
      remember(orgId, read.values());
      return new Map([...positions, ...read]);
    },
  };
};

/** The named positions that have no row and were not looked for either. */
export const withoutBeginning = (
  { named, beginnings }: Loading,
  { positions }: Pick<LedgerState, "positions">,
): string[] => [...named.positions].filter((id) => !positions.has(id) && !beginnings.has(id));

/** What was known already, with these. */
export const beginningsWith = async (
  { beginnings }: { readonly beginnings: Beginnings },
  loading: Loading,
  ids: readonly string[],
): Promise<Loading["beginnings"]> =>
  ids.length === 0
    ? loading.beginnings
    : new Map([...loading.beginnings, ...(await beginnings.of(loading.orgId, ids))]);

const none: ReadonlyMap<string, Position> = new Map();

/** Authorization goes on without the usage store. */
const inTime = async (
  parts: Parts,
  orgId: string,
  ids: readonly string[],
): Promise<Map<string, Position>> => {
  const empty = ids.map(emptyPosition);
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`took over ${readMaxMs} ms`)), readMaxMs);
  });
  try {
    const begun = await Promise.race([parts.read(orgId, ids), late]);
    return byId([...empty, ...begun]);
  } catch (error) {
    parts.logger.warn({ err: error, orgId }, "positions begin without the usage before them");
    return byId(empty);
  } finally {
    clearTimeout(timer);
  }
};
