/**
 * Facts and bills as text, without loss: a decimal is `{"$decimal":"12.5"}`, an instant
 * `{"$instant":"2024-07-01T00:00:00Z"}`, a local date `{"$date":"2024-07-01"}`. Keys are sorted and
 * undefined ones left out, so that equal values have equal bytes, also after a stay in jsonb.
 */

import { Decimal, decimal } from "../exact/decimal.ts";
import type { BillFacts } from "./facts.ts";

export type Json =
  | null
  | boolean
  | number
  | string
  | readonly Json[]
  | { readonly [key: string]: Json };

/** Any value that the engine takes or gives, as JSON. */
export const toJson = (value: unknown): Json => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return value;
  if (typeof value === "number") return value;
  if (value instanceof Decimal) return { $decimal: value.toString() };
  if (value instanceof Temporal.Instant) return { $instant: value.toString() };
  if (value instanceof Temporal.PlainDate) return { $date: value.toString() };
  if (Array.isArray(value)) return value.map(toJson);
  if (typeof value !== "object") throw new TypeError(`no JSON for ${typeof value}`);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, field]) => field !== undefined)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, field]) => [key, toJson(field)]),
  );
};

const isList = (json: Json): json is readonly Json[] => Array.isArray(json);

/** The way back; the answer has the shape that went in. */
export const fromJson = (json: Json): unknown => {
  if (json === null || typeof json !== "object") return json;
  if (isList(json)) return json.map(fromJson);
  if (typeof json["$decimal"] === "string") return decimal(json["$decimal"]);
  if (typeof json["$instant"] === "string") return Temporal.Instant.from(json["$instant"]);
  if (typeof json["$date"] === "string") return Temporal.PlainDate.from(json["$date"]);
  return Object.fromEntries(Object.entries(json).map(([key, field]) => [key, fromJson(field)]));
};

export const billFactsToText = (facts: BillFacts): string => JSON.stringify(toJson(facts));

/** Only for text that `billFactsToText` wrote. */
export const billFactsFromText = (text: string): BillFacts =>
  // The shape is not checked again: it was written from the same type, by us.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  fromJson(JSON.parse(text)) as BillFacts;
