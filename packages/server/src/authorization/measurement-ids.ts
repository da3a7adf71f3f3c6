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

/** A mark that the uid has and must not have. */
export const markIn = (uid: string): string | undefined => marks.find((mark) => uid.includes(mark));

/** The uid of the measurement that an authorization stands for: it keeps its own. */
export const measurementUid = (id: string): string => {
  const mark = markIn(id);
  return mark === undefined ? id : id.slice(0, id.indexOf(mark));
};
