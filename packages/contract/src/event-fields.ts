import { z } from "zod";
import {
  type ChangeEvent,
  changeEvents,
  exportFailureEvent,
  ingestFailureEvent,
  documentedEvents,
} from "./event.ts";
import type { Resource } from "./resource.ts";
import { resources } from "./resources.ts";

type Fields = Readonly<Record<string, string>>;

/** JSON Schema's types in m3ter's words. */
const typeNames: Readonly<Record<string, string>> = {
  string: "string",
  number: "double",
  integer: "int",
  boolean: "boolean",
  object: "map",
  array: "array",
};

interface Shape {
  readonly type?: unknown;
  readonly format?: unknown;
  readonly properties?: unknown;
  readonly anyOf?: unknown;
  readonly oneOf?: unknown;
}

const parts = z.array(z.looseObject({}));
const properties = z.record(z.string(), z.looseObject({ type: z.string().optional() }));

/** Every property of a schema, or of the schemas that it chooses from. */
const propertiesOf = (shape: Shape): z.output<typeof properties> => {
  const choices = [shape.anyOf, shape.oneOf].flatMap(
    (choice) => parts.safeParse(choice).data ?? [],
  );
  const own = properties.safeParse(shape.properties).data ?? {};
  return Object.assign({}, ...choices.map(propertiesOf), own);
};

const schemaOf = (resource: Resource): Shape =>
  z.toJSONSchema(resource.fields, { io: "input", unrepresentable: "any" });

/** Fields that the server works out when a record is read, which no declaration holds. */
const calculatedFields: Readonly<Record<string, Fields>> = {
  balance: { amount: "double" },
  balanceChargeSchedule: { nextRun: "string", previousRun: "string" },
  balanceTransactionSchedule: { nextRun: "string", previousRun: "string" },
  budget: { used: "string", held: "string" },
  compoundAggregation: { segments: "array" },
  integrationConfig: { status: "string" },
  lookupTable: { activeRevision: "map" },
  lookupTableRevision: { itemCount: "int" },
};

const standardFields: Fields = {
  id: "string",
  version: "int",
  dtCreated: "string",
  dtLastModified: "string",
  createdBy: "string",
  lastModifiedBy: "string",
};

const fieldsOf = (resource: Resource): Fields => {
  const secret = new Set(resource.secrets);
  const written = Object.entries(propertiesOf(schemaOf(resource)))
    .filter(([name]) => !secret.has(name))
    .map(([name, { type }]) => [name, typeNames[type ?? ""] ?? "string"]);
  const owned = [...(resource.owned ?? []), ...Object.keys(resource.derived ?? {})];
  return {
    ...standardFields,
    ...Object.fromEntries(owned.map((name) => [name, "string"])),
    ...Object.fromEntries(written),
    ...calculatedFields[resource.kind],
  };
};

/** What a scheduled event may count from (m3ter semantics 22): the dates of bills, which are no declared resource. */
const billDates = [
  "startDate",
  "endDate",
  "startDateTimeUTC",
  "endDateTimeUTC",
  "billDate",
  "dueDate",
  "createdDate",
  "lastCalculatedDate",
  "externalInvoiceDate",
  "dtApproved",
  "dtLocked",
  "dtCreated",
  "dtLastModified",
];

/** The fields of an entity that hold a date or an instant; undefined when there is no such entity. */
export const dateFieldsOf = (entity: string): readonly string[] | undefined => {
  const kind = entity.toLowerCase();
  if (kind === "bill") return billDates;
  const resource = resources.find((one) => one.kind.toLowerCase() === kind);
  if (resource === undefined) return undefined;
  const dated = Object.entries(propertiesOf(schemaOf(resource)))
    .filter(([, { format }]) => format === "date" || format === "date-time")
    .map(([name]) => name);
  return [...dated, "dtCreated", "dtLastModified"];
};

const prefixed = (prefix: "new" | "old", fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, type]) => [`${prefix}.${name}`, type]));

const fieldsOfChange = ({ resource, action }: ChangeEvent): Fields => {
  const fields = fieldsOf(resource);
  return {
    ...(action === "deleted" ? {} : prefixed("new", fields)),
    ...(action === "created" ? {} : prefixed("old", fields)),
  };
};

const ingestFailureFields: Fields = {
  "new.file": "string",
  "new.getDownloadUrl": "string",
  "new.failedRows": "int",
  "new.types": "map",
};

const exportFailureFields: Fields = { "new.jobId": "string", "new.reason": "string" };

/** The events that are no change of a record. */
const otherEvents: ReadonlyMap<string, Fields> = new Map([
  [ingestFailureEvent, ingestFailureFields],
  [exportFailureEvent, exportFailureFields],
]);

/** Every name that an event of this server can have. */
export const eventNames: readonly string[] = [...changeEvents.keys(), ...otherEvents.keys()].sort();

/** Whether notifications may wait for it: also what m3ter documents and this server does not raise. */
export const isEventName = (name: string): boolean =>
  changeEvents.has(name) || otherEvents.has(name) || documentedEvents.has(name);

/** What calculations on an event may name, with its type; nothing for a name that no event has. */
export const eventFields = (name: string): Fields => {
  const change = changeEvents.get(name);
  return change === undefined ? (otherEvents.get(name) ?? {}) : fieldsOfChange(change);
};
