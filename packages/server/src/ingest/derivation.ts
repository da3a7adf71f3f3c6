import { topologicalOrder } from "@turnpike/engine/calculation/derived-field-order.ts";
import type { Environment, Lookup } from "@turnpike/engine/calculation/environment.ts";
import { identifiers } from "@turnpike/engine/calculation/identifiers.ts";
import type { CompiledCalculation } from "@turnpike/engine/calculation/evaluator.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import { compileNumber, compileText } from "@turnpike/engine/calculation/results.ts";
import { meaningsOf } from "@turnpike/engine/calculation/rules.ts";
import type { Reference, SystemVariable } from "@turnpike/engine/calculation/syntax.ts";
import type { Input } from "@turnpike/engine/calculation/value.ts";
import type { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type { CustomFieldValues, MeterSchema } from "../ports/usage-directory.ts";
import { numberCategories } from "../ports/usage-store.ts";
import type { Fields, Measurement } from "./measurement.ts";

/** What calculations may name besides what was sent (m3ter semantics 2.10, 8). */
export interface Surroundings {
  readonly receivedAtMs: number;
  readonly customFields: CustomFieldValues;
  readonly lookup: Lookup;
}

/** Why a derived field has no value, or its value: null, or of the type that its category asks for. */
export type Derived = { readonly value: Decimal | string | null } | { readonly problem: string };

/** What calculations read of a measurement. */
export interface DerivedFrom extends Pick<Measurement, "account" | "tsMicros" | "etsMicros"> {
  readonly fields: Readonly<Record<string, Fields | undefined>>;
}

interface Step {
  readonly code: string;
  readonly run: CompiledCalculation<Decimal | string | null>;
}

const numeric: ReadonlySet<string> = new Set(numberCategories);

/** The calculations that can be run, each after those that it names, and what is wrong with the others. */
const plan = ({
  dataFields,
  derivedFields: fields,
}: Pick<MeterSchema, "dataFields" | "derivedFields">) => {
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
  const sent = new Set(dataFields.map(({ code }) => code));
  const byReceipt = new Set<string>();
  for (const [nth, { code }] of order.fields.entries())
    if (named[nth]?.names.some(({ reference }) => isByReceipt(reference, { sent, byReceipt })))
      byReceipt.add(code);
  const namesSurroundings = named.some(
    ({ names, lookups }) =>
      lookups.length > 0 || names.some(({ reference }) => reference.kind === "customField"),
  );
  return { steps, problems, namesSurroundings, byReceipt };
};

/** A meter's own data field of the same name comes before the time of receipt: see `meaningsOf`. */
const isByReceipt = (
  reference: Reference,
  { sent, byReceipt }: Record<"sent" | "byReceipt", ReadonlySet<string>>,
): boolean => {
  if (reference.kind === "field" && sent.has(reference.code)) return false;
  return meaningsOf(reference).some((meaning) =>
    meaning.kind === "system"
      ? meaning.variable === "receivedAt"
      : meaning.kind === "field" && byReceipt.has(meaning.code),
  );
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
  /** The fields that depend on when a measurement is received, by themselves or by what they name. */
  readonly byReceipt: ReadonlySet<string>;

  constructor(schema: Pick<MeterSchema, "dataFields" | "derivedFields">) {
    this.#codes = schema.derivedFields.map(({ code }) => code);
    const { steps, problems, namesSurroundings, byReceipt } = plan(schema);
    this.#steps = steps;
    this.#problems = problems;
    this.namesSurroundings = namesSurroundings;
    this.byReceipt = byReceipt;
  }

  /** The derived fields of one measurement, in the order of the meter. */
  derive(
    measurement: DerivedFrom,
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
