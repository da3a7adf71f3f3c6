import { isReadOnly } from "@turnpike/engine/ledger/authorize.ts";
import { isOpening, latestOf } from "@turnpike/engine/ledger/decide.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import type { EpochMs, Position } from "@turnpike/engine/ledger/rows.ts";
import {
  type Batch,
  type BatchParts,
  type BatchState,
  decideBatchBy,
  type Session,
} from "./batch-decision.ts";
import { textArray } from "./rows/binary-arrays.ts";
import { swapChanges, type Writing } from "./rows/changes.ts";
import { onConnection } from "./rows/connection.ts";
import { type Loading, loadClock, loadPositions, stateByPurses } from "./rows/loading.ts";
import { beginByKeys, commit, inOnePacket, isRetryable, sqlStateOf } from "./rows/packet.ts";
import { withoutBeginning } from "./prices/position-beginnings.ts";
import { byId, queryValues, type Reader } from "./rows/reader.ts";
import { afterwards } from "./rows/remembered-rows.ts";
import {
  customersFrom,
  type LedgerAccount,
  ledgerAccountFrom,
  type LedgerAccountColumns,
  readingStatement,
} from "./rows/wallet-access.ts";
import type { Outcomes } from "./work.ts";

/** Text that is no number: how the checks of a swap fail. */
const checkFailed = "22P02";

/**
 * Decides a batch that needs nothing but what its accounts hold and how far they are in their periods, without a lock:
 * by purses and positions as this server saw them last, which are written only if they are so still
 * (`docs/decisions/0030-rows-are-swapped.md`). One packet, where a lock needs two. Undefined when the batch needs
 * more or things have changed by now: then nothing is written, and it is to be decided under a lock.
 */
export const decideBySwap = async (
  parts: BatchParts,
  batch: Batch,
): Promise<Outcomes | undefined> => {
  const { orgId } = batch.loading;
  if (!needsSwappedRowsOnly(batch) || !parts.remembered.isTrusted(orgId)) return undefined;
  const known = rememberedRows(parts, batch.loading);
  if (!known.accounts.every(isSwappable)) return undefined;
  try {
    return await onConnection(parts.pool, async (client) => {
      const rows = await completed({ client, parts }, batch.loading, known);
      const outcomes = await swap({ client, parts }, batch, rows);
      if (outcomes === undefined && rows.isRead) await client.query("ROLLBACK");
      return outcomes;
    });
  } catch (error) {
    parts.remembered.doubt(orgId);
    parts.clock.forget();
    if (isRetryable(error) || sqlStateOf(error) === checkFailed) return undefined;
    throw error;
  }
};

/**
 * Whether all commands are new authorizations that are to be written, and no row but purses and positions has a say in
 * them. A batch without commands is there for holds that are due.
 */
const needsSwappedRowsOnly = ({ commands, loading }: Batch): boolean => {
  if (commands.length === 0 || !commands.every(isWritten)) return false;
  return Object.values(loading.limits).every(({ length }) => length === 0);
};

const isWritten = (command: Command): boolean =>
  isOpening(command) && !(command.kind === "authorize" && isReadOnly(command));

/**
 * What an account holds for calls under way ends by itself, which takes the rows of these calls. Calls for which nothing is
 * held are found when the swap is written. Who ever held anything is a customer: the catalog had the account then, and
 * keeps it since.
 */
const isSwappable = ({ purse, access }: LedgerAccount): boolean =>
  access === null && purse.text !== null && purse.walletAccounts.every(({ held }) => held === 0n);

/** The rows that a swap compares. */
interface SwappedRows {
  readonly accounts: readonly LedgerAccount[];
  readonly positions: readonly Position[];
}

const rememberedRows = (
  { remembered }: BatchParts,
  { orgId, accounts, named }: Loading,
): SwappedRows => ({
  accounts: accounts.flatMap((account) => remembered.accounts.of(orgId, account) ?? []),
  positions: [...named.positions].flatMap((id) => remembered.positions.of(orgId, id) ?? []),
});

