import { CalculationError, type Position, textStart } from "./calculation-error.ts";
import { identifiers } from "./identifiers.ts";
import type { Calculation } from "./syntax.ts";

export interface DerivedField {
  readonly code: string;
  readonly calculation: Calculation;
}

/** `circle` lists the codes of the fields that wait for each other, the first one again at its end. */
export type DerivedFieldOrder<Field> =
  | { readonly ok: true; readonly fields: readonly Field[] }
  | {
      readonly ok: false;
      readonly error: CalculationError;
      readonly circle: readonly string[];
    };

/**
 * The order in which derived fields of one meter can be evaluated: every field after those that its
 * calculation names, otherwise as listed (m3ter semantics 5.2). Codes are unique within a meter.
 */
export const topologicalOrder = <Field extends DerivedField>(
  fields: readonly Field[],
): DerivedFieldOrder<Field> => {
  const waiting = new Map(fields.map((field) => [field.code, field]));
  const ordered: Field[] = [];
  while (waiting.size > 0) {
    const next = [...waiting.values()].find(
      (field) => firstNamed(field.calculation, waiting) === undefined,
    );
    if (next === undefined) return circleAmong(waiting);
    waiting.delete(next.code);
    ordered.push(next);
  }
  return { ok: true, fields: ordered };
};

interface FieldUse {
  readonly code: string;
  readonly position: Position;
}

/** The first of these fields that a calculation names. */
const firstNamed = (
  calculation: Calculation,
  fields: ReadonlyMap<string, DerivedField>,
): FieldUse | undefined => {
  for (const { reference, position } of identifiers(calculation).names) {
    if (reference.kind === "field" && fields.has(reference.code)) {
      return { code: reference.code, position };
    }
  }
  return undefined;
};

/** Every field that waits names another that waits, so following the names comes round. */
const circleAmong = (waiting: ReadonlyMap<string, DerivedField>): DerivedFieldOrder<never> => {
  const uses = new Map<string, FieldUse>();
  for (const { code, calculation } of waiting.values()) {
    const use = firstNamed(calculation, waiting);
    if (use !== undefined) uses.set(code, use);
  }
  const way: string[] = [];
  let [code = ""] = waiting.keys();
  while (!way.includes(code)) {
    way.push(code);
    code = uses.get(code)?.code ?? code;
  }
  const circle = [...way.slice(way.indexOf(code)), code];
  const position = uses.get(code)?.position ?? textStart;
  const message = `derived fields name each other in a circle: ${circle.join(" → ")}`;
  return { ok: false, error: new CalculationError("CYCLE", message, position), circle };
};
