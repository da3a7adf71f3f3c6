import { noTables } from "@turnpike/engine/calculation/environment.ts";
import type { Environment } from "@turnpike/engine/calculation/environment.ts";
import { compile } from "@turnpike/engine/calculation/evaluator.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { SystemVariable } from "@turnpike/engine/calculation/syntax.ts";
import type { Input, Value } from "@turnpike/engine/calculation/value.ts";
import type { DerivedMeterField } from "../ports/usage-directory.ts";
import type { Measurement } from "./measurement.ts";

type Run = ReturnType<typeof compile>;

/** Why a derived field has no value, or its value. */
export type Derived = { readonly value: Value } | { readonly problem: string };

const nothing: Derived = { value: null };

/**
 * The derived fields of a meter (m3ter semantics 4, 5.2). A calculation may name data fields, other derived fields,
 * `account`, and `ts`, `ets`, `receivedAt` in epoch milliseconds. Custom fields and lookup tables have no values here.
 */
export class Derivation {
  readonly #runs: ReadonlyMap<string, Run | { readonly problem: string }>;

  constructor(fields: readonly DerivedMeterField[]) {
    this.#runs = new Map(
      fields.map(({ code, calculation }) => {
        const parsing = parse(calculation);
        return [
          code,
          parsing.ok ? compile(parsing.calculation) : { problem: parsing.error.message },
        ] as const;
      }),
    );
  }

  /** The derived fields of one measurement, in the order of the meter. */
  derive(measurement: Measurement, receivedAtMs: number): ReadonlyMap<string, Derived> {
    const fields = new Map<string, Input>(
      Object.values(measurement.fields).flatMap((values) => Object.entries(values ?? {})),
    );
    const system: Record<SystemVariable, Input> = {
      ts: measurement.tsMicros / 1000,
      ets: measurement.etsMicros === undefined ? null : measurement.etsMicros / 1000,
      receivedAt: receivedAtMs,
      account: measurement.account,
    };
    const done = new Map<string, Derived>();
    const valueOf = (code: string): Derived => {
      const known = done.get(code);
      if (known !== undefined) return known;
      // A field that names itself, by whatever way round, reads as nothing.
      done.set(code, nothing);
      const run = this.#runs.get(code);
      const derived = typeof run === "function" ? evaluate(run) : (run ?? nothing);
      done.set(code, derived);
      return derived;
    };
    const environment: Environment = {
      lookup: noTables,
      read: (reference) => {
        if (reference.kind === "system") return system[reference.variable];
        if (reference.kind !== "field") return undefined;
        if (!this.#runs.has(reference.code)) return fields.get(reference.code);
        const derived = valueOf(reference.code);
        return "value" in derived ? derived.value : null;
      },
    };
    const evaluate = (run: Run): Derived => {
      const evaluation = run(environment);
      return evaluation.ok ? { value: evaluation.value } : { problem: evaluation.error.message };
    };
    return new Map([...this.#runs.keys()].map((code) => [code, valueOf(code)]));
  }
}
