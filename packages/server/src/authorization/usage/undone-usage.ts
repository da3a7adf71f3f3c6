import type { Pool, PoolClient } from "pg";
import { partKey, refundKey } from "@turnpike/engine/ledger/decide.ts";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import { partMark, partName } from "@turnpike/engine/ledger/part-name.ts";
import type { Command, Refund } from "@turnpike/engine/ledger/request.ts";
import type { Authorization, Changes, UsageEvent } from "@turnpike/engine/ledger/rows.ts";
import { isPaidBack, isUnused, usesOf } from "@turnpike/engine/ledger/use.ts";
import { measurementUid, undoOf } from "./measurement-ids.ts";
import type { LedgerParts } from "../ledger.ts";
import { dividedBy } from "../prices/filtered-usage.ts";
import { isIndivisible, sayTexts } from "./measurements.ts";
import { type AuthorizationColumns, authorizationFrom } from "../rows/stored-rows.ts";
import { storedDecision } from "../stored-authorizations.ts";
import { rulesOf } from "../own-version.ts";
import { planPrice } from "../usage-request.ts";

/**
 * Usage that a refund takes back. Sums are undone by a measurement of what is less, in the segments of the call and with
 * what the filters of its account's contracts look at. Nothing else is: that measurement would be one more to a count, and
 * the lowest, the latest or of a region of its own to the others; nor is what a calculation makes of a measurement. So the
 * measurements themselves are voided, and that cannot be done in part. Where nothing is left of the measurements, those that
 * took a part of them back are voided, too. So is a sum where a fixed price is asked for, with the last of its money: bills
 * would charge that for measurements that sum up to nothing.
 */

const asWhole = { undoes: "whole", fields: null } as const;

/** The refund of nothing by which an authorization keeps its money whose measurement says something else by now. */
export const restatedId = (id: string): string => `${id}#restated`;

/** How a refund undoes an authorization's usage: by what it was counted by, and by all that its meter aggregates now. */
export const undoingOf = async (
  parts: LedgerParts,
  orgId: string,
  row: Authorization,
): Promise<Pick<Refund, "undoes" | "fields">> => {
  const { priceVersion, spender, fields, occurredAt: at } = row.terms;
  if (priceVersion === null && (await isRestated(parts, orgId, row))) return asWhole;
  const { account, meter } = spender;
  // What the end of a lease took was never metered.
  if (meter === null) return { undoes: "inProportion", fields: null };
  const rules = await rulesOf(parts, orgId, { priceVersion, meter, further: row.further });
  const known = await parts.prices.meter(orgId, meter);
  if (rules.some((rule) => isIndivisible(rule, known))) return asWhole;
  const used = await parts.prices.usage(orgId, meter);
  if (!used.addsUp) return asWhole;
  const { isPriced } = used;
  const found = await planPrice(parts, { orgId, usage: { account, meter }, at, isPriced });
  const codes = dividedBy(used, found);
  const isSaid = !isMeteredInParts(row) && sayTexts(fields ?? {}, codes);
  if (codes.length > 0 && !isSaid) return asWhole;
  return { undoes: found.hasFixedPrice ? "inProportionThenWhole" : "inProportion", fields };
};

const isRestated = async (
  { pool }: Pick<LedgerParts, "pool">,
  orgId: string,
  { id }: Authorization,
): Promise<boolean> => (await storedDecision(pool, orgId, refundKey(restatedId(id)))) !== undefined;

/** Usage that a batch has taken back otherwise than by measurements. */
export interface TakenBack {
  /** Events of refunds whose usage is undone as a whole. */
  readonly refunds: readonly UsageEvent[];
  /** Of authorizations whose measurements were corrected. */
  readonly undos: readonly Refund[];
}

export const undosAmong = (
  commands: readonly Command[],
  decisions: readonly Outcome[],
): Refund[] => {
  const undos: Refund[] = [];
  for (const [nth, command] of commands.entries()) {
    if (command.kind !== "refund" || command.isMetered) continue;
    const outcome = decisions[nth];
    if (outcome?.kind === "booked" && !outcome.isReplayed) undos.push(command);
  }
  return undos;
};

/** A measurement that is to be void, and the refund or undo that says so. */
interface Undone {
  readonly uid: string;
  readonly row: Authorization;
  readonly by: string;
}

/**
 * Writes which measurements the usage store has to void: those of what the batch refunded to the end, and those that had
 * taken a part of it back; of what it has undone to the end these, and the other parts, which they had taken back, too.
 * Behind the batch's changes in its transaction: the parts of a hold may be among them.
 */
export const writeUndone = async (
  client: PoolClient,
  orgId: string,
  {
    changes,
    takenBack: { refunds, undos },
    uidOf,
  }: {
    readonly changes: Pick<Changes, "authorizations">;
    readonly takenBack: TakenBack;
    readonly uidOf: (eventId: string) => string;
  },
): Promise<void> => {
  const changed = (id: string): Authorization | undefined =>
    changes.authorizations.find((row) => row.id === id);
  const undone: Undone[] = [];
  for (const { id: by, authorization } of refunds) {
    const row = changed(authorization);
    if (row === undefined || !isPaidBack(row)) continue;
    const uids = (await uncorrectedIds(client, orgId, row)).map(uidOf);
    for (const uid of [...uids, ...(await refundsOf(client, orgId, row))])
      undone.push({ uid, row, by });
  }
  for (const { id: by, of, quantities } of undos) {
    const row = changed(of);
    // What refunds took back of a hold is no one part's.
    if (row === undefined || (quantities !== null && !isUnused(row))) continue;
    const back = await refundsOf(client, orgId, row);
    if (back.length === 0) continue;
    const parts = isMeteredInParts(row) ? await uncorrectedIds(client, orgId, row) : [];
    for (const uid of [...parts.map(uidOf), ...back]) undone.push({ uid, row, by });
  }
  if (undone.length === 0) return;
  await client.query(
    `INSERT INTO usage_void (org_id, uid, account, occurred_at, refund)
     SELECT $1, row.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS row`,
    [
      orgId,
      undone.map(({ uid }) => uid),
      undone.map(({ row }) => row.terms.spender.account),
      undone.map(({ row }) => row.terms.occurredAt),
      undone.map(({ by }) => by),
    ],
  );
};

