/**
 * The id of what the ledger makes beside something that has an id. No id of a caller has a `~`, so nobody can have taken it;
 * and a path takes it as it is, which it does not take a `#`. What is made is named in small letters or by its time.
 */
export const givenName = (id: string, what: string): string => `${id}~${what}`;

/** A uid, or a transaction that is named after some, as a part of such a name: as in a URL, with `~` for `%`. */
export const quotedUid = (uid: string): string =>
  encodeURIComponent(uid).replaceAll("%3A", ":").replaceAll("~", "%7E").replaceAll("%", "~");
