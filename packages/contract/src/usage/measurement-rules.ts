import type { FieldCategory } from "../catalog/meter.ts";

/**
 * What measurements must keep whatever they mean. It is said here for both of their roads: what is charged must be
 * metered, so that authorization takes nothing that the usage store would refuse.
 */

/** The property of a measurement that holds the fields of a category (m3ter semantics 3.1). */
export const categoryProperties = {
  WHO: "who",
  WHAT: "what",
  WHERE: "where",
  OTHER: "other",
  METADATA: "metadata",
  MEASURE: "measure",
  COST: "cost",
  INCOME: "income",
} as const satisfies Record<FieldCategory, string>;

export const uidLengthMax = 50;
export const codeLengthMax = 80;
export const metadataLengthMax = 256;

/** Lengths count characters as JSON Schema does: an emoji is one of them, though it is two units of UTF-16. */
export const isLonger = (text: string, max: number): boolean =>
  text.length > max && (text.length > max * 2 || Array.from(text).length > max);

/** m3ter's CODE pattern, but for its length (m3ter semantics 2.6). */
// oxlint-disable-next-line no-control-regex -- control characters are what the pattern is about
export const codePattern = /^(?! )[^\u0000-\u001f\u007f]*(?<! )$/;
export const codeRule = "must not contain control characters, nor start or end with a space";

/** Times are kept in microseconds, which a double must hold exactly: from 1684 to 2255. */
export const isExactTime = (micros: number): boolean => Number.isSafeInteger(micros);

/** How far a client's clock may run ahead (m3ter semantics 3.2, [R]). */
export const futureSkewMs = 5 * 60 * 1000;

export interface TimesMeasured {
  readonly tsMicros: number;
  readonly etsMicros: number | undefined;
}

export interface TimeFault {
  readonly kind: "TimestampInFuture" | "EndBeforeStart";
  readonly field: "ts" | "ets";
  readonly message: string;
}

export const timeFault = (
  { tsMicros, etsMicros }: TimesMeasured,
  receivedAtMs: number,
): TimeFault | undefined => {
  const isOver = tsMicros <= (receivedAtMs + futureSkewMs) * 1000;
  if (!isOver)
    return { kind: "TimestampInFuture", field: "ts", message: "must not be in the future" };
  return etsMicros !== undefined && etsMicros < tsMicros
    ? { kind: "EndBeforeStart", field: "ets", message: "must not be before ts" }
    : undefined;
};

type Property = (typeof categoryProperties)[keyof typeof categoryProperties];
type Fields = { readonly [P in Property]?: Readonly<Record<string, unknown>> | undefined };

const properties = Object.values(categoryProperties);

/** The first field that another category has as well, such as `what.region`; none may. Most measurements have one category. */
export const fieldNamedTwice = (
  fields: Fields,
): { readonly category: Property; readonly code: string } | undefined => {
  let first: Fields[Property];
  let seen: Set<string> | undefined;
  for (const category of properties) {
    const own = fields[category];
    if (own === undefined) continue;
    if (first === undefined) {
      first = own;
      continue;
    }
    seen ??= new Set(Object.keys(first));
    for (const code of Object.keys(own)) {
      if (seen.has(code)) return { category, code };
      seen.add(code);
    }
  }
  return undefined;
};
