import type { PoolClient } from "pg";
import { account } from "@turnpike/contract/accounts/account.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { LedgerState } from "@turnpike/engine/ledger/rows.ts";
import { positionsOf } from "@turnpike/engine/ledger/use.ts";
import {
  type Batch,
  type BatchParts,
  type BatchState,
  decideBatchBy,
  prepareBatch,
  type Session,
  sortedCodes,
} from "./batch-decision.ts";
import { uidOf } from "./usage/batch-usage.ts";
import { textArray } from "./rows/binary-arrays.ts";
import { writeChanges, type Writing } from "./rows/changes.ts";
import { onConnection } from "./rows/connection.ts";
import type { Limits } from "./limit-records.ts";
import { type Loading, loadState } from "./rows/loading.ts";
import { beginByKeys, commit, inOnePacket, isRetryable } from "./rows/packet.ts";
import { ownerOf } from "./prices/plan-prices.ts";
import { beginningsWith, withoutBeginning } from "./prices/position-beginnings.ts";
import { byId, queryValues, type Reader } from "./rows/reader.ts";
import { afterwards, type Remembered } from "./rows/remembered-rows.ts";
import { decideBySwap } from "./swap.ts";
import { type TakenBack, writeUndone } from "./usage/undone-usage.ts";
import {
  customersFrom,
  type LedgerAccount,
  ledgerAccountFrom,
  type LedgerAccountColumns,
  lockingStatement,
} from "./rows/wallet-access.ts";
import type { Outcomes, Work } from "./work.ts";

const triesMax = 8;

interface LockedLoading extends Loading {
  /** Those of the accounts that the catalog knows. */
  readonly customers: ReadonlySet<string>;
  /** Locked beside those that are configured: limits that are not any more, or not here yet, and that holds count in. */
  readonly strayLimits: readonly string[];
}

/** Decides the works of one organization in one transaction; each gets its outcomes in order. */
export const decideBatch = async (
  parts: BatchParts,
  orgId: string,
  works: readonly Work[],
): Promise<Outcomes> => {
  const batch = await prepareBatch(parts, orgId, works);
  const swapped = await decideBySwap(parts, batch);
  if (swapped !== undefined) return swapped;
  const known = await parts.customers.idsOf(orgId, batch.loading.accounts);
  const loading = { ...batch.loading, customers: new Set(known.keys()), strayLimits: [] };
  for (let tries = 1; ; tries += 1) {
    try {
      return await onConnection(parts.pool, (client) =>
        decideByLock({ client, parts }, batch, loading),
      );
    } catch (error) {
      if (!isRetryable(error) || tries >= triesMax) throw error;
    }
  }
};

const decideByLock = async (
  { client, parts }: Session,
  batch: Batch,
  loading: LockedLoading,
): Promise<Outcomes> => {
  const { orgId } = loading;
  const { locked, ...state } = await lockAndLoad({ client, parts }, loading);
  const { outcomes, writing, takenBack } = await decideBatchBy(parts, batch, state);
  await writeAndCommit(client, writing, takenBack);
  const { accounts, positions } = parts.remembered;
  accounts.remember(orgId, afterwards(locked, writing.changedPurses));
  positions.remember(orgId, writing.state.positions.values());
  positions.remember(orgId, writing.changes.positions);
  return outcomes;
};

/** In one packet, unless measurements are to be void: which they are is read of what was written. */
const writeAndCommit = async (
  client: PoolClient,
  writing: Writing,
  takenBack: TakenBack,
): Promise<void> => {
  if (takenBack.refunds.length === 0 && takenBack.undos.length === 0) {
    await inOnePacket(client, (packet) =>
      Promise.all([writeChanges(packet, writing), commit(packet)]),
    );
    return;
  }
  const { orgId, changes } = writing;
  await inOnePacket(client, (packet) => writeChanges(packet, writing));
  await writeUndone(client, orgId, { changes, takenBack, uidOf });
  await inOnePacket(client, commit);
};

interface LockedState extends BatchState {
  readonly locked: readonly LedgerAccount[];
}

