/** On whose behalf, and where. */
export interface Caller {
  readonly orgId: string;
  /** Whom the audit fields name. */
  readonly principal: string;
}
