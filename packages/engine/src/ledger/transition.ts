/** Semantics f.4. `SETTLED_LATE` and the other terminal states change only by refunds. */
export type AuthorizationState =
  | "DENIED"
  | "HELD"
  | "SETTLED"
  | "VOIDED"
  | "EXPIRED"
  | "SETTLED_LATE";

export type Transition =
  | "settlePart"
  | "settleFinal"
  | "void"
  | "extend"
  | "expireReleasing"
  | "expireSettling"
  | "refund";

const refusesAll = {
  settlePart: null,
  settleFinal: null,
  void: null,
  extend: null,
  expireReleasing: null,
  expireSettling: null,
  refund: null,
} as const;

/** The next state, or null where the transition is refused. */
export const transitions: Readonly<
  Record<AuthorizationState, Readonly<Record<Transition, AuthorizationState | null>>>
> = {
  DENIED: refusesAll,
  HELD: {
    settlePart: "HELD",
    settleFinal: "SETTLED",
    void: "VOIDED",
    extend: "HELD",
    expireReleasing: "EXPIRED",
    expireSettling: "SETTLED",
    refund: null,
  },
  SETTLED: { ...refusesAll, refund: "SETTLED" },
  VOIDED: { ...refusesAll, refund: "VOIDED" },
  EXPIRED: {
    ...refusesAll,
    settlePart: "SETTLED_LATE",
    settleFinal: "SETTLED_LATE",
    refund: "EXPIRED",
  },
  SETTLED_LATE: { ...refusesAll, refund: "SETTLED_LATE" },
};