/** One round trip, but for accounts that the ledger does not know yet. */
const lockAndLoad = async (session: Session, loading: LockedLoading): Promise<LockedState> => {
  const { client, parts } = session;
  const { orgId, accounts, accountArray, acting, limits } = loading;
  const shared = [...sharedLimits(limits), ...loading.strayLimits];
  const [, locked, , { state, now }] = await inOnePacket(client, (packet) => {
    const begun = beginByKeys(packet);
    const locking = lockAccounts({ packet, orgId }, accountArray, parts.remembered);
    return Promise.all([
      begun,
      locking,
      lockShared({ packet, orgId }, shared),
      loadState({ client, packet, locking }, loading),
    ]);
  });
  const others = ownersBeside(accounts, state);
  const known = new Set(locked.map(({ purse }) => purse.id));
  const unopened = acting.filter((code) => !known.has(code));
  const unbegun = withoutBeginning(loading, state);
  const stray = strayLimits(loading, state);
  if (unopened.length + others.length + unbegun.length + stray.length === 0) {
    const customers = customersFrom(loading.customers, locked);
    const purses = byId(locked.map(({ purse }) => purse));
    return { state: { ...state, customers }, purses, now, locked };
  }
  // Locks are taken in one order only: what was locked so far is let go first.
  await client.query("ROLLBACK");
  await openAccounts(session, loading, [...unopened, ...others]);
  const all = sortedCodes([...accounts, ...others]);
  const wider = { accounts: all, accountArray: textArray(all), acting: [...acting, ...others] };
  const beginnings = await beginningsWith(parts, loading, unbegun);
  const strays = [...loading.strayLimits, ...stray];
  const limited = { limits: await parts.limits.of(orgId, all), strayLimits: strays };
  return lockAndLoad(session, { ...loading, ...wider, ...limited, beginnings });
};

/** Accounts that are not locked and have a position that a loaded authorization moves: a child's call moves its parent's. */
const ownersBeside = (
  accounts: readonly string[],
  { authorizations }: Pick<LedgerState, "authorizations">,
): string[] => {
  const locked = new Set(accounts);
  return [...authorizations.values()]
    .flatMap(positionsOf)
    .map(ownerOf)
    .filter((code) => !locked.has(code));
};

/** Limits that a hold gives its slot back to and that nothing has locked: a server that knows them counts there, too. */
const strayLimits = (
  { limits, strayLimits: locked }: LockedLoading,
  { authorizations }: Pick<LedgerState, "authorizations">,
): string[] => {
  const open = [...authorizations.values()].filter(({ state }) => state === "HELD");
  const counted = new Set(open.flatMap(({ terms }) => terms.concurrencyLimits));
  for (const id of [...locked, ...limits.concurrencyLimits.map((limit) => limit.id)])
    counted.delete(id);
  return [...counted];
};

/** Locks in the order of the codes, so that two batches never wait in a circle. An account may have no row to lock. */
const lockAccounts = async (
  reader: Reader,
  accounts: Buffer,
  { accounts: known }: Remembered,
): Promise<LedgerAccount[]> => {
  const statement = { name: "ledger-lock", text: lockingStatement };
  const rows = await queryValues<LedgerAccountColumns>(reader, statement, [accounts]);
  return rows.map((row) => ledgerAccountFrom(row, known.of(reader.orgId, row[0])));
};

/**
 * An account seen first gets its row, which then stays: from then on the catalog keeps the account and its code
 * (`resources/rules/account.ts`). Its record is held meanwhile, so that nobody removes or renames it in between; one
 * that is not there any more, though the batch takes it for a customer, gets no row.
 */
const openAccounts = async (
  { client, parts }: Session,
  { orgId, customers }: LockedLoading,
  codes: readonly string[],
): Promise<void> => {
  const named = codes.filter((code) => customers.has(code));
  const { rows } = await client.query<{ code: string }>({
    name: "ledger-open-accounts",
    text: `WITH standing AS (
             SELECT code FROM record WHERE org_id = $1 AND kind = $2 AND code = ANY($4) ORDER BY id FOR KEY SHARE
           ), opened AS (
             INSERT INTO ledger_account (org_id, account)
             SELECT $1, code FROM unnest($3::text[]) AS code
             WHERE code <> ALL ($4) OR code IN (SELECT code FROM standing) ORDER BY code
             ON CONFLICT DO NOTHING
           )
           SELECT code FROM standing`,
    values: [orgId, account.kind, codes, named],
  });
  const standing = new Set(rows.map(({ code }) => code));
  const gone = named.find((code) => !standing.has(code));
  if (gone === undefined) return;
  parts.customers.announce({ orgId, kind: account.kind, isNew: false });
  throw fieldProblem("REFERENCE_NOT_FOUND", "account", `names no account: ${gone}`);
};

/** The limits that several accounts share are no account's rows: they have locks of their own, after the accounts'. */
const sharedLimits = (limits: Limits): string[] =>
  [...limits.budgets, ...limits.rateLimits, ...limits.concurrencyLimits]
    .filter(({ scope }) => scope.account === undefined)
    .map(({ id }) => id);

const lockShared = async ({ packet, orgId }: Reader, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return;
  await packet.run({
    name: "ledger-lock-shared",
    text: `SELECT pg_advisory_xact_lock(hashtextextended($1::text || id, 0))
           FROM (SELECT unnest($2::text[]) AS id ORDER BY 1) AS shared`,
    values: [orgId, ids],
  });
};
