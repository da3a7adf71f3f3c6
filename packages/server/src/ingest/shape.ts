import { numberProperties, properties } from "./measurement.ts";
import type { MeterWriter } from "./meter-writer.ts";

export type SlotKind = "uid" | "account" | "ts" | "ets" | "number" | "text";

/** A value that differs from one measurement to the next, and the bytes that stand before it in all of them. */
export interface Slot {
  readonly before: Literal;
  readonly kind: SlotKind;
  /** Which field of the meter, for `number` and `text`. */
  readonly field: number;
}

/**
 * Bytes to compare, eight at a time as far as that goes. They are ASCII, so that the doubles they are read as are neither
 * zero nor NaN: equal doubles are equal bytes.
 */
export interface Literal {
  readonly bytes: Uint8Array;
  readonly words: Float64Array;
}

/**
 * How the measurements of one meter look in the bodies of one client: programs print them with the same keys in the
 * same order, so that only the values differ. Everything the schema and the meter ask of the keys was checked once,
 * when the shape was learned.
 */
export interface Shape {
  readonly meter: MeterWriter;
  readonly slots: readonly Slot[];
  readonly after: Literal;
  readonly hasUid: boolean;
  readonly hasEts: boolean;
}

const literal = (bytes: Uint8Array): Literal => {
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const words = Float64Array.from({ length: copy.length >> 3 }, (_, i) =>
    view.getFloat64(i * 8, true),
  );
  return { bytes: copy, words };
};

interface Found {
  readonly kind: "uid" | "account" | "ts" | "ets" | "meter" | "number" | "text";
  readonly path: string;
  /** The bytes of the value, without quotes. */
  readonly start: number;
  readonly end: number;
}

const quote = 0x22;
/** The properties that hold one string. */
const plainProperties = ["uid", "account", "ts", "ets", "meter"] as const;

/** Walks over one measurement and notes its values; gives up on whatever a shape cannot express. */
class Walk {
  readonly #bytes: Uint8Array;
  readonly found: Found[] = [];
  at: number;

  constructor(bytes: Uint8Array, at: number) {
    this.#bytes = bytes;
    this.at = at;
  }

  /** `{"key": value, …}` of a measurement. */
  measurement(): boolean {
    return this.#object((key) => {
      const plain = plainProperties.find((property) => property === key);
      if (plain !== undefined) return this.#text(plain, plain);
      if (!properties.some((property) => property === key)) return false;
      const isNumeric = numberProperties.has(key);
      return this.#object((code) =>
        isNumeric ? this.#number(`${key}.${code}`) : this.#text("text", `${key}.${code}`),
      );
    });
  }

  #object(member: (key: string) => boolean): boolean {
    if (!this.#take("{")) return false;
    if (this.#take("}")) return true;
    const keys = new Set<string>();
    do {
      const key = this.#string();
      if (key === undefined || keys.has(key) || !this.#take(":") || !member(key)) return false;
      keys.add(key);
    } while (this.#take(","));
    return this.#take("}");
  }

  #skipSpace(): void {
    while (/[ \t\r\n]/.test(String.fromCharCode(this.#bytes[this.at] ?? 0))) this.at++;
  }

  /** Takes the character if it comes next. */
  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#bytes[this.at] !== character.charCodeAt(0)) return false;
    this.at++;
    return true;
  }

  /** A string of printable ASCII without escapes. */
  #string(): string | undefined {
    if (!this.#take('"')) return undefined;
    const start = this.at;
    for (let byte = this.#bytes[this.at] ?? 0; byte !== quote; byte = this.#bytes[++this.at] ?? 0) {
      if (byte < 0x20 || byte > 0x7e || byte === 0x5c) return undefined;
    }
    return String.fromCharCode(...this.#bytes.subarray(start, this.at++));
  }

  #text(kind: Found["kind"], path: string): boolean {
    const value = this.#string();
    if (value === undefined) return false;
    const end = this.at - 1;
    this.found.push({ kind, path, start: end - value.length, end });
    return true;
  }

  #number(path: string): boolean {
    this.#skipSpace();
    const start = this.at;
    while (/[-+.0-9eE]/.test(String.fromCharCode(this.#bytes[this.at] ?? 0))) this.at++;
    this.found.push({ kind: "number", path, start, end: this.at });
    return this.at > start;
  }
}

const fieldNumbers = ({ schema, dataFieldPaths }: MeterWriter, found: readonly Found[]) => {
  const paths = found.filter(({ kind }) => kind === "number" || kind === "text");
  const numbers = new Map(dataFieldPaths.map((path, index) => [path, index]));
  const isExact =
    paths.length === schema.dataFields.length && paths.every(({ path }) => numbers.has(path));
  return isExact ? numbers : undefined;
};

/**
 * Learns the shape of the measurement at an offset. Undefined when it has none that could be followed: properties or
 * fields that nobody defined, missing or derived ones, escapes, letters outside of ASCII, nulls.
 */
export const learnShape = (
  bytes: Uint8Array,
  from: number,
  meterOf: (code: string) => MeterWriter | undefined,
): Shape | undefined => {
  const walk = new Walk(bytes, from);
  if (!walk.measurement()) return undefined;
  const { found } = walk;
  const has = (kind: Found["kind"]): boolean => found.some((value) => value.kind === kind);
  const code = found.find(({ kind }) => kind === "meter");
  if (code === undefined || !has("account") || !has("ts")) return undefined;
  const meter = meterOf(String.fromCharCode(...bytes.subarray(code.start, code.end)));
  const numbers = meter === undefined ? undefined : fieldNumbers(meter, found);
  if (meter === undefined || meter.isDerived || numbers === undefined) return undefined;
  const slots: Slot[] = [];
  let at = from;
  for (const { kind, path, start, end } of found) {
    if (kind === "meter") continue;
    const before = literal(bytes.subarray(at, start));
    slots.push({ before, kind, field: numbers.get(path) ?? -1 });
    at = end;
  }
  const after = literal(bytes.subarray(at, walk.at));
  return { meter, slots, after, hasUid: has("uid"), hasEts: has("ets") };
};
