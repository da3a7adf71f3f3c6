import { CalculationError, type Site } from "./calculation-error.ts";
import type { Environment, LookupKeyValue, LookupRow } from "./environment.ts";
import { numberAt, inputAt, type Operand, type Run, textAt } from "./operand.ts";
import { isUsableLookupKey } from "./rules.ts";
import type { LookupFunctionName } from "./syntax.ts";
import type { Outcome } from "./value.ts";

/** The parts of a lookup call (m3ter semantics 8), made ready. */
export interface LookupCall {
  readonly name: LookupFunctionName;
  readonly table: Operand;
  readonly column: { readonly field: Operand; readonly fallback: Operand } | null;
  readonly keys: readonly Run[];
  readonly site: Site;
}

export const runLookup = (call: LookupCall): Run => {
  const { name, column } = call;
  if (column === null) {
    return (environment) => {
      const row = rowOf(call, environment);
      return row instanceof CalculationError ? row : row !== undefined;
    };
  }
  const typed = (outcome: Outcome, site: Site): Outcome => {
    if (outcome === null || outcome instanceof CalculationError) return outcome;
    return name === "Lookup.findNumber" ? numberAt(outcome, site) : textAt(outcome, site);
  };
  const { field, fallback } = column;
  return (environment) => {
    const row = rowOf(call, environment);
    if (row instanceof CalculationError) return row;
    const found = row === undefined ? null : fieldOf(row, field, environment);
    if (found !== null) return typed(found, call.site);
    return typed(fallback.run(environment), fallback.site);
  };
};

/** The row, or undefined when the key is in no row or a part of it is null. */
const rowOf = (
  { table, keys, site }: LookupCall,
  environment: Environment,
): LookupRow | undefined | CalculationError => {
  const code = stringOf(table, environment);
  if (code instanceof CalculationError) return code;
  const values: LookupKeyValue[] = [];
  for (const run of keys) {
    const key = run(environment);
    if (key instanceof CalculationError) return key;
    if (!isUsableLookupKey(key)) return undefined;
    values.push(key);
  }
  const answer = environment.lookup(code, values);
  if (answer === "NO_ROW") return undefined;
  if (answer !== "NO_TABLE") return answer;
  return site.fail("UNKNOWN_TABLE", `there is no published lookup table "${code}"`);
};

const fieldOf = (row: LookupRow, field: Operand, environment: Environment): Outcome => {
  const code = stringOf(field, environment);
  if (code instanceof CalculationError) return code;
  const value = row.get(code);
  if (value !== undefined) return inputAt(value, field.site);
  return field.site.fail("UNKNOWN_NAME", `the lookup table has no field "${code}"`);
};

const stringOf = ({ run, site }: Operand, environment: Environment): string | CalculationError => {
  const outcome = run(environment);
  return outcome instanceof CalculationError ? outcome : textAt(outcome, site);
};
