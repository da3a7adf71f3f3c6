import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import type { FieldCategory } from "../ports/usage-store.ts";
import { numberCategories, stringCategories } from "../ports/usage-store.ts";

export type CategoryProperty = (typeof categoryProperties)[FieldCategory];

export const numberProperties: ReadonlySet<string> = new Set(
  numberCategories.map((category) => categoryProperties[category]),
);
export const properties: readonly CategoryProperty[] = [
  ...stringCategories,
  ...numberCategories,
].map((category) => categoryProperties[category]);

export type Fields = Readonly<Record<string, string | number>>;

/** One measurement that keeps every constraint of the schema (m3ter semantics 3.1); what it means is not yet known. */
export interface Measurement {
  readonly uid: string | undefined;
  readonly meter: string;
  readonly account: string;
  readonly tsMicros: number;
  readonly etsMicros: number | undefined;
  readonly fields: Readonly<Partial<Record<CategoryProperty, Fields>>>;
  /** Fields in all categories together. */
  readonly fieldCount: number;
  /** As it was sent, for the file of failed measurements. */
  readonly source: unknown;
}
