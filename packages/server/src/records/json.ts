import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { isText, notText } from "@turnpike/contract/text.ts";
import { fieldPath } from "@turnpike/contract/validation.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** A number that a double may not hold exactly has more than 15 significant digits. */
const longNumber = /\d[\d.]{15,}/;

const suspectText = /\\u0000|\\ud[89a-f]/i;
const depthMax = 64;
/**
 * Fifty for each authorization of the largest batch. Of what is wrong with a value, a schema makes a hundred times the bytes
 * that the value came as, before anybody can stop it.
 */
const valuesMax = 50_000;
/** Of a value and its comma. */
const valueLengthMin = 2;

/**
 * The value of a JSON body. MALFORMED_JSON when it is not JSON in UTF-8; INEXACT_NUMBER when a number would change
 * on its way through a double; VALIDATION_FAILED when a text holds what no database stores, or there are too many values.
 */
export const parseJson = (body: Uint8Array): unknown => {
  const text = decode(body);
  const value = read(text);
  if (text.length > valuesMax * valueLengthMin) checkSize(value);
  if (text.includes("\\u") && suspectText.test(text)) checkValue(value);
  return value;
};

const decode = (body: Uint8Array): string => {
  try {
    return utf8.decode(body);
  } catch (error) {
    throw new Problem("MALFORMED_JSON", [{ field: "body", message: "is not UTF-8" }], {
      cause: error,
    });
  }
};

const checkSize = (value: unknown): void => {
  const open = [value];
  let count = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    if (typeof next !== "object" || next === null) continue;
    const members = Object.values(next);
    count += members.length;
    if (count > valuesMax) {
      throw fieldProblem("VALIDATION_FAILED", "body", `holds more than ${valuesMax} values`);
    }
    for (const member of members) open.push(member);
  }
};

const read = (text: string): unknown => {
  try {
    return longNumber.test(text) ? readExactly(text) : JSON.parse(text);
  } catch (error) {
    if (error instanceof Problem) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new Problem("MALFORMED_JSON", [{ field: "body", message }], { cause: error });
  }
};

/** Stands for a number until its path is known: what is within is read before what holds it. */
class InexactNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }
}

const readExactly = (text: string): unknown => {
  let isInexact = false;
  const exactNumber = (_key: string, value: unknown, context?: { source?: string }): unknown => {
    if (typeof value !== "number" || context?.source === undefined) return value;
    if (Number.isFinite(value) && decimal(value).eq(decimal(context.source))) return value;
    isInexact = true;
    return new InexactNumber(context.source);
  };
  const value: unknown = JSON.parse(text, exactNumber);
  if (isInexact) checkValue(value);
  return value;
};

/**
 * VALIDATION_FAILED, by its path, where a text of the value, or a name in it, is none to PostgreSQL; INEXACT_NUMBER where a
 * number stands for one that a double would change.
 */
export const checkValue = (value: unknown, path: readonly PropertyKey[] = []): void => {
  if (value instanceof InexactNumber) {
    throw fieldProblem("INEXACT_NUMBER", fieldPath(path), `is ${value.source}`);
  }
  if (typeof value === "string" && !isText(value)) {
    throw fieldProblem("VALIDATION_FAILED", fieldPath(path), notText);
  }
  if (typeof value !== "object" || value === null) return;
  if (path.length >= depthMax) {
    throw fieldProblem("VALIDATION_FAILED", fieldPath(path), "is nested too deeply");
  }
  for (const [key, inner] of Object.entries(value)) {
    checkValue(key, [...path, key]);
    checkValue(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
};
