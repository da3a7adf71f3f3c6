import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { type Identifiers, identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Write } from "../rule.ts";

type Scope = Pick<Write, "transaction" | "orgId">;

/** The record whose formula names something that no reference holds; undefined when none does. */
const formulaNaming = async (
  { transaction, orgId }: Scope,
  isNamed: (named: Identifiers) => boolean,
): Promise<string | undefined> => {
  const names = ({ calculation }: { calculation: string }): boolean => {
    const parsing = parse(calculation);
    return parsing.ok && isNamed(identifiers(parsing.calculation));
  };
  for (const { id, name, derivedFields } of await lookupEvery(transaction, meter, orgId)) {
    const field = derivedFields.find(names);
    if (field !== undefined) return `derived field ${field.code} of meter ${id} (${name})`;
  }
  const compounds = await lookupEvery(transaction, compoundAggregation, orgId);
  const user = compounds.find(names);
  return user && `compoundAggregation ${user.id} (${user.name})`;
};

/** A formula is never left without the table that it looks up in (m3ter semantics 8). */
export const keepsTableOfFormulas = async (
  scope: Scope,
  { code, field }: { code: unknown; field: "code" | "id" },
): Promise<void> => {
  if (typeof code !== "string") return;
  const user = await formulaNaming(scope, ({ lookups }) =>
    lookups.some(({ table }) => table === code),
  );
  if (user === undefined) return;
  throw fieldProblem("RECORD_IN_USE", field, `is named by the ${user}: ${code}`);
};
