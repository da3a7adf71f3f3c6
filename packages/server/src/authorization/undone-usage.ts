import type { Pool, PoolClient } from "pg";
import type { Refund } from "@turnpike/engine/ledger/request.ts";
import type { Authorization, Changes, UsageEvent } from "@turnpike/engine/ledger/rows.ts";
import { measurementUid } from "./measurement-ids.ts";
import type { LedgerParts } from "./ledger.ts";
import { isIndivisible, sayTexts } from "./measurements.ts";
import { type AuthorizationColumns, authorizationFrom } from "./stored-rows.ts";
import { rulesOf } from "./usage-request.ts";

/**
 * Usage that a refund takes back. Sums are undone by a measurement of what is less, in the segments of the call. Nothing
 * else is: that measurement would be one more to a count, and the lowest, the latest or of a region of its own to the
 * others; nor is what a calculation makes of a measurement. So the measurements themselves are voided, and that cannot be
 * done in part.
 */

const asWhole = { undoes: "whole", fields: null } as const;

/** How a refund undoes an authorization's usage: by what it was counted by, and by all that its meter aggregates now. */
export const undoingOf = async (
  parts: Pick<LedgerParts, "prices">,
  orgId: string,
  row: Pick<Authorization, "terms">,
): Promise<Pick<Refund, "undoes" | "fields">> => {
  const { priceVersion, spender, fields } = row.terms;
  const { meter } = spender;
  const rules = await rulesOf(parts, orgId, { priceVersion, meter });
  const known = await parts.prices.meter(orgId, meter ?? "");
  if (rules.some((rule) => isIndivisible(rule, known))) return asWhole;
  const { addsUp, segmentFields } = await parts.prices.usage(orgId, meter ?? "");
  if (!addsUp) return asWhole;
  const isInSegments = !isMeteredInParts(row) && sayTexts(fields ?? {}, segmentFields);
  return segmentFields.length === 0 || isInSegments ? { undoes: "inProportion", fields } : asWhole;
};

/** A measurement that is to be void. */
interface Undone {
  readonly uid: string;
  readonly refund: UsageEvent;
}

/**
 * Writes which measurements the usage store has to void: those that the batch refunded to the end. Behind
 * the batch's changes in its transaction: the parts of a hold may be among them.
 */
export const writeUndone = async (
  client: PoolClient,
  orgId: string,
  {
    changes,
    refunds,
    uidOf,
  }: {
    readonly changes: Pick<Changes, "authorizations">;
    /** Events of refunds whose usage is undone as a whole. */
    readonly refunds: readonly UsageEvent[];
    readonly uidOf: (eventId: string) => string;
  },
): Promise<void> => {
  const undone: Undone[] = [];
  for (const refund of refunds) {
    const row = changes.authorizations.find(({ id }) => id === refund.authorization);
    if (row === undefined || row.refunded < row.settled) continue;
    for (const id of await meteredIds(client, orgId, row)) undone.push({ uid: uidOf(id), refund });
  }
  if (undone.length === 0) return;
  await client.query(
    `INSERT INTO usage_void (org_id, uid, account, occurred_at, refund)
     SELECT $1, row.* FROM unnest($2::text[], $3::text[], $4::bigint[], $5::text[]) AS row`,
    [
      orgId,
      undone.map(({ uid }) => uid),
      undone.map(({ refund }) => refund.account),
      undone.map(({ refund }) => refund.occurredAt),
      undone.map(({ refund }) => refund.id),
    ],
  );
};

/** Whether no measurement has the authorization's own uid. */
export const isMeteredInParts = ({ terms }: Pick<Authorization, "terms">): boolean =>
  terms.mode === "hold" || terms.mode === "session" || terms.mode === "lease";

/** The uids that an authorization was metered by: its own, or those of its parts that were metered. */
const meteredIds = async (
  client: Pick<Pool, "query">,
  orgId: string,
  row: Authorization,
): Promise<string[]> => {
  const { id, terms } = row;
  // What is spent of a lease is metered as authorizations of its own.
  if (row.state === "DENIED" || terms.mode === "lease") return [];
  if (!isMeteredInParts(row)) return [measurementUid(id)];
  const { rows: parts } = await client.query<{ id: string; amount: string; quantity: string }>(
    `SELECT substr(id, length('part:') + 1) AS id, outcome->>'amount' AS amount, outcome->>'quantity' AS quantity
     FROM ledger_decision
     WHERE org_id = $1 AND id LIKE $2 AND (outcome->>'isMetered')::boolean`,
    [orgId, `part:${id.replaceAll(/[\\%_]/g, "\\$&")}#%`],
  );
  const amount = parts.reduce((total, part) => total + BigInt(part.amount), 0n);
  const quantity = parts.reduce((total, part) => total + BigInt(part.quantity), 0n);
  // What no part has settled, the end of the hold has.
  const isSettledAtEnd = amount < row.settled || quantity < row.settledQuantity;
  return [...parts.map((part) => part.id), ...(isSettledAtEnd ? [`${id}#expiry`] : [])];
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

/** Those of the uids that parts and ends of authorizations were metered by: they name no other usage. */
export const partsAmong = async (
  pool: Pool,
  orgId: string,
  uids: readonly string[],
): Promise<ReadonlySet<string>> => {
  const owners = uids.flatMap((uid) =>
    uid.includes("#") ? uid.slice(0, uid.lastIndexOf("#")) : [],
  );
  const parts = new Set<string>();
  if (owners.length === 0) return parts;
  for (const row of await storedRows(pool, orgId, owners))
    if (isMeteredInParts(row)) for (const id of await meteredIds(pool, orgId, row)) parts.add(id);
  return parts.intersection(new Set(uids));
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
