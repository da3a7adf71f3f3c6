import { partMark } from "@turnpike/engine/ledger/part-name.ts";

/**
 * What stands for a measurement in the ledger where its own uid does not, named after it. No client can choose such a name:
 * uids of authorizations have no `#` at all, and measurements with one of these marks are not charged.
 */
const amendmentMark = "#amended#";
const besideMark = "#beside#";
const marks = [amendmentMark, besideMark];

export const amendmentId = (uid: string, version: number): string =>
  `${uid}${amendmentMark}${version}`;

/** Of a measurement whose uid is an authorization's that was metered by nothing. */
export const besideId = (uid: string): string => `${uid}${besideMark}`;

/** By which a correction takes back what was charged: a refund that no client can have named, as uids of refunds have no `#`. */
export const undoOf = (id: string): string => `${id}#undo`;

/** A mark that the uid has and must not have. */
export const markIn = (uid: string): string | undefined => marks.find((mark) => uid.includes(mark));

/** The mark of a part, which may be corrected and refunded by its name, but is no other measurement's. */
export const partMarkIn = (uid: string): string | undefined =>
  uid.includes(partMark) ? partMark : undefined;

/** At the end only: a refund of such an authorization has an id that goes on. */
const ending = /#(?:amended#\d+|beside#)$/;

/** The uid of the measurement that an authorization stands for: it keeps its own. */
export const measurementUid = (id: string): string => id.replace(ending, "");
