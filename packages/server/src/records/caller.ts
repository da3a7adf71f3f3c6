/** On whose behalf, and where. */
export interface Caller {
  readonly orgId: string;
  /** Whom the audit fields name. */
  readonly principal: string;
}

/** Whom the audit fields name when the clock wrote. */
export const scheduler = "SCHEDULER";

/** Whoever the server itself acts as: no service user has this id. */
export const serverPrincipal = "00000000-0000-0000-0000-000000000000";
