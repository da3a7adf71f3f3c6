import { z } from "zod";
import { billingFields } from "./billing/billing-fields.ts";
import {
  budgetAlertEvent,
  type ChangeEvent,
  changeEvents,
  exportFailureEvent,
  ingestFailureEvent,
  integrationEvents,
  documentedEvents,
  usageRefusalEvent,
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
const properties = z.record(z.string(), z.looseObject({}));

const choicesOf = ({ anyOf, oneOf }: Shape): Shape[] =>
  [anyOf, oneOf].flatMap((choice) => parts.safeParse(choice).data ?? []);

/** Every property of a schema, or of the schemas that it chooses from. */
const propertiesOf = (shape: Shape): Readonly<Record<string, Shape>> => {
  const own = properties.safeParse(shape.properties).data ?? {};
  return Object.assign({}, ...choicesOf(shape).map(propertiesOf), own);
};

/** Of a choice, what is chosen first. */
const typeOf = (shape: Shape): string => {
  if (typeof shape.type === "string") return typeNames[shape.type] ?? "string";
  const [first] = choicesOf(shape);
  return first === undefined ? "string" : typeOf(first);
};

const schemaOf = (resource: Resource): Shape =>
  z.toJSONSchema(resource.fields, { io: "input", unrepresentable: "any" });

/** Fields of the server, where the declaration does not hold them or they are no texts. */
const serverFields: Readonly<Record<string, Fields>> = {
  balance: { amount: "double" },
  budget: { used: "string", held: "string" },
  commitment: { amountSpent: "double" },
  compoundAggregation: { segments: "array" },
  integrationConfig: { status: "string", enabled: "boolean", authorized: "boolean" },
  lookupTable: { activeRevision: "map" },
  lookupTableRevision: { itemCount: "int" },
  orgUser: { organizations: "array", supportUser: "boolean" },
  orgUserInvitation: { accepted: "boolean" },
  pricing: { aggregationType: "string", segmentString: "string" },
};

const standardFields: Fields = {
  id: "string",
  version: "int",
  dtCreated: "string",
  dtLastModified: "string",
  createdBy: "string",
  lastModifiedBy: "string",
};

const fieldsOfResource = (resource: Resource): Fields => {
  const secret = new Set(resource.secrets);
  const written = Object.entries(propertiesOf(schemaOf(resource)))
    .filter(([name]) => !secret.has(name))
    .map(([name, shape]) => [name, typeOf(shape)]);
  const owned = [...(resource.owned ?? []), ...Object.keys(resource.derived ?? {})];
  return {
    ...standardFields,
    ...Object.fromEntries(owned.map((name) => [name, "string"])),
    ...Object.fromEntries(written),
    ...serverFields[resource.kind],
  };
};

const datesOfResource = (resource: Resource): string[] => {
  const dated = Object.entries(propertiesOf(schemaOf(resource)))
    .filter(([, { format }]) => format === "date" || format === "date-time")
    .map(([name]) => name);
  return [...dated, "dtCreated", "dtLastModified"];
};

/** Something that events are about. */
interface Entity {
  readonly fields: Fields;
  readonly dates: readonly string[];
}

const billingEntity = (types: Readonly<Record<string, string>>): Entity => {
  const typed = Object.entries(types);
  const fields = typed.map(([name, type]) => [name, type === "date" ? "string" : type]);
  const dates = typed.filter(([, type]) => type === "date").map(([name]) => name);
  return { fields: Object.fromEntries(fields), dates };
};

/** By its kind, written in any case. */
const entityNamed = (name: string): Entity | undefined => {
  const isNamed = (kind: string): boolean => kind.toLowerCase() === name.toLowerCase();
  const [, types] = Object.entries(billingFields).find(([kind]) => isNamed(kind)) ?? [];
  if (types !== undefined) return billingEntity(types);
  const resource = resources.find(({ kind }) => isNamed(kind));
  if (resource === undefined) return undefined;
  return { fields: fieldsOfResource(resource), dates: datesOfResource(resource) };
};

/** The fields of an entity that hold a date or an instant; undefined when there is no such entity. */
export const dateFieldsOf = (entity: string): readonly string[] | undefined =>
  entityNamed(entity)?.dates;

const fieldsOf = (entity: string): Fields => entityNamed(entity)?.fields ?? {};

const prefixed = (prefix: "new" | "old", fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).map(([name, type]) => [`${prefix}.${name}`, type]));

const fieldsOfChange = ({ kind, action }: ChangeEvent): Fields => {
  const fields = fieldsOf(kind);
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

const budgetAlertFields: Fields = {
  "new.budgetId": "string",
  "new.percent": "int",
  "new.windowStart": "string",
};

const usageRefusalFields: Fields = { "new.reason": "string", "new.measurement": "map" };

const integrationFields: Fields = Object.fromEntries(
  [
    "id",
    "entityType",
    "entityId",
    "destination",
    "destinationId",
    "status",
    "error",
    "dtCreated",
    "dtLastModified",
  ].map((name) => [`new.${name}`, "string"]),
);

/** The events that are no change of a record. */
const otherEvents: ReadonlyMap<string, Fields> = new Map([
  [ingestFailureEvent, ingestFailureFields],
  [exportFailureEvent, exportFailureFields],
  [budgetAlertEvent, budgetAlertFields],
  [usageRefusalEvent, usageRefusalFields],
  ...Object.values(integrationEvents).map((name) => [name, integrationFields] as const),
]);

/** The names that notifications may wait for: what this server raises, and what else m3ter documents. */
export const eventNames: readonly string[] = [
  ...changeEvents.keys(),
  ...otherEvents.keys(),
  ...documentedEvents,
].sort();

const known = new Set(eventNames);

export const isEventName = (name: string): boolean => known.has(name);

/** `scheduled.<entity>.<name of the event>`: counted from a date of the entity as it is now. */
const fieldsOfScheduled = (name: string): Fields => {
  const [first, entity = ""] = name.split(".");
  return first === "scheduled" ? prefixed("new", fieldsOf(entity)) : {};
};

/** What calculations on an event may name, with its type; nothing where no event has fields. */
export const eventFields = (name: string): Fields => {
  const change = changeEvents.get(name);
  if (change !== undefined) return fieldsOfChange(change);
  return otherEvents.get(name) ?? fieldsOfScheduled(name);
};
