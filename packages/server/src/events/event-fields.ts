import { z } from "zod";
import {
  type ChangeEvent,
  changeEvents,
  exportFailureEvent,
  ingestFailureEvent,
} from "@turnpike/contract/event.ts";
import type { Resource } from "@turnpike/contract/resource.ts";

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

const property = z.looseObject({ type: z.string().optional() });
const shape = z.looseObject({ properties: z.record(z.string(), property).default({}) });

const fieldsOf = (resource: Resource): Fields => {
  const { properties } = shape.parse(
    z.toJSONSchema(resource.fields, { io: "input", unrepresentable: "any" }),
  );
  const secret = new Set(resource.secrets);
  const written = Object.entries(properties)
    .filter(([name]) => !secret.has(name))
    .map(([name, { type }]) => [name, typeNames[type ?? ""] ?? "string"]);
  return { id: "string", version: "int", ...Object.fromEntries(written) };
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

/** What calculations on an event may name, with its type; nothing for a name that no event has. */
export const eventFields = (name: string): Fields => {
  const change = changeEvents.get(name);
  return change === undefined ? (otherEvents.get(name) ?? {}) : fieldsOfChange(change);
};