/** Measurements by which an authorization's usage was taken back; they are kept no longer. */
const refundsOf = async (
  client: PoolClient,
  orgId: string,
  { id }: Authorization,
): Promise<string[]> => {
  const text = "DELETE FROM usage_refund WHERE org_id = $1 AND of = $2 RETURNING uid";
  const { rows } = await client.query<{ uid: string }>(text, [orgId, id]);
  return rows.map(({ uid }) => uid);
};

/** The ids that it was metered by, less the parts that were corrected: what those are now, it has no say in. */
const uncorrectedIds = async (
  client: PoolClient,
  orgId: string,
  row: Authorization,
): Promise<string[]> => {
  const ids = await meteredIds(client, orgId, row);
  if (!isMeteredInParts(row)) return ids;
  const keyed = new Map(ids.map((id) => [refundKey(undoOf(id)), id]));
  const text = "SELECT id FROM ledger_decision WHERE org_id = $1 AND id = ANY($2)";
  const { rows } = await client.query<{ id: string }>(text, [orgId, [...keyed.keys()]]);
  for (const { id } of rows) keyed.delete(id);
  return [...keyed.values()];
};

/** Whether no measurement has the authorization's own uid. */
export const isMeteredInParts = ({ terms }: Pick<Authorization, "terms">): boolean =>
  terms.mode === "hold" || terms.mode === "session" || terms.mode === "lease";

/** From `part:id#part#` to `part:id#part$`, the next byte: a range of the primary key, which orders by bytes. */
export const partsStatement = `
  SELECT substr(id, ${partKey("").length + 1}) AS id, outcome->>'amount' AS amount, outcome->>'quantity' AS quantity,
    outcome->'further' AS further
  FROM ledger_decision
  WHERE org_id = $1 AND id COLLATE "C" >= $2 AND id COLLATE "C" < $3 AND (outcome->>'isMetered')::boolean`;

/** The ids that an authorization was metered by: its own, or those of its parts that were metered. */
const meteredIds = async (
  client: Pick<Pool, "query">,
  orgId: string,
  row: Authorization,
): Promise<string[]> => {
  if (isMeteredInParts(row)) return (await partsOf(client, orgId, row)).map(({ id }) => id);
  return row.state === "DENIED" ? [] : [measurementUid(row.id)];
};

/** What a hold or a session has settled, by the id that it was metered by. */
interface SettledPart {
  readonly id: string;
  readonly amount: bigint;
  /** The first, then the further ones, in the order of the authorization's. */
  readonly quantities: readonly bigint[];
}

interface PartColumns {
  readonly id: string;
  readonly amount: string;
  readonly quantity: string;
  readonly further: readonly string[];
}

const partFrom = ({ id, amount, quantity, further }: PartColumns): SettledPart => ({
  id,
  amount: BigInt(amount),
  quantities: [quantity, ...further].map(BigInt),
});

/** What was metered in parts: nothing of a charge, nor of a lease, whose spends are authorizations of their own. */
export const partsOf = async (
  client: Pick<Pool, "query">,
  orgId: string,
  row: Authorization,
): Promise<SettledPart[]> => {
  const { id, terms } = row;
  const isOfNone = row.state === "DENIED" || terms.mode === "lease";
  if (isOfNone || !isMeteredInParts(row)) return [];
  const { rows } = await client.query<PartColumns>(partsStatement, [
    orgId,
    partKey(`${id}${partMark}`),
    partKey(`${id}${partMark.slice(0, -1)}$`),
  ]);
  const parts = rows.map(partFrom);
  // What no part has settled, the end of the hold has.
  const rest = {
    id: partName(id, "expiry"),
    amount: parts.reduce((left, { amount }) => left - amount, row.settled),
    quantities: usesOf(row).map(({ settled }, place) =>
      parts.reduce((left, { quantities }) => left - (quantities[place] ?? 0n), settled),
    ),
  };
  const isSettledAtEnd = [rest.amount, ...rest.quantities].some((left) => left > 0n);
  return isSettledAtEnd ? [...parts, rest] : parts;
};

/** Those of the ids that no usage has, nor will have: of denied calls, of holds that ended unused, of leases. */
export const unmeteredIds = async (
  pool: Pool,
  orgId: string,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  const unmetered = new Set<string>();
  if (ids.length === 0) return unmetered;
  for (const row of await storedRows(pool, orgId, ids)) {
    const mayBeUsed = row.state === "HELD" && row.terms.mode !== "lease";
    if (!mayBeUsed && (await meteredIds(pool, orgId, row)).length === 0) unmetered.add(row.id);
  }
  return unmetered;
};

const storedRows = async (
  pool: Pool,
  orgId: string,
  ids: readonly string[],
): Promise<Authorization[]> => {
  const text = "SELECT * FROM ledger_authorization WHERE org_id = $1 AND id = ANY($2)";
  const { rows } = await pool.query<AuthorizationColumns>(text, [orgId, ids]);
  return rows.map(authorizationFrom);
};
