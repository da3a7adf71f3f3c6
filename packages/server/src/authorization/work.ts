import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Command, Request } from "@turnpike/engine/ledger/request.ts";
import type { MeasuredUsage } from "./usage/measurements.ts";

/** What one caller asks of the ledger: decided in order, in one transaction. */
export interface Work {
  readonly orgId: string;
  /** The account codes whose rows may change. */
  readonly accounts: readonly string[];
  readonly requests: readonly Request[];
  /** Of the commands, in their order; there may be none of commands that meter nothing. */
  readonly usage: readonly CommandUsage[];
}

/** What was measured with a command, by the id of the event that it becomes. */
export type CommandUsage = ReadonlyMap<string, MeasuredUsage>;

/** The outcomes of each work, in order. */
export type Outcomes = readonly (readonly Outcome[])[];

/** One outcome for each command, in order; a linked request has several. */
export type Decide = (work: Work) => Promise<readonly Outcome[]>;

export const commandsOf = (requests: readonly Request[]): Command[] =>
  requests.flatMap((request) => (request.kind === "linked" ? request.commands : [request]));

export const outcomeCount = ({ requests }: Work): number => {
  let count = 0;
  for (const request of requests) count += request.kind === "linked" ? request.commands.length : 1;
  return count;
};
