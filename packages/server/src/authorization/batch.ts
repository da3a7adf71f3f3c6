import { createHash } from "node:crypto";
import type { Pool, PoolClient } from "pg";
import { decide } from "@turnpike/engine/ledger/decide.ts";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Changes, EpochMs, LedgerState, UsageEvent } from "@turnpike/engine/ledger/rows.ts";
import { textArray } from "./binary-arrays.ts";
import { checkChanges, writeChanges, type Writing } from "./changes.ts";
import type { Configurations } from "./configuration.ts";
import type { Customers } from "./customers.ts";
import { limitsInPlay, type LimitsInPlay } from "./limit-rows.ts";
import { type Loading, loadState } from "./loading.ts";
import { type MeasuredUsage, measurementOf } from "./measurements.ts";
import { namedRows } from "./named-rows.ts";
import { beginByKeys, commit, inOnePacket } from "./packet.ts";
import { ownerOf } from "./plan-prices.ts";
import type { Prices } from "./prices.ts";
import { takesBack, undoingOf, writeUndone } from "./undone-usage.ts";
import { rulesOf } from "./usage-request.ts";
import type { Purse } from "./purse.ts";
import { byId, queryValues, type Reader } from "./reader.ts";
import {
  customersFrom,
  type LockedAccount,
  lockedAccountFrom,
  type LockedColumns,
  lockingStatement,
} from "./wallet-access.ts";
import { commandsOf, outcomeCount, type Work } from "./work.ts";

export interface BatchParts {
  readonly pool: Pool;
  readonly configurations: Configurations;
  readonly customers: Customers;
  readonly prices: Prices;
}

/** Another transaction decided one of the ids first, or the database asks for another try. */
const retryable: ReadonlySet<string> = new Set(["23505", "40001", "40P01"]);
const triesMax = 8;

const codeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";

/** Decides the works of one organization in one transaction; each gets its outcomes in order. */
export const decideBatch = async (
  parts: BatchParts,
  orgId: string,
  works: readonly Work[],
): Promise<readonly (readonly Outcome[])[]> => {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt(parts, orgId, works);
    } catch (error) {
      if (!retryable.has(codeOf(error)) || tries >= triesMax) throw error;
    }
  }
};

const attempt = async (
  parts: BatchParts,
  orgId: string,
  works: readonly Work[],
): Promise<readonly (readonly Outcome[])[]> => {
  const asked = works.flatMap((work) => work.accounts);
  const configuration = await parts.configurations.of(orgId);
  const requests = works.flatMap((work) => work.requests);
  const commands = commandsOf(requests);
  const named = namedRows(commands);
  const accounts = sortedCodes([...asked, ...[...named.positions].map(ownerOf)]);
  const customers = new Set((await parts.customers.idsOf(orgId, accounts)).keys());
  const accountArray = textArray(accounts);
  const loading = { orgId, accounts, accountArray, customers, configuration, named };
  const client = await parts.pool.connect();
  let broken: Error | undefined;
  try {
    const { state, purses, now } = await lockAndLoad(client, loading);
    const { decisions, changes } = decide(state, requests, now);
    checkChanges(changes);
    const outcomes = dealt(works, decisions);
    const decided = works.filter((_, nth) =>
      outcomes[nth]?.some(({ kind }) => kind !== "conflict"),
    );
    const { measurements, refunds } = await metered(parts.prices, orgId, {
      changes,
      works: decided,
    });
    const writing = { orgId, state, purses, changes, measurements, now };
    await writeAndCommit(client, writing, refunds);
    return outcomes;
  } catch (error) {
    await client.query("ROLLBACK").catch((cause: unknown) => {
      broken = new Error("the connection is lost", { cause });
    });
    throw error;
  } finally {
    client.release(broken);
  }
};

/** In one packet, unless there are refunds, whose undoing reads what was written. */
const writeAndCommit = async (
  client: PoolClient,
  writing: Writing,
  refunds: readonly UsageEvent[],
): Promise<void> => {
  if (refunds.length === 0) {
    await inOnePacket(client, (packet) =>
      Promise.all([writeChanges(packet, writing), commit(packet)]),
    );
    return;
  }
  const { orgId, changes } = writing;
  await inOnePacket(client, (packet) => writeChanges(packet, writing));
  await writeUndone(client, orgId, { changes, refunds, uidOf });
  await inOnePacket(client, commit);
};

interface LockedState {
  readonly state: LedgerState;
  readonly purses: ReadonlyMap<string, Purse>;
  readonly now: EpochMs;
}

/** One round trip, but for accounts that the ledger does not know yet. */
const lockAndLoad = async (client: PoolClient, loading: Loading): Promise<LockedState> => {
  const { orgId, accounts, accountArray, configuration } = loading;
  const shared = sharedLimits(limitsInPlay(configuration, accounts));
  const [, locked, , { state, now }] = await inOnePacket(client, (packet) => {
    const begun = beginByKeys(packet);
    const locking = lockAccounts({ packet, orgId }, accountArray);
    return Promise.all([
      begun,
      locking,
      lockShared({ packet, orgId }, shared),
      loadState({ client, packet, locking }, loading),
    ]);
  });
  const others = ownersBeside(accounts, state);
  if (locked.length === accounts.length && others.length === 0) {
    const customers = customersFrom(loading.customers, locked);
    const purses = byId(locked.map(({ purse }) => purse));
    return { state: { ...state, customers }, purses, now };
  }
  // Locks are taken in one order only: what was locked so far is let go first.
  await client.query("ROLLBACK");
  const all = sortedCodes([...accounts, ...others]);
  const allArray = textArray(all);
  await openAccounts(client, orgId, allArray);
  return lockAndLoad(client, { ...loading, accounts: all, accountArray: allArray });
};

