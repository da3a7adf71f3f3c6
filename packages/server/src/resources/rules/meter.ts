import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookupReferring } from "../../records/lookup.ts";
import type { Document } from "../../ports/database.ts";
import { readCalculation } from "../calculations.ts";
import type { Rules, Write } from "../rule.ts";

/** A field that an aggregation targets stays on its meter (m3ter semantics 4). */
const keepTargetedFields = async ({ transaction, orgId, id, document, before }: Write) => {
  if (before === undefined) return document;
  const { dataFields, derivedFields } = meter.fields.parse(document);
  const codes = new Set([...dataFields, ...derivedFields].map(({ code }) => code));
  const on = { orgId, field: "meterId", ids: [id] };
  for (const user of await lookupReferring(transaction, aggregation, on)) {
    const used = [user.targetField, ...(user.segmentedFields ?? [])];
    const lost = used.find((code) => !codes.has(code) && user.aggregation !== "CUSTOM_SQL");
    if (lost === undefined) continue;
    const message = `must keep ${lost}, which aggregation ${user.id} (${user.name}) uses`;
    throw fieldProblem("RULE_VIOLATED", "dataFields", message);
  }
  return document;
};

/** A derived field is calculated from the meter's other fields (m3ter semantics 4, 5). */
const derivesReadably = (document: Document): void => {
  for (const [index, { calculation }] of meter.fields.parse(document).derivedFields.entries()) {
    readCalculation(`derivedFields[${index}].calculation`, calculation);
  }
};

export const meterRules: Rules = {
  write: async (write) => {
    derivesReadably(write.document);
    return keepTargetedFields(write);
  },
};
