import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import { Decimal } from "@turnpike/engine/exact/decimal.ts";
import type { MeterField, MeterSchema } from "../ports/usage-directory.ts";
import type { MeterLayout } from "../ports/usage-log.ts";
import { type Derived, type DerivedFrom, Derivation, type Surroundings } from "./derivation.ts";
import type { CategoryProperty, Measurement } from "./measurement.ts";
import type { FieldColumn, RowBuffer } from "./row-buffer.ts";
import type { Verdict } from "./verdicts.ts";

interface DataField extends MeterField {
  readonly property: CategoryProperty;
}

/** Puts the fields of measurements of one meter into its columns. */
export class MeterWriter {
  readonly schema: MeterSchema;
  readonly layout: MeterLayout;
  readonly #backfillLayouts = new Map<string, MeterLayout>();
  readonly #dataFields: readonly DataField[];
  readonly #derivation: Derivation;
  /** Where a measurement has each data field, such as `measure.tokens`, in the order of the layout. */
  readonly dataFieldPaths: readonly string[];

  constructor(orgId: string, schema: MeterSchema) {
    this.schema = schema;
    this.layout = {
      orgId,
      meterId: schema.id,
      fields: [...schema.dataFields, ...schema.derivedFields].map(({ code, category }) => ({
        code,
        category,
      })),
    };
    this.#dataFields = schema.dataFields.map((field) => ({
      ...field,
      property: categoryProperties[field.category],
    }));
    this.#derivation = new Derivation(schema);
    this.dataFieldPaths = this.#dataFields.map(({ property, code }) => `${property}.${code}`);
  }

  /** The same rows as those of a backfill; the same object each time. */
  layoutIn(backfillId: string | undefined): MeterLayout {
    if (backfillId === undefined) return this.layout;
    const known = this.#backfillLayouts.get(backfillId);
    const layout = known ?? { ...this.layout, backfillId };
    this.#backfillLayouts.set(backfillId, layout);
    return layout;
  }

  /**
   * Writes the fields of a checked measurement into the row that the buffer begins next. A derived field that cannot be
   * calculated is left without a value; the verdict says so, and the measurement is stored all the same (3.4).
   */
  write(measurement: Measurement, into: RowBuffer, around: Surroundings): Verdict | undefined {
    const row = into.count;
    for (const [index, { code, property }] of this.#dataFields.entries()) {
      const value = measurement.fields[property]?.[code];
      put(into.fields[index], row, value);
    }
    const hasExtras = measurement.fieldCount > this.#dataFields.length;
    if (hasExtras) into.extras.set(row, JSON.stringify(this.#extras(measurement)));
    else into.extras.clear(row);
    return this.isDerived ? this.#writeDerived(measurement, into, around) : undefined;
  }

  #writeDerived(
    measurement: Measurement,
    rows: RowBuffer,
    around: Surroundings,
  ): Verdict | undefined {
    const problems: string[] = [];
    let index = this.#dataFields.length;
    for (const [code, derived] of this.derive(measurement, around)) {
      const column = rows.fields[index++];
      column?.clear(rows.count);
      if ("problem" in derived) problems.push(`${code}: ${derived.problem}`);
      else putDerived(column, rows.count, derived.value);
    }
    return problems.length === 0
      ? undefined
      : { kind: "CalculationError", message: problems.join("; ") };
  }

  derive(measurement: DerivedFrom, around: Surroundings): readonly (readonly [string, Derived])[] {
    return this.#derivation.derive(measurement, around);
  }

  /** Whether a calculation names a custom field or a lookup table. */
  get namesSurroundings(): boolean {
    return this.#derivation.namesSurroundings;
  }

  /** The derived fields that depend on when a measurement is received. */
  get byReceipt(): ReadonlySet<string> {
    return this.#derivation.byReceipt;
  }

  /** Whether rows have fields that have to be calculated. */
  get isDerived(): boolean {
    return this.schema.derivedFields.length > 0;
  }

  /** Kept with the row, though no aggregation reads it (3.4, [R]). */
  #extras(measurement: Measurement): Measurement["fields"] {
    const isDefined = (property: string, code: string): boolean =>
      this.#dataFields.some((field) => field.property === property && field.code === code);
    const left = Object.entries(measurement.fields).map(([property, fields]) => [
      property,
      Object.fromEntries(
        Object.entries(fields ?? {}).filter(([code]) => !isDefined(property, code)),
      ),
    ]);
    return Object.fromEntries(left.filter(([, fields]) => Object.keys(fields ?? {}).length > 0));
  }
}

const put = (column: FieldColumn | undefined, row: number, value: string | number | undefined) => {
  if (column?.kind === "decimal" && typeof value === "number") column.set(row, value);
  else if (column?.kind === "text" && typeof value === "string") column.set(row, value);
  else throw new Error("a checked measurement has a value of the right type for every data field");
};

/** Null is no value, which is right for any category. */
const putDerived = (
  column: FieldColumn | undefined,
  row: number,
  value: Decimal | string | null,
): void => {
  if (value === null) return;
  if (column?.kind === "decimal" && value instanceof Decimal) column.setDecimal(row, value);
  else if (column?.kind === "text" && typeof value === "string") column.set(row, value);
  else throw new Error("a derived field has a value of the type that its category asks for");
};