const sortedCodes = (codes: readonly string[]): string[] => [...new Set(codes)].sort();

/** Accounts that are not locked and have a position that a loaded authorization moves: a child's call moves its parent's. */
const ownersBeside = (
  accounts: readonly string[],
  { authorizations }: Pick<LedgerState, "authorizations">,
): string[] => {
  const locked = new Set(accounts);
  return [...authorizations.values()]
    .flatMap(({ terms, further }) => [
      ...(terms.position === null ? [] : [terms.position]),
      ...further.flatMap(({ position }) => position ?? []),
    ])
    .map(ownerOf)
    .filter((code) => !locked.has(code));
};

/** Locks in the order of the codes, so that two batches never wait in a circle. An account may have no row to lock. */
const lockAccounts = async (reader: Reader, accounts: Buffer): Promise<LockedAccount[]> => {
  const statement = { name: "ledger-lock", text: lockingStatement };
  const rows = await queryValues<LockedColumns>(reader, statement, [accounts]);
  return rows.map(lockedAccountFrom);
};

/** An account seen first gets its row, which then stays. */
const openAccounts = async (client: PoolClient, orgId: string, accounts: Buffer): Promise<void> => {
  await client.query({
    name: "ledger-open-accounts",
    text: `INSERT INTO ledger_account (org_id, account)
           SELECT $1, account FROM unnest($2::text[]) AS account ORDER BY account
           ON CONFLICT DO NOTHING`,
    values: [orgId, accounts],
  });
};

/** The limits that several accounts share are no account's rows: they have locks of their own, after the accounts'. */
const sharedLimits = (limits: LimitsInPlay): string[] =>
  [...limits.budgets, ...limits.rateLimits, ...limits.concurrencyLimits]
    .filter(({ scope }) => scope.account === undefined)
    .map(({ id }) => id)
    .sort();

const lockShared = async ({ packet, orgId }: Reader, ids: readonly string[]): Promise<void> => {
  if (ids.length === 0) return;
  await packet.run({
    name: "ledger-lock-shared",
    text: `SELECT pg_advisory_xact_lock(hashtextextended($1::text || id, 0))
           FROM (SELECT unnest($2::text[]) AS id ORDER BY 1) AS shared`,
    values: [orgId, ids],
  });
};

/**
 * What goes to the usage store, and refunds that it hears of otherwise. The works are those that were not refused: two
 * may have named one event, each with fields of its own.
 */
const metered = async (
  prices: Prices,
  orgId: string,
  { changes, works }: { readonly changes: Changes; readonly works: readonly Work[] },
): Promise<{ readonly measurements: unknown[]; readonly refunds: UsageEvent[] }> => {
  const given = new Map(works.flatMap(({ usage }) => [...usage]).reverse());
  const codes = new Set(changes.events.flatMap(({ meter }) => meter ?? []));
  const meters = new Map<string, Awaited<ReturnType<Prices["meter"]>>>();
  for (const code of codes) meters.set(code, await prices.meter(orgId, code));
  const measurements: unknown[] = [];
  const refunds: UsageEvent[] = [];
  for (const event of changes.events) {
    const usage = given.get(event.id) ?? (await unmeasured(prices, orgId, event));
    if (takesBack(event) && undoingOf(usage.counted.map(({ rule }) => rule)) === "whole") {
      refunds.push(event);
      continue;
    }
    const meter = meters.get(event.meter ?? "");
    measurements.push(...measurementOf(event, usage, { meter, uidOf }));
  }
  return { measurements, refunds };
};

/** Usage that nobody sent fields for: a refund, or a hold that settled when it expired. */
const unmeasured = async (
  prices: Prices,
  orgId: string,
  { meter, priceVersion }: UsageEvent,
): Promise<MeasuredUsage> => {
  const rules = await rulesOf({ prices }, orgId, { meter, priceVersion });
  return { fields: {}, counted: rules.map((rule) => ({ rule, quantity: 0n })) };
};

/** The usage store takes uids of at most 50 characters; a part of a long one is named by its hash. */
const uidLengthMax = 50;

const uidOf = (id: string): string =>
  id.length <= uidLengthMax ? id : createHash("sha256").update(id).digest("base64url").slice(0, 43);

/** Gives every work its own outcomes. */
const dealt = (
  works: readonly Work[],
  decisions: readonly Outcome[],
): readonly (readonly Outcome[])[] => {
  let from = 0;
  return works.map((work) => {
    const own = decisions.slice(from, from + outcomeCount(work));
    from += own.length;
    return own;
  });
};
