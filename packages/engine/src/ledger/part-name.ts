/**
 * Stands in no name that a caller chooses, so that a part has its own: uids of authorizations have no `#`, and measurements
 * with this mark are not charged.
 */
export const partMark = "#part#";

/** What a part of an authorization is metered by: of a sequence, or what its end settles. */
export const partName = (id: string, nth: number | "expiry"): string => `${id}${partMark}${nth}`;

/** The authorization that a part is of; empty where the name is no part's. */
export const ownerOfPart = (name: string): string =>
  name.slice(0, Math.max(0, name.lastIndexOf(partMark)));
