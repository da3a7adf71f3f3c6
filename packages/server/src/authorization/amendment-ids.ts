/**
 * What stands for the amendments of a measurement in the ledger is named after it. No client can choose such a name: uids of
 * authorizations have no `#` at all, and measurements with this mark are not charged.
 */
export const amendmentMark = "#amended#";

export const amendmentId = (uid: string, version: number): string =>
  `${uid}${amendmentMark}${version}`;

/** The uid of the measurement that an authorization stands for: an amended one keeps its own. */
export const measurementUid = (id: string): string => {
  const end = id.indexOf(amendmentMark);
  return end === -1 ? id : id.slice(0, end);
};
