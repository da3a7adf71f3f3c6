import type { Draft } from "./draft.ts";
import { activateGrant, expireGrant } from "./grant.ts";
import { partName } from "./part-name.ts";
import type { Authorization, EpochMs, Grant } from "./rows.ts";
import { closeUnused, settlePart } from "./settlement.ts";
import { transitions } from "./transition.ts";
import { isOfNothing } from "./use.ts";

type Due =
  | { readonly kind: "activate"; readonly at: EpochMs; readonly id: string }
  | { readonly kind: "endHold"; readonly at: EpochMs; readonly id: string }
  | { readonly kind: "endGrant"; readonly at: EpochMs; readonly id: string };

/** At one instant a grant takes effect before holds end, and holds end before grants do. */
const rank: Readonly<Record<Due["kind"], number>> = { activate: 0, endHold: 1, endGrant: 2 };

const inTimeOrder = (a: Due, b: Due): number =>
  a.at - b.at || rank[a.kind] - rank[b.kind] || (a.id < b.id ? -1 : 1);

/**
 * Brings the touched rows up to now before anything is decided (f.4): every due change happens at its own
 * instant and in order, so that a sweeper, a late touch and an early one leave the same rows.
 */
export const sweep = (draft: Draft): void => {
  const { now } = draft;
  for (let due = dueBy(draft, now); due.length > 0; due = dueBy(draft, now)) {
    for (const change of due) {
      draft.now = change.at;
      draft.transaction = `${change.kind}:${change.id}`;
      carryOut(draft, change);
      if (goesOn(draft, change)) break;
    }
  }
  draft.now = now;
};

/** What rolls over may end itself before the next change is due: a hold that ends later must not settle out of it. */
const goesOn = (draft: Draft, { kind, id }: Due): boolean =>
  kind === "endGrant" && (draft.grants.get(id)?.terms.rollover ?? null) !== null;

const dueBy = (draft: Draft, now: EpochMs): Due[] => {
  const due: Due[] = [];
  for (const grant of draft.grants.values()) {
    const change = dueOfGrant(grant);
    if (change !== undefined && change.at <= now) due.push(change);
  }
  for (const row of draft.authorizations.values()) {
    if (row.state !== "HELD" || row.validUntil === null) continue;
    const at = row.validUntil;
    if (at <= now) due.push({ kind: "endHold", at, id: row.id });
  }
  return due.sort(inTimeOrder);
};

const dueOfGrant = ({ id, state, terms }: Grant): Due | undefined => {
  switch (state) {
    case "scheduled":
      return { kind: "activate", at: terms.effectiveAt, id };
    case "active":
      return terms.expiresAt === null ? undefined : { kind: "endGrant", at: terms.expiresAt, id };
    case "ended":
      return undefined;
  }
};

const carryOut = (draft: Draft, change: Due): void => {
  switch (change.kind) {
    case "activate": {
      const grant = draft.grants.get(change.id);
      if (grant?.state === "scheduled") activateGrant(draft, grant);
      return;
    }
    case "endGrant": {
      const grant = draft.grants.get(change.id);
      if (grant?.state === "active") expireGrant(draft, grant);
      return;
    }
    case "endHold": {
      const row = draft.authorizations.get(change.id);
      if (row?.state === "HELD") endHold(draft, row);
      return;
    }
  }
};

const endHold = (draft: Draft, row: Authorization): void => {
  if (row.terms.onExpiry === "release") {
    closeUnused(draft, row, transitions[row.state].expireReleasing ?? row.state);
    return;
  }
  const { held: amount, heldQuantity: quantity } = row;
  const { occurredAt, spender } = row.terms;
  const { meter } = spender;
  const further = row.further.map((use) => use.held);
  const event = { id: partName(row.id, "expiry"), meter, amount, quantity, further, occurredAt };
  const events = isOfNothing(event) ? [] : [event];
  settlePart(draft, row, { amount, quantity, further, isFinal: true, events });
};
