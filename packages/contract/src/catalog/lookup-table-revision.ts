import { z } from "zod";
import { defineResource } from "../resource.ts";
import { customFields, dateTime, identifier, name } from "../schema.ts";

export const revisionStatuses = ["DRAFT", "PUBLISHED", "ARCHIVED"] as const;
export type RevisionStatus = (typeof revisionStatuses)[number];

const field = z.object({ name: identifier.max(256), type: z.enum(["STRING", "NUMBER"]) });
export type LookupField = z.output<typeof field>;

const keysAreFields = (
  revision: { fields: LookupField[]; keys: string[] },
  context: z.RefinementCtx,
): void => {
  const names = revision.fields.map((one) => one.name);
  const refuse = (path: (string | number)[], message: string): void =>
    context.addIssue({ code: "custom", path, message });
  const repeated = names.findIndex((one, index) => names.indexOf(one) !== index);
  if (repeated >= 0) refuse(["fields", repeated, "name"], "is the name of another field");
  for (const [index, key] of revision.keys.entries()) {
    if (!names.includes(key)) refuse(["keys", index], `is not one of the fields: ${key}`);
    if (revision.keys.indexOf(key) !== index) refuse(["keys", index], "is given twice");
  }
  if (names.every((one) => revision.keys.includes(one))) {
    refuse(["keys"], "must leave at least one field that is not a key");
  }
};

/** A schema and its rows; one revision of a table is published at a time (m3ter semantics 8). */
export const lookupTableRevision = defineResource({
  kind: "lookupTableRevision",
  noun: "LookupTableRevision",
  path: "lookuptables/{lookupTableId}/revisions",
  within: "lookupTableId",
  fields: z
    .object({
      lookupTableId: z.string(),
      name,
      startDate: dateTime.optional(),
      fields: z.array(field).min(2).max(10),
      keys: z.array(z.string()).min(1).max(5),
      customFields: customFields.optional(),
    })
    .superRefine(keysAreFields),
  pageSizeMax: 200,
  filters: { ids: { by: "id" } },
  references: { lookupTableId: "lookupTable" },
  owned: ["status"],
  events: "configuration",
});
