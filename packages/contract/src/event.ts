import { billingFields } from "./billing/billing-fields.ts";
import { resources } from "./resources.ts";
import type { RunStatus } from "./sync/integration-operations.ts";

export const changeActions = ["created", "updated", "deleted"] as const;
export type ChangeAction = (typeof changeActions)[number];

/** Raised when measurements of a request or a file could not be stored (m3ter semantics 3.4). */
export const ingestFailureEvent = "ingest.validation.failure";

/** Raised when an export could not be made (m3ter semantics 22). */
export const exportFailureEvent = "dataexport.job.failure";

/**
 * Raised when a budget's use reaches one of its alert percentages, once in each window, and once more where a limit that was
 * raised has put it higher (authorization semantics I32).
 */
export const budgetAlertEvent = "authorization.budget.alert";

/** Raised when the usage store refuses what was charged already: it was paid and is not metered. */
export const usageRefusalEvent = "authorization.usage.refused";

/** How long events can be read (m3ter semantics 22). */
export const eventDays = 28;

/** Where m3ter's name of the thing is not the kind in lower case (m3ter semantics, Appendix C). */
const otherNames: Readonly<Record<string, string>> = {
  balanceTransaction: "balanceamount",
  balanceChargeSchedule: "scheduledbalancecharge",
  balanceTransactionSchedule: "scheduledbalancetransaction",
};

/** What changes: a declared resource, or what billing makes. */
export interface EventSubject {
  readonly kind: string;
  readonly events: "configuration" | "billing";
}

const billingSubjects = Object.keys(billingFields).map((kind): EventSubject => ({
  kind,
  events: "billing",
}));

/** Everything whose changes are events, by its kind. */
export const eventSubjects: ReadonlyMap<string, EventSubject> = new Map(
  [...resources, ...billingSubjects].map((subject) => [subject.kind, subject]),
);

export const eventName = ({ kind, events }: EventSubject, action: ChangeAction): string =>
  `${events}.${otherNames[kind] ?? kind.toLowerCase()}.${action}`;

export interface ChangeEvent {
  readonly kind: string;
  readonly action: ChangeAction;
}

/** Every event that a change raises, by its name. */
export const changeEvents: ReadonlyMap<string, ChangeEvent> = new Map(
  [...eventSubjects.values()].flatMap((subject) =>
    changeActions.map(
      (action) => [eventName(subject, action), { kind: subject.kind, action }] as const,
    ),
  ),
);

/** Raised by a run of an integration that ends so (m3ter semantics 22). */
export const integrationEvents = {
  DISABLED: "integration.disabled.error",
  AUTH_FAILED: "integration.authentication.error",
  ERROR: "integration.perform.error",
} as const satisfies Partial<Record<RunStatus, string>>;

/** The categories that a list may be narrowed to, and their events: every change can notify ([R], m3ter semantics 22). */
export const eventTypes = {
  Notification: [...changeEvents.keys()],
  IntegrationEvent: Object.values(integrationEvents),
  IngestValidationFailure: [ingestFailureEvent],
  DataExportJobFailure: [exportFailureEvent],
} as const satisfies Record<string, readonly string[]>;

const eventsOfKinds = (group: string, kinds: readonly string[]): string[] =>
  kinds.flatMap((kind) => changeActions.map((action) => `${group}.${kind}.${action}`));

/** Names of m3ter's of what there is not here (m3ter semantics, Appendix C). */
export const documentedEvents: ReadonlySet<string> = new Set([
  ...eventsOfKinds("configuration", ["alert", "metergroup", "organization", "pricingband"]),
  ...["missingaccountmapping", "validation"].map((kind) => `integration.${kind}.error`),
]);
