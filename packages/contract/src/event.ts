import type { Resource } from "./resource.ts";
import { resources } from "./resources.ts";

export const changeActions = ["created", "updated", "deleted"] as const;
export type ChangeAction = (typeof changeActions)[number];

/** Raised when measurements of a request or a file could not be stored (m3ter semantics 3.4). */
export const ingestFailureEvent = "ingest.validation.failure";

/** Raised when an export could not be made (m3ter semantics 22). */
export const exportFailureEvent = "dataexport.job.failure";

/** How long events can be read (m3ter semantics 22). */
export const eventDays = 28;

/** Where m3ter's name of the thing is not the kind in lower case (m3ter semantics, Appendix C). */
const otherNames: Readonly<Record<string, string>> = {
  balanceTransaction: "balanceamount",
  balanceChargeSchedule: "scheduledbalancecharge",
  balanceTransactionSchedule: "scheduledbalancetransaction",
};

export const eventName = ({ kind, events }: Resource, action: ChangeAction): string =>
  `${events}.${otherNames[kind] ?? kind.toLowerCase()}.${action}`;

export interface ChangeEvent {
  readonly resource: Resource;
  readonly action: ChangeAction;
}

/** Every event that a change of a record raises, by its name. */
export const changeEvents: ReadonlyMap<string, ChangeEvent> = new Map(
  resources.flatMap((resource) =>
    changeActions.map((action) => [eventName(resource, action), { resource, action }] as const),
  ),
);

const eventsOfKinds = (group: string, kinds: readonly string[]): string[] =>
  kinds.flatMap((kind) => changeActions.map((action) => `${group}.${kind}.${action}`));

/** Names of m3ter's that are no change of a declared resource (m3ter semantics, Appendix C). */
export const documentedEvents: ReadonlySet<string> = new Set([
  ...eventsOfKinds("billing", ["bill", "billjob", "statementjob"]),
  ...eventsOfKinds("configuration", ["alert", "metergroup", "organization", "pricingband"]),
  ...["authentication", "disabled", "missingaccountmapping", "perform", "validation"].map(
    (kind) => `integration.${kind}.error`,
  ),
]);
