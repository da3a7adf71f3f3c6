import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";

type Scope = Pick<Write, "transaction" | "orgId">;

const namesTable = (calculation: string, code: string): boolean => {
  const parsing = parse(calculation);
  return parsing.ok && identifiers(parsing.calculation).lookups.some(({ table }) => table === code);
};

/** The record whose formula names a table by its code, which no reference holds; undefined when none does. */
const userOfTable = async (
  { transaction, orgId }: Scope,
  code: string,
): Promise<string | undefined> => {
  for (const { id, name, derivedFields } of await lookupEvery(transaction, meter, orgId)) {
    const field = derivedFields.find(({ calculation }) => namesTable(calculation, code));
    if (field !== undefined) return `derived field ${field.code} of meter ${id} (${name})`;
  }
  const compounds = await lookupEvery(transaction, compoundAggregation, orgId);
  const user = compounds.find(({ calculation }) => namesTable(calculation, code));
  return user && `compoundAggregation ${user.id} (${user.name})`;
};

/** A formula is never left without the table that it looks up in (m3ter semantics 8). */
export const keepsTableOfFormulas = async (
  scope: Scope,
  { code, field }: { code: unknown; field: "code" | "id" },
): Promise<void> => {
  const user = typeof code === "string" ? await userOfTable(scope, code) : undefined;
  if (user === undefined) return;
  throw fieldProblem("RECORD_IN_USE", field, `is named by the ${user}: ${String(code)}`);
};
