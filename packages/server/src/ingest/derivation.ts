import { topologicalOrder } from "@turnpike/engine/calculation/derived-field-order.ts";
import type { Environment, Lookup } from "@turnpike/engine/calculation/environment.ts";
import { identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import type { CompiledCalculation } from "@turnpike/engine/calculation/evaluator.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import { compileNumber, compileText } from "@turnpike/engine/calculation/results.ts";
import type { SystemVariable } from "@turnpike/engine/calculation/syntax.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type {
  CustomFieldValues,
  DerivedMeterField,
  MeterSchema,
} from "../ports/usage-directory.ts";
import { numberCategories } from "../ports/usage-store.ts";
import type { Measurement } from "./measurement.ts";

/** What calculations may name besides what was sent (m3ter semantics 2.10, 8). */
export interface Surroundings {
  readonly receivedAtMs: number;
  readonly customFields: CustomFieldValues;
  readonly lookup: Lookup;
}

/** Why a derived field has no value, or its value: null, or of the type that its category asks for. */
export type Derived = { readonly value: Decimal | string | null } | { readonly problem: string };

interface Step {
  readonly code: string;
  readonly run: CompiledCalculation<Decimal | string | null>;
}

const numeric: ReadonlySet<string> = new Set(numberCategories);

/** The calculations that can be run, each after those that it names, and what is wrong with the others. */
const plan = (fields: readonly DerivedMeterField[]) => {
  const problems = new Map<string, string>();
  let open = fields.flatMap(({ code, category, calculation }) => {
    const parsing = parse(calculation);
    if (parsing.ok) return [{ code, category, calculation: parsing.calculation }];
    problems.set(code, parsing.error.message);
    return [];
  });
  let order = topologicalOrder(open);
  while (!order.ok) {
    const { circle, error } = order;
    for (const code of circle) problems.set(code, error.message);
    open = open.filter(({ code }) => !circle.includes(code));
    order = topologicalOrder(open);
  }
  const steps = order.fields.map(({ code, category, calculation }): Step => {
    const compile = numeric.has(category) ? compileNumber : compileText;
    return { code, run: compile(calculation) };
  });
  const named = order.fields.map(({ calculation }) => identifiers(calculation));
  const namesSurroundings = named.some(
    ({ names, lookups }) =>
      lookups.length > 0 || names.some(({ reference }) => reference.kind === "customField"),
  );
  return { steps, problems, namesSurroundings };
};

/**
 * The derived fields of a meter (m3ter semantics 4, 5.2). A calculation may name data fields, other derived fields,
 * `account`, `ts`, `ets`, `receivedAt` in epoch milliseconds, custom fields and lookup tables. A derived field without
 * a value reads as null.
 */
export class Derivation {
  readonly #codes: readonly string[];
  readonly #steps: readonly Step[];
  readonly #problems: ReadonlyMap<string, string>;
  /** Whether a calculation names a custom field or a lookup table. */
  readonly namesSurroundings: boolean;

  constructor({ derivedFields }: Pick<MeterSchema, "derivedFields">) {
    this.#codes = derivedFields.map(({ code }) => code);
    const { steps, problems, namesSurroundings } = plan(derivedFields);
    this.#steps = steps;
    this.#problems = problems;
    this.namesSurroundings = namesSurroundings;
  }

  /** The derived fields of one measurement, in the order of the meter. */
  derive(
    measurement: Measurement,
    { receivedAtMs, customFields, lookup }: Surroundings,
  ): readonly (readonly [string, Derived])[] {
    const fields = new Map<string, Input>(
      Object.values(measurement.fields).flatMap((values) => Object.entries(values ?? {})),
    );
    // What a client sends under the code of a derived field is not that field.
    for (const code of this.#codes) fields.set(code, null);
    const system: Record<SystemVariable, Input> = {
      ts: measurement.tsMicros / 1000,
      ets: measurement.etsMicros === undefined ? null : measurement.etsMicros / 1000,
      receivedAt: receivedAtMs,
      account: measurement.account,
    };
    const environment: Environment = {
      lookup,
      read: (reference) => {
        if (reference.kind === "system") return system[reference.variable];
        if (reference.kind === "customField") return customFields[reference.name];
        return reference.kind === "field" ? fields.get(reference.code) : undefined;
      },
    };
    const done = new Map<string, Derived>();
    for (const { code, run } of this.#steps) {
      const result = run(environment);
      if (result.ok) fields.set(code, result.value);
      done.set(code, result.ok ? result : { problem: result.error.message });
    }
    return this.#codes.map((code) => [
      code,
      done.get(code) ?? { problem: this.#problems.get(code) ?? "is not calculated" },
    ]);
  }
}
