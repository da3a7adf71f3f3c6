import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookup } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";

/** COUNT also counts texts, UNIQUE only texts; the rest calculate and need numbers (m3ter semantics 6.2). */
const suits = (method: string, isNumeric: boolean): boolean => {
  if (method === "COUNT") return true;
  return method === "UNIQUE" ? !isNumeric : isNumeric;
};

const targetsSuitableFields = async ({ transaction, orgId, document }: Write) => {
  const next = aggregation.fields.parse(document);
  const target = await lookup(transaction, meter, { orgId, id: next.meterId });
  const fields = [...(target?.dataFields ?? []), ...(target?.derivedFields ?? [])];
  const categoryOf = new Map(fields.map(({ code, category }) => [code, category]));
  for (const [index, code] of (next.segmentedFields ?? []).entries()) {
    const category = categoryOf.get(code);
    if (category !== undefined && !isNumericCategory(category) && category !== "METADATA") continue;
    const message = `must be a WHO, WHAT, WHERE or OTHER field of the meter: ${code}`;
    throw fieldProblem("RULE_VIOLATED", `segmentedFields[${index}]`, message);
  }
  if (next.aggregation === "CUSTOM_SQL") return document;
  const category = categoryOf.get(next.targetField);
  if (category === undefined) {
    throw fieldProblem("RULE_VIOLATED", "targetField", `is not a field of the meter`);
  }
  if (!suits(next.aggregation, isNumericCategory(category))) {
    const message = `is a ${category} field, which ${next.aggregation} cannot use`;
    throw fieldProblem("RULE_VIOLATED", "targetField", message);
  }
  return document;
};

export const aggregationRules: Rules = { write: targetsSuitableFields };
