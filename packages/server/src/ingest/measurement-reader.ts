import { isWhole, notText } from "@turnpike/contract/text.ts";
import {
  codeLengthMax,
  codePattern,
  codeRule,
  isLonger,
  metadataLengthMax,
  uidLengthMax,
} from "@turnpike/contract/usage/measurement-rules.ts";
import type { FieldError } from "../ports/usage-store.ts";
import { instantMicros } from "./instant.ts";
import { numberProperties, properties } from "./measurement.ts";
import type { CategoryProperty, Fields, Measurement } from "./measurement.ts";

export const measurementsPerRequestMax = 1000;
/** More would only repeat the first ones; a body of 1,000 wrong measurements gets a reply of bounded size. */
const errorsMax = 20;

export type ReadOutcome =
  | { readonly kind: "read"; readonly measurements: readonly Measurement[] }
  | { readonly kind: "invalid"; readonly errors: readonly FieldError[] };

type JsonObject = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Collects what is wrong with one body and says where, in the words of the API. */
class Faults {
  readonly errors: FieldError[] = [];
  #measurement = 0;

  at(index: number): void {
    this.#measurement = index;
  }

  add(property: string, message: string): undefined {
    if (this.errors.length < errorsMax) {
      this.errors.push({ field: `measurements[${this.#measurement}]${property}`, message });
    }
    return undefined;
  }
}

const readCode = (value: unknown, property: string, faults: Faults): string | undefined => {
  if (value === undefined || value === null) return faults.add(property, "must be present");
  if (typeof value !== "string") return faults.add(property, "must be a string");
  if (value.length === 0 || isLonger(value, codeLengthMax)) {
    return faults.add(property, `must have 1 to ${codeLengthMax} characters`);
  }
  if (!isWhole(value)) return faults.add(property, notText);
  return codePattern.test(value) ? value : faults.add(property, codeRule);
};

const readInstant = (value: unknown, property: string, faults: Faults): number | undefined => {
  if (typeof value !== "string") return faults.add(property, "must be a string");
  return (
    instantMicros(value) ??
    faults.add(property, "must be an ISO-8601 date-time with a zone, such as 2024-05-01T12:00:00Z")
  );
};

/** An empty uid names nothing: it counts as absent, because events that share it are not the same event. */
const readUid = (value: unknown, faults: Faults): string | undefined => {
  if (value === undefined || value === null || value === "") return undefined;
  if (typeof value !== "string") return faults.add(".uid", "must be a string");
  if (isLonger(value, uidLengthMax)) {
    return faults.add(".uid", `must have at most ${uidLengthMax} characters`);
  }
  return isWhole(value) ? value : faults.add(".uid", notText);
};

const stringFault = (value: unknown, property: CategoryProperty): string | undefined => {
  if (typeof value !== "string") return "must be a string";
  if (!isWhole(value)) return notText;
  return property === "metadata" && isLonger(value, metadataLengthMax)
    ? `must have at most ${metadataLengthMax} characters`
    : undefined;
};

/** JSON writes numbers beyond the range of a double, such as 1e999; they are no amounts. */
const numberFault = (value: unknown): string | undefined =>
  typeof value === "number" && Number.isFinite(value) ? undefined : "must be a finite number";

const areFields = (
  value: JsonObject,
  property: CategoryProperty,
  faults: Faults,
): value is Fields => {
  const isNumeric = numberProperties.has(property);
  let isSound = true;
  for (const code in value) {
    const fault =
      (isNumeric ? numberFault(value[code]) : stringFault(value[code], property)) ??
      (isWhole(code) ? undefined : notText);
    if (fault === undefined) continue;
    faults.add(`.${property}.${code}`, fault);
    isSound = false;
  }
  return isSound;
};

const readFields = (
  source: JsonObject,
  faults: Faults,
): Pick<Measurement, "fields" | "fieldCount"> => {
  const fields: Partial<Record<CategoryProperty, Fields>> = {};
  let fieldCount = 0;
  for (const property of properties) {
    const value = source[property];
    if (value === undefined || value === null) continue;
    if (!isObject(value)) {
      faults.add(`.${property}`, "must be an object");
    } else if (areFields(value, property, faults)) {
      fields[property] = value;
      fieldCount += Object.keys(value).length;
    }
  }
  return { fields, fieldCount };
};

const readMeasurement = (source: unknown, faults: Faults): Measurement | undefined => {
  if (!isObject(source)) return faults.add("", "must be an object");
  const meter = readCode(source["meter"], ".meter", faults);
  const account = readCode(source["account"], ".account", faults);
  const uid = readUid(source["uid"], faults);
  const ts = source["ts"] ?? undefined;
  const tsMicros =
    ts === undefined ? faults.add(".ts", "must be present") : readInstant(ts, ".ts", faults);
  const ets = source["ets"] ?? undefined;
  const etsMicros = ets === undefined ? undefined : readInstant(ets, ".ets", faults);
  const { fields, fieldCount } = readFields(source, faults);
  if (meter === undefined || account === undefined || tsMicros === undefined) return undefined;
  return { uid, meter, account, tsMicros, etsMicros, fields, fieldCount, source };
};

const whole = (message: string): ReadOutcome => ({
  kind: "invalid",
  errors: [{ field: "", message }],
});

const readAll = (sources: readonly unknown[]): ReadOutcome => {
  if (sources.length === 0 || sources.length > measurementsPerRequestMax) {
    const message = `must have 1 to ${measurementsPerRequestMax} elements`;
    return { kind: "invalid", errors: [{ field: "measurements", message }] };
  }
  const faults = new Faults();
  const measurements: Measurement[] = [];
  for (const [index, source] of sources.entries()) {
    faults.at(index);
    const measurement = readMeasurement(source, faults);
    if (measurement !== undefined) measurements.push(measurement);
  }
  return faults.errors.length > 0
    ? { kind: "invalid", errors: faults.errors }
    : { kind: "read", measurements };
};

const parse = (text: string): { readonly value: unknown } | undefined => {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
};

/** Reads `{"measurements": [1 to 1000]}`. Properties that the schema does not know are ignored (2.3). */
export const readEnvelope = (text: string): ReadOutcome => {
  const body = parse(text);
  if (body === undefined) return whole("must be valid JSON");
  if (!isObject(body.value)) return whole("must be an object with measurements");
  const measurements = body.value["measurements"];
  return Array.isArray(measurements)
    ? readAll(measurements)
    : { kind: "invalid", errors: [{ field: "measurements", message: "must be an array" }] };
};

/** Reads one measurement per line; blank lines are skipped. */
export const readLines = (text: string): ReadOutcome => {
  const sources: unknown[] = [];
  for (const line of text.split("\n")) {
    if (line.trim() === "") continue;
    const source = parse(line);
    if (source === undefined) {
      const field = `measurements[${sources.length}]`;
      return { kind: "invalid", errors: [{ field, message: "must be valid JSON" }] };
    }
    sources.push(source.value);
  }
  return readAll(sources);
};
