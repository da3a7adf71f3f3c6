import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { compoundFormula } from "@turnpike/engine/bill/compound-quantity.ts";
import type { Database } from "../../ports/database.ts";
import { lookupAll, lookupCodes, lookupEvery } from "../../records/lookup.ts";

/** What compound aggregations count: no one measurement says it, so that a call cannot be priced by it. */

export interface Formula {
  readonly id: string;
  /** Of the aggregations that it names. */
  readonly codes: readonly string[];
}

const formulaOf = (record: Stored<typeof compoundAggregation>): Formula => ({
  id: record.id,
  codes: compoundFormula(record).codes,
});

/** Every formula of the organization. */
export const loadFormulas = async (database: Database, orgId: string): Promise<Formula[]> =>
  (await lookupEvery(database, compoundAggregation, orgId)).map(formulaOf);

/** The ids of the meters that formulas count, by the formula's id. */
export const loadMetersOfFormulas = async (
  database: Database,
  { orgId, ids }: { readonly orgId: string; readonly ids: readonly string[] },
): Promise<ReadonlyMap<string, readonly string[]>> => {
  if (ids.length === 0) return new Map();
  const records = await lookupAll(database, compoundAggregation, { orgId, ids });
  const formulas = [...records.values()].map(formulaOf);
  const codes = [...new Set(formulas.flatMap((formula) => formula.codes))];
  const named = await lookupCodes(database, aggregation, { orgId, codes });
  const meters = new Map(named.map(({ code, meterId }) => [code, meterId]));
  return new Map(
    formulas.map((formula) => [
      formula.id,
      [...new Set(formula.codes.flatMap((code) => meters.get(code) ?? []))],
    ]),
  );
};
