import {
  isNumericCategory,
  type meter as meterResource,
} from "@turnpike/contract/catalog/meter.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import { categoryProperties } from "@turnpike/contract/usage/measurement-rules.ts";
import { Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";
import { formatAtoms, parseAtoms, quantityScale, toAtoms } from "@turnpike/engine/ledger/asset.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { UsageEvent } from "@turnpike/engine/ledger/rows.ts";
import type { DerivedValues } from "../../ports/derived-fields.ts";
import type { QuantityRule } from "../prices/kept-prices.ts";

export type Meter = Pick<Stored<typeof meterResource>, "dataFields" | "derivedFields">;

/** What was sent with the usage, and how much of it each price counts. */
export interface MeasuredUsage {
  readonly fields: MeasurementFields;
  /** In the order of the prices; none where nothing says what counts. */
  readonly counted: readonly CountedQuantity[];
}

export interface CountedQuantity {
  readonly rule: QuantityRule;
  readonly quantity: bigint;
}

const numberMaps = ["measure", "cost", "income"] as const;
type NumberMap = (typeof numberMaps)[number];
const textMaps = ["who", "what", "where", "other", "metadata"] as const;

export const hasNumbers = (fields: MeasurementFields): boolean =>
  numberMaps.some((map) => Object.keys(fields[map] ?? {}).length > 0);

/** The value of a field that was sent: what every object inherits, such as `constructor`, was not. */
const own = <Value>(
  fields: Readonly<Record<string, Value>> | undefined,
  code: string,
): Value | undefined =>
  fields !== undefined && Object.hasOwn(fields, code) ? fields[code] : undefined;

/** The fields of a measurement, whatever else a request says. */
export const fieldsOf = (request: MeasurementFields): MeasurementFields => ({
  ets: request.ets,
  who: request.who,
  what: request.what,
  where: request.where,
  other: request.other,
  metadata: request.metadata,
  measure: request.measure,
  cost: request.cost,
  income: request.income,
});

/** Whether the field is calculated when the usage is metered: what is sent under its code is not that field. */
export const isDerived = ({ field }: QuantityRule, meter: Meter | undefined): boolean =>
  meter?.derivedFields.some(({ code }) => code === field) === true;

/** Whether no measurement can be made of a part of what a rule counts, as one counts once, and derives the same. */
export const isIndivisible = (rule: QuantityRule, meter: Meter | undefined): boolean =>
  rule.method === "COUNT" || isDerived(rule, meter);

const one = 10n ** BigInt(quantityScale);

const derivedQuantity = (
  value: Decimal | string | undefined,
  method: QuantityRule["method"],
): bigint => {
  if (method === "COUNT") return value === undefined ? 0n : one;
  return value instanceof Decimal ? toAtoms(rounded(value), quantityScale) : 0n;
};

const rounded = (value: Decimal): Decimal => value.round(quantityScale, "HALF_EVEN") ?? value;

/** How a quantity is read of a measurement. */
export interface QuantityReading {
  readonly meter: Meter | undefined;
  readonly isUsed: boolean;
  /** Values of derived fields, of usage; a calculation may end nowhere, so that they are rounded. */
  readonly derived: DerivedValues["values"];
  /** Whether a value that is finer than quantities are kept is rounded: usage that happened is not refused for it. */
  readonly rounds: boolean;
}

/**
 * The priced quantity of one measurement; undefined when its value is too fine. A field of the meter is there whenever
 * something was used: see `completed`.
 */
export const quantityIn = (
  fields: MeasurementFields,
  rule: QuantityRule,
  { meter, isUsed, derived, rounds }: QuantityReading,
): bigint | undefined => {
  const { field, method } = rule;
  if (isDerived(rule, meter)) return isUsed ? derivedQuantity(derived.get(field), method) : 0n;
  if (method === "COUNT") {
    const isPresent = [...numberMaps, ...textMaps].some(
      (map) => own<string | number>(fields[map], field) !== undefined,
    );
    const isCompleted = isUsed && meter?.dataFields.some(({ code }) => code === field) === true;
    return isPresent || isCompleted ? one : 0n;
  }
  const value = numberMaps.map((map) => own(fields[map], field)).find((sent) => sent !== undefined);
  if (value === undefined) return 0n;
  const exact = decimal(value);
  return parseAtoms((rounds ? rounded(exact) : exact).toString(), quantityScale);
};

/** Where a request says the number that a rule sums. */
export const numberPath = (fields: MeasurementFields, { field }: QuantityRule): string =>
  `${holderOf(fields, field)}.${field}`;

const holderOf = (fields: MeasurementFields, field: string): NumberMap =>
  numberMaps.find((map) => own(fields[map], field) !== undefined) ?? "measure";

/** A charge in part, a refund and a hold that settles by itself have quantities of their own. */
const withQuantities = (
  { fields, counted }: MeasuredUsage,
  quantities: readonly bigint[],
  meter: Meter,
): MeasurementFields => {
  let changed = fields;
  for (const [nth, { rule, quantity: given }] of counted.entries()) {
    const quantity = quantities[nth] ?? 0n;
    if (isIndivisible(rule, meter) || quantity === given) continue;
    const map = ownHolder(meter, rule.field) ?? holderOf(changed, rule.field);
    const value = Number(formatAtoms(quantity, quantityScale));
    changed = { ...changed, [map]: { ...changed[map], [rule.field]: value } };
  }
  return changed;
};

/**
 * The usage store refuses a measurement that lacks a field of its meter. What was paid must be metered whatever was
 * left out, so that a number that nobody gave is 0 and a text is empty.
 */
export const completed = (
  fields: MeasurementFields,
  { dataFields }: Pick<Meter, "dataFields">,
): MeasurementFields => {
  let complete = fields;
  for (const { category, code } of dataFields) {
    const map = categoryProperties[category];
    if (own<string | number>(complete[map], code) !== undefined) continue;
    const nothing = isNumericCategory(category) ? 0 : "";
    complete = { ...complete, [map]: { ...complete[map], [code]: nothing } };
  }
  return complete;
};

/** Where the meter has a number, which no measurement may have elsewhere; undefined where it defines none. */
const ownHolder = ({ dataFields }: Meter, field: string): NumberMap | undefined => {
  const category = dataFields.find(({ code }) => code === field)?.category;
  return numberMaps.find((map) => category !== undefined && categoryProperties[category] === map);
};

/**
 * Fields that were kept, where their meter has each of them by now: one may have gone to another category since, and no
 * measurement may name it in both. A text that has become a number, or a number a text, says nothing any more.
 */
const placedBy = (kept: MeasurementFields, meter: Meter | undefined): MeasurementFields => {
  let fields = kept;
  for (const { category, code } of meter?.dataFields ?? []) {
    const home = categoryProperties[category];
    for (const map of [...numberMaps, ...textMaps]) {
      const value = own<string | number>(fields[map], code);
      if (value === undefined || map === home) continue;
      const others = Object.entries(fields[map] ?? {}).filter(([other]) => other !== code);
      fields = { ...fields, [map]: Object.fromEntries(others) };
      if (isNumericCategory(category) === (typeof value === "number"))
        fields = { ...fields, [home]: { ...fields[home], [code]: value } };
    }
  }
  return fields;
};

/**
 * The usage of an event that nobody sent fields for, by what its authorization keeps. Numbers that nothing counts are those
 * of the whole: a part of it, or what takes it back, has none.
 */
export const measuredAsKept = (
  event: UsageEvent,
  rules: readonly QuantityRule[],
  meter: Meter | undefined,
): MeasuredUsage => {
  const fields = placedBy(event.fields ?? {}, meter);
  const reading = { meter, isUsed: true, derived: new Map(), rounds: true };
  const quantities = [event.quantity, ...event.further];
  const isWhole =
    event.isWhole &&
    // What is derived of them is not known here.
    rules.every(
      (rule, nth) =>
        isDerived(rule, meter) || quantityIn(fields, rule, reading) === quantities[nth],
    );
  const { who, what, where, other, metadata } = fields;
  return {
    fields: isWhole ? fields : { who, what, where, other, metadata },
    counted: rules.map((rule, nth) => ({
      rule,
      quantity: isWhole ? (quantities[nth] ?? 0n) : 0n,
    })),
  };
};

/**
 * Texts of a measurement that say where on bills it counts, for what takes a part of it back; null where none do. What was
 * not sent is metered as empty, and said so: what is divided by another field later finds that this one was not known.
 */
export const dividingTextsOf = (
  fields: MeasurementFields,
  codes: readonly string[],
  { dataFields }: Pick<Meter, "dataFields">,
): MeasurementFields | null => {
  if (codes.length === 0) return null;
  let texts: MeasurementFields = {};
  for (const { category, code } of dataFields) {
    if (isNumericCategory(category) || !codes.includes(code)) continue;
    const map = categoryProperties[category];
    texts = {
      ...texts,
      [map]: { ...texts[map], [code]: own<string | number>(fields[map], code) ?? "" },
    };
  }
  return texts;
};

/** The texts alone, of whatever map; null where there are none. */
export const textsOf = (fields: MeasurementFields): MeasurementFields | null => {
  const said = textMaps.filter((map) => Object.keys(fields[map] ?? {}).length > 0);
  return said.length === 0 ? null : Object.fromEntries(said.map((map) => [map, fields[map]]));
};

/** What was sent of a part of a hold, and of the texts that its hold was asked for with those that it does not name. */
export const withTextsOf = <Fields extends MeasurementFields>(
  fields: Fields,
  kept: MeasurementFields | null,
  meter: Meter | undefined,
): Fields => {
  if (kept === null) return fields;
  const known = placedBy(kept, meter);
  const isNamed = (code: string): boolean =>
    [...numberMaps, ...textMaps].some(
      (map) => own<string | number>(fields[map], code) !== undefined,
    );
  const texts = textMaps.flatMap((map) => {
    const left = Object.entries(known[map] ?? {}).filter(([code]) => !isNamed(code));
    return left.length === 0 ? [] : [[map, { ...fields[map], ...Object.fromEntries(left) }]];
  });
  return { ...fields, ...Object.fromEntries(texts) };
};

/** Whether the fields say all of these. */
export const sayTexts = (fields: MeasurementFields, codes: readonly string[]): boolean =>
  codes.every((code) => textMaps.some((map) => own(fields[map], code) !== undefined));

/** The measurement of a metered event, as `ingest` takes it; none where there is nothing to meter. */
export const measurementOf = (
  event: UsageEvent,
  usage: MeasuredUsage,
  {
    meter,
    uidOf,
  }: { readonly meter: Meter | undefined; readonly uidOf: (eventId: string) => string },
): unknown[] => {
  if (event.meter === null || meter === undefined) return [];
  const quantities = [event.quantity, ...event.further];
  return [
    {
      uid: uidOf(event.id),
      meter: event.meter,
      account: event.account,
      ts: new Date(event.occurredAt).toISOString(),
      ...completed(withQuantities(usage, quantities, meter), meter),
    },
  ];
};
