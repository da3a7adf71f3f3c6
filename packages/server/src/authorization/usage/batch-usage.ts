import { createHash } from "node:crypto";
import { isLonger, uidLengthMax } from "@turnpike/contract/usage/measurement-rules.ts";
import type { Changes, UsageEvent } from "@turnpike/engine/ledger/rows.ts";
import { measurementUid } from "./measurement-ids.ts";
import { measuredAsKept, type MeasuredUsage, measurementOf, type Meter } from "./measurements.ts";
import type { Prices } from "../prices/prices.ts";
import { rulesOf } from "../own-version.ts";
import type { CommandUsage, Outcomes, Work } from "../work.ts";

interface DecidedWorks {
  readonly works: readonly Work[];
  readonly outcomes: Outcomes;
  readonly changes: Changes;
}

/** Events as the usage store takes them, and what is kept of their names. */
export interface Metered {
  readonly measurements: readonly unknown[];
  /** By which refunds take usage back, with the authorization that they are of. */
  readonly refundUids: readonly { readonly of: string; readonly uid: string }[];
  /** Of parts whose own name is too long. */
  readonly partUids: readonly { readonly part: string; readonly uid: string }[];
}

/** What goes to the usage store, and refunds that it hears of otherwise. */
export const metered = async (
  prices: Prices,
  orgId: string,
  { changes, works, outcomes }: DecidedWorks,
): Promise<Metered & { readonly refunds: readonly UsageEvent[] }> => {
  const given = usageOf(works, outcomes);
  const codes = new Set(changes.events.flatMap(({ meter }) => meter ?? []));
  const meters = new Map<string, Meter | undefined>();
  for (const code of codes) meters.set(code, await prices.meter(orgId, code));
  const measurements: unknown[] = [];
  const refundUids: Metered["refundUids"][number][] = [];
  const partUids: Metered["partUids"][number][] = [];
  const refunds: UsageEvent[] = [];
  for (const event of changes.events) {
    if (event.undoes === "whole") {
      refunds.push(event);
      continue;
    }
    const meter = meters.get(event.meter ?? "");
    const usage = given.get(event.id) ?? (await unmeasured(prices, orgId, { event, meter }));
    const made = measurementOf(event, usage, { meter, uidOf });
    measurements.push(...made);
    // A charge is metered by its own name.
    if (made.length === 0 || event.id === event.authorization) continue;
    const uid = uidOf(event.id);
    if (event.undoes !== null) refundUids.push({ of: event.authorization, uid });
    else if (uid !== event.id) partUids.push({ part: event.id, uid });
  }
  return { measurements, refundUids, partUids, refunds };
};

/** Several commands may name one event, each with fields of its own: those count whose command was carried out. */
const usageOf = (works: readonly Work[], outcomes: Outcomes): CommandUsage => {
  const usage = new Map<string, MeasuredUsage>();
  for (const [nth, work] of works.entries())
    for (const [at, measured] of work.usage.entries()) {
      const outcome = outcomes[nth]?.[at];
      if (outcome === undefined || outcome.kind === "conflict" || outcome.isReplayed) continue;
      for (const [id, fields] of measured) usage.set(id, fields);
    }
  return usage;
};

/** Usage that nobody sent fields for: a refund, or a hold that settled when it expired. */
const unmeasured = async (
  prices: Prices,
  orgId: string,
  { event, meter }: { readonly event: UsageEvent; readonly meter: Meter | undefined },
): Promise<MeasuredUsage> => measuredAsKept(event, await rulesOf({ prices }, orgId, event), meter);

/** The usage store takes no longer uid; a part of a long one is named by its hash. */
export const uidOf = (id: string): string => shortUid(measurementUid(id));

export const shortUid = (uid: string): string =>
  isLonger(uid, uidLengthMax) ? hashedUid(uid) : uid;

export const hashedUid = (id: string): string =>
  createHash("sha256").update(id).digest("base64url").slice(0, 43);
