/**
 * The id of what the ledger makes beside something that has an id. No id of a caller has a `~`, so nobody can have taken it;
 * and a path takes it as it is, which it does not take a `#`.
 */
export const givenName = (id: string, what: string): string => `${id}~${what}`;

/** A uid as a part of such a name: uids may have a `~`, and those that the server gives have a `#`. */
export const quotedUid = (uid: string): string => uid.replaceAll("~", "~~").replaceAll("#", "~.");
