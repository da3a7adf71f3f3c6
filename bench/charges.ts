/**
 * Charges to send, each with a uid of its own. The load generator makes them itself: a hundred thousand of them in the heap
 * of the server's thread would make its garbage collector slow, which is no part of what a server does.
 */
export interface Charges {
  /** The number of the first charge, from which the others count on. */
  readonly first: number;
  readonly requests: number;
  /** So many in each request as a batch; absent: one that is no batch. */
  readonly batchSize?: number;
  readonly accounts: number;
  /** Whether the account's plan says what a call costs; absent: the call does. */
  readonly isPlanned?: boolean;
}

export const chargesIn = ({ requests, batchSize }: Charges): number => requests * (batchSize ?? 1);

/** Of accounts in a scattered order, so that neighbours in a batch are strangers. */
const charge = (nth: number, { accounts, isPlanned = false }: Charges) => ({
  uid: `bench-${nth}`,
  account: `account-${(nth * 7919) % accounts}`,
  mode: "charge",
  measure: { units: 1 },
  ...(isPlanned ? { meter: "planned" } : { meter: "calls", amount: "0.0001", asset: "USD" }),
});

export const chargeBodies = (charges: Charges): string[] => {
  const { first, requests, batchSize } = charges;
  return Array.from({ length: requests }, (_, request) => {
    if (batchSize === undefined) return JSON.stringify(charge(first + request, charges));
    const from = first + request * batchSize;
    const own = Array.from({ length: batchSize }, (__, nth) => charge(from + nth, charges));
    return JSON.stringify({ authorizations: own });
  });
};
