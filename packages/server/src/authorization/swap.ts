import type { PoolClient } from "pg";
import { isReadOnly } from "@turnpike/engine/ledger/authorize.ts";
import { isOpening } from "@turnpike/engine/ledger/decide.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import type { EpochMs } from "@turnpike/engine/ledger/rows.ts";
import {
  type Batch,
  type BatchParts,
  type BatchState,
  decideBatchBy,
  type Outcomes,
} from "./batch-decision.ts";
import { textArray } from "./binary-arrays.ts";
import { swapChanges, type Writing } from "./changes.ts";
import { limitsInPlay } from "./limit-rows.ts";
import { latestOf, type Loading, loadClock, stateByPurses } from "./loading.ts";
import { beginByKeys, commit, inOnePacket, type Packet, sqlStateOf } from "./packet.ts";
import { byId, queryValues } from "./reader.ts";
import { afterwards } from "./remembered-accounts.ts";
import {
  customersFrom,
  type LedgerAccount,
  ledgerAccountFrom,
  type LedgerAccountColumns,
  readingStatement,
} from "./wallet-access.ts";

/** How a swap fails: a check, an id that is there already, or the database asks for another try. */
const failures: ReadonlySet<string> = new Set(["22P02", "23505", "40001", "40P01"]);

/**
 * Decides a batch that needs nothing but what its accounts hold, without a lock: by the purses as this server saw them
 * last, which are written only if they are so still (`docs/decisions/0030-purses-are-swapped.md`). One packet, where a
 * lock needs two. Undefined when the batch needs more or things have changed by now: then nothing is written, and it
 * is to be decided under a lock.
 */
export const decideBySwap = async (
  parts: BatchParts,
  batch: Batch,
): Promise<Outcomes | undefined> => {
  const { orgId, accounts } = batch.loading;
  if (!needsPursesOnly(batch) || !parts.remembered.isTrusted(orgId)) return undefined;
  const known = accounts.flatMap((account) => parts.remembered.of(orgId, account) ?? []);
  if (!known.every(isSwappable)) return undefined;
  const client = await parts.pool.connect();
  let broken: Error | undefined;
  try {
    const outcomes = await swap({ client, parts }, batch, known);
    if (outcomes === undefined) await client.query("ROLLBACK");
    return outcomes;
  } catch (error) {
    parts.remembered.doubt(orgId);
    parts.clock.forget();
    await client.query("ROLLBACK").catch((cause: unknown) => {
      broken = new Error("the connection is lost", { cause });
    });
    if (failures.has(sqlStateOf(error))) return undefined;
    throw error;
  } finally {
    client.release(broken);
  }
};

/**
 * Whether all commands are new authorizations that are to be written, and no row but the purses has a say in them. A
 * batch without commands is there for holds that are due.
 */
const needsPursesOnly = ({ commands, loading }: Batch): boolean => {
  const { accounts, configuration, named } = loading;
  if (commands.length === 0 || named.positions.size > 0 || !commands.every(isWritten)) return false;
  const { budgets, rateLimits, concurrencyLimits } = limitsInPlay(configuration, accounts);
  if (budgets.length + rateLimits.length + concurrencyLimits.length > 0) return false;
  const own = new Set(accounts);
  return !configuration.topUpPlans.some(({ account }) => own.has(account));
};

const isWritten = (command: Command): boolean =>
  isOpening(command) && !(command.kind === "authorize" && isReadOnly(command));

/**
 * What an account holds for calls under way ends by itself, which takes the rows of these calls. Calls for which nothing is
 * held are found when the swap is written.
 */
const isSwappable = ({ purse, access }: LedgerAccount): boolean =>
  access === null && purse.text !== null && purse.walletAccounts.every(({ held }) => held === 0n);

interface Session {
  readonly client: PoolClient;
  readonly parts: BatchParts;
}

const swap = async (
  { client, parts }: Session,
  batch: Batch,
  known: readonly LedgerAccount[],
): Promise<Outcomes | undefined> => {
  const { loading } = batch;
  const said = parts.clock.now();
  const isKnown = said !== undefined && known.length === loading.accounts.length;
  const read = isKnown ? { rows: [], at: said } : await readRest({ client, parts }, loading, known);
  const accounts = [...known, ...read.rows];
  if (accounts.length < loading.accounts.length || !read.rows.every(isSwappable)) return undefined;
  const state = stateOf(loading, accounts, read.at);
  const { outcomes, writing } = await decideBatchBy(parts, batch, state);
  if (!writesAll(batch, writing)) return undefined;
  const [, at] = await inOnePacket(client, (packet) =>
    Promise.all([
      isKnown ? beginByKeys(packet) : undefined,
      swapChanges(packet, writing),
      commit(packet),
    ]),
  );
  parts.clock.heard(at);
  for (const account of afterwards(accounts, writing.changedPurses))
    parts.remembered.remember(loading.orgId, account);
  return outcomes;
};

interface Read {
  readonly rows: readonly LedgerAccount[];
  readonly at: EpochMs;
}

/** The accounts that are not remembered, and what the clock says. Leaves a transaction open. */
const readRest = async (
  { client, parts }: Session,
  { orgId, accounts }: Loading,
  known: readonly LedgerAccount[],
): Promise<Read> => {
  const remembered = new Set(known.map(({ purse }) => purse.id));
  const missing = textArray(accounts.filter((account) => !remembered.has(account)));
  const read = async (packet: Packet): Promise<LedgerAccountColumns[]> =>
    queryValues({ packet, orgId }, { name: "ledger-read", text: readingStatement }, [missing]);
  const [, columns, at] = await inOnePacket(client, (packet) =>
    Promise.all([beginByKeys(packet), read(packet), loadClock({ packet, orgId })]),
  );
  parts.clock.heard(at);
  const rows = columns.map((row) => ledgerAccountFrom(row, undefined));
  for (const row of rows) parts.remembered.remember(orgId, row);
  return { rows, at };
};

const stateOf = (loading: Loading, accounts: readonly LedgerAccount[], at: EpochMs): BatchState => {
  const known = byId(accounts.map(({ purse }) => purse));
  // In the order of the codes, as others lock them.
  const purses = loading.accounts.flatMap((code) => known.get(code) ?? []);
  const customers = customersFrom(loading.customers, accounts);
  const state = { ...stateByPurses(loading, purses), customers };
  return { state, purses: byId(purses), now: latestOf(state.walletAccounts, at) };
};

/** Whether each id would be found to be taken: one that is not written could be a retry of what is stored. */
const writesAll = ({ commands }: Batch, { changes }: Writing): boolean => {
  const written = new Set(changes.authorizations.map(({ id }) => id));
  return commands.every(({ id }) => written.has(id));
};