const swap = async (
  { client, parts }: Session,
  batch: Batch,
  { accounts, positions, at, isRead }: Completed,
): Promise<Outcomes | undefined> => {
  const { loading } = batch;
  if (accounts.length < loading.accounts.length || !accounts.every(isSwappable)) return undefined;
  const state = stateOf(loading, { accounts, positions }, at);
  if (withoutBeginning(loading, state.state).length > 0) return undefined;
  const { outcomes, writing } = await decideBatchBy(parts, batch, state);
  if (!writesAll(batch, writing)) return undefined;
  const [, says] = await inOnePacket(client, (packet) =>
    Promise.all([
      isRead ? undefined : beginByKeys(packet),
      swapChanges(packet, writing),
      commit(packet),
    ]),
  );
  parts.clock.heard(says);
  const { remembered } = parts;
  remembered.accounts.remember(loading.orgId, afterwards(accounts, writing.changedPurses));
  remembered.positions.remember(loading.orgId, writing.changes.positions);
  return outcomes;
};

interface Completed extends SwappedRows {
  /** What the clock says. */
  readonly at: EpochMs;
  /** Whether the database was asked, which leaves a transaction open. */
  readonly isRead: boolean;
}

/** With the rows that are not remembered. */
const completed = async (
  { client, parts }: Session,
  { orgId, accounts, named }: Loading,
  known: SwappedRows,
): Promise<Completed> => {
  const said = parts.clock.now();
  const isKnown =
    known.accounts.length === accounts.length && known.positions.length === named.positions.size;
  if (said !== undefined && isKnown) return { ...known, at: said, isRead: false };
  const codes = without(
    accounts,
    known.accounts.map(({ purse }) => purse.id),
  );
  const ids = without(
    named.positions,
    known.positions.map(({ id }) => id),
  );
  const [, columns, found, at] = await inOnePacket(client, (packet) => {
    const reader = { packet, orgId };
    return Promise.all([
      beginByKeys(packet),
      readAccounts(reader, codes),
      loadPositions(reader, ids),
      loadClock(reader),
    ]);
  });
  parts.clock.heard(at);
  const rows = columns.map((row) => ledgerAccountFrom(row, undefined));
  parts.remembered.accounts.remember(orgId, rows);
  parts.remembered.positions.remember(orgId, found.values());
  return {
    accounts: [...known.accounts, ...rows],
    positions: [...known.positions, ...found.values()],
    at,
    isRead: true,
  };
};

const without = (all: Iterable<string>, some: readonly string[]): string[] => {
  const left = new Set(all);
  for (const one of some) left.delete(one);
  return [...left];
};

const readAccounts = (reader: Reader, codes: readonly string[]): Promise<LedgerAccountColumns[]> =>
  queryValues(reader, { name: "ledger-read", text: readingStatement }, [textArray(codes)]);

const stateOf = (
  loading: Loading,
  { accounts, positions }: SwappedRows,
  at: EpochMs,
): BatchState => {
  const known = byId(accounts.map(({ purse }) => purse));
  // In the order of the codes, as others lock them.
  const purses = loading.accounts.flatMap((code) => known.get(code) ?? []);
  const customers = customersFrom(new Set(loading.accounts), accounts);
  const state = { ...stateByPurses(loading, purses, byId(positions)), customers };
  return { state, purses: byId(purses), now: latestOf(state.walletAccounts, at) };
};

/**
 * Whether each id would be found to be taken: one that is not written could be a retry of what is stored. And whether
 * each position would be: one that was not there, and that nothing moved, could be there by now.
 */
const writesAll = ({ commands, loading }: Batch, { state, changes }: Writing): boolean => {
  const written = new Set(changes.authorizations.map(({ id }) => id));
  const compared = new Set([...state.positions.keys(), ...changes.positions.map(({ id }) => id)]);
  return (
    commands.every(({ id }) => written.has(id)) &&
    [...loading.named.positions].every((id) => compared.has(id))
  );
};
