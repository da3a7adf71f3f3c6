import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Command, Request } from "@turnpike/engine/ledger/request.ts";
import type { MeasuredUsage } from "./measurements.ts";

/** What one caller asks of the ledger: decided in order, in one transaction. */
export interface Work {
  readonly orgId: string;
  /** The account codes whose rows may change. */
  readonly accounts: readonly string[];
  readonly requests: readonly Request[];
  /** What was measured, by the id of the event that it becomes. */
  readonly usage: ReadonlyMap<string, MeasuredUsage>;
}

/** One outcome for each command, in order; a linked request has several. */
export type Decide = (work: Work) => Promise<readonly Outcome[]>;

export const commandsOf = (requests: readonly Request[]): Command[] =>
  requests.flatMap((request) => (request.kind === "linked" ? request.commands : [request]));

export const outcomeCount = ({ requests }: Work): number => {
  let count = 0;
  for (const request of requests) count += request.kind === "linked" ? request.commands.length : 1;
  return count;
};
