import type { Pool, PoolClient } from "pg";
import { decide } from "@turnpike/engine/ledger/decide.ts";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import type { EpochMs, LedgerState } from "@turnpike/engine/ledger/rows.ts";
import { metered } from "./usage/batch-usage.ts";
import { textArray } from "./rows/binary-arrays.ts";
import { checkChanges, type Writing } from "./rows/changes.ts";
import type { Configurations } from "./configuration.ts";
import type { Customers } from "./customers.ts";
import type { DatabaseClock } from "./rows/database-clock.ts";
import type { AccountLimits } from "./limits.ts";
import type { Loading } from "./rows/loading.ts";
import { namedRows } from "./rows/named-rows.ts";
import { ownerOf } from "./prices/plan-prices.ts";
import type { Beginnings } from "./prices/position-beginnings.ts";
import type { Prices } from "./prices/prices.ts";
import { changedPurses, type Purse } from "./rows/purse.ts";
import type { Remembered } from "./rows/remembered-rows.ts";
import { type TakenBack, undosAmong } from "./usage/undone-usage.ts";
import { commandsOf, outcomeCount, type Outcomes, type Work } from "./work.ts";

export interface BatchParts {
  readonly pool: Pool;
  readonly configurations: Configurations;
  readonly limits: AccountLimits;
  readonly customers: Customers;
  readonly prices: Prices;
  readonly beginnings: Beginnings;
  readonly remembered: Remembered;
  readonly clock: DatabaseClock;
}

/** A batch has a connection of its own. */
export interface Session {
  readonly client: PoolClient;
  readonly parts: BatchParts;
}

/** Works of one organization that are decided together, before any row of theirs is read. */
export interface Batch {
  readonly works: readonly Work[];
  readonly commands: readonly Command[];
  /** What has to be read for them. */
  readonly loading: Loading;
}

export const prepareBatch = async (
  parts: BatchParts,
  orgId: string,
  works: readonly Work[],
): Promise<Batch> => {
  const configuration = await parts.configurations.of(orgId);
  const commands = commandsOf(works.flatMap((work) => work.requests));
  const named = namedRows(commands);
  const asked = works.filter(({ requests }) => requests.length > 0);
  const acting = [...asked.flatMap((work) => work.accounts), ...[...named.positions].map(ownerOf)];
  const accounts = sortedCodes([...acting, ...works.flatMap((work) => work.accounts)]);
  const accountArray = textArray(accounts);
  const limits = await parts.limits.of(orgId, accounts);
  const beginnings = parts.beginnings.known(orgId, named.positions);
  const known = { configuration, limits, named, beginnings };
  return { works, commands, loading: { orgId, accounts, accountArray, acting, ...known } };
};

export const sortedCodes = (codes: readonly string[]): string[] => [...new Set(codes)].sort();

/** The rows that a batch is decided by. */
export interface BatchState {
  readonly state: LedgerState;
  /** Of every account of the batch. */
  readonly purses: ReadonlyMap<string, Purse>;
  readonly now: EpochMs;
}

interface BatchDecision {
  readonly outcomes: Outcomes;
  readonly writing: Writing;
  readonly takenBack: TakenBack;
}

/** Decides a batch, and works out what has to be written for it. */
export const decideBatchBy = async (
  { prices }: Pick<BatchParts, "prices">,
  { works, commands, loading: { orgId } }: Batch,
  { state, purses, now }: BatchState,
): Promise<BatchDecision> => {
  const requests = works.flatMap((work) => work.requests);
  const { decisions, changes } = decide(state, requests, now);
  checkChanges(changes);
  const outcomes = dealt(works, decisions);
  const { refunds, ...usage } = await metered(prices, orgId, { works, outcomes, changes });
  const changed = changedPurses(purses, changes);
  const writing = { orgId, state, purses, changedPurses: changed, changes, ...usage, now };
  return { outcomes, writing, takenBack: { refunds, undos: undosAmong(commands, decisions) } };
};

/** Gives every work its own outcomes. */
const dealt = (works: readonly Work[], decisions: readonly Outcome[]): Outcomes => {
  let from = 0;
  return works.map((work) => {
    const own = decisions.slice(from, from + outcomeCount(work));
    from += own.length;
    return own;
  });
};
