/**
 * How a uid is taken apart for storage and put together again: a head, which most uids of a client share, and a tail that
 * is a number or a UUID. Numbers of neighbouring rows differ by little, and a UUID is 16 bytes instead of 36 letters. A
 * tail is only taken for what prints as the same letters again, so that any text comes back.
 */
export type UidForm = "text" | "uuid" | "decimal" | "alphanumeric";

/** The forms that are tried, in this order, before a uid stays a text. */
export const numberForms = ["uuid", "decimal", "alphanumeric"] as const satisfies UidForm[];
export type NumberForm = (typeof numberForms)[number];

const uuidLength = 36;
const isDash = (index: number): boolean =>
  index === 8 || index === 13 || index === 18 || index === 23;

const zero = 0x30;
const isDigit = (byte: number): boolean => byte >= zero && byte <= 0x39;
const isLowerHex = (byte: number): boolean => isDigit(byte) || (byte >= 0x61 && byte <= 0x66);
const digit = (byte: number): number => (byte <= 0x39 ? byte - zero : byte - 0x57);

/** In the place of a digit's value. */
const noDigit = 255;

const valuesOf = (radix: number): Uint8Array => {
  const values = new Uint8Array(256).fill(noDigit);
  for (let value = 0; value < radix; value++) values[value.toString(36).charCodeAt(0)] = value;
  return values;
};

interface Digits {
  readonly radix: number;
  /** So many digits are an integer of 32 bits; twice as many fit into 63. */
  readonly half: number;
  /** `radix ** half` */
  readonly unit: number;
  /** The value of each byte. */
  readonly values: Uint8Array;
}

type Radix = "decimal" | "alphanumeric";
const digitsOf: Readonly<Record<Radix, Digits>> = {
  decimal: { radix: 10, half: 9, unit: 10 ** 9, values: valuesOf(10) },
  alphanumeric: { radix: 36, half: 6, unit: 36 ** 6, values: valuesOf(36) },
};

/** The code of a form, `radix * 100 + digits`: 0 is a text, no digits are those of a number without leading zeros. */
export const textCode = 0;
export const uuidCode = 1632;

/** Words that a tail takes. */
export const wordsOf = (form: NumberForm): number => (form === "uuid" ? 4 : 2);

/** The uid in `bytes[start, end)`. */
interface Uid {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** Where the words of a tail go. */
interface Place {
  readonly words: Int32Array;
  readonly at: number;
}

/**
 * Where the tail of the uid begins; at the end when it has none of this form. Writes it as an integer, low word first; a
 * UUID as DuckDB keeps it, with its highest bit turned.
 */
export const readTail = (form: NumberForm, uid: Uid, place: Place): number =>
  form === "uuid" ? readUuid(uid, place) : readNumber(digitsOf[form], uid, place);

/** The code of the tail `bytes[from, end)`. */
export const codeOf = (
  form: NumberForm,
  bytes: Uint8Array,
  { from, end }: { readonly from: number; readonly end: number },
): number =>
  form === "uuid" ? uuidCode : digitsOf[form].radix * 100 + (bytes[from] === zero ? end - from : 0);

const two16 = 65_536;
const two32 = 4_294_967_296;

/** From the end, so that every digit is looked at once. */
const readNumber = (digits: Digits, { bytes, start, end }: Uid, { words, at }: Place): number => {
  const { radix, half, unit, values } = digits;
  const middle = Math.max(start, end - half);
  const least = Math.max(start, middle - half);
  let from = end;
  let lower = 0;
  for (let factor = 1; from > middle; from--, factor *= radix) {
    const value = values[bytes[from - 1] ?? 0] ?? noDigit;
    if (value === noDigit) break;
    lower += value * factor;
  }
  let upper = 0;
  for (let factor = 1; from <= middle && from > least; from--, factor *= radix) {
    const value = values[bytes[from - 1] ?? 0] ?? noDigit;
    if (value === noDigit) break;
    upper += value * factor;
  }
  // upper * unit + lower, in parts that doubles hold; the remainder of doubles is a call of a function.
  const tops = Math.floor(upper / two16);
  const high = tops * unit;
  const carried = Math.floor(high / two16);
  const low = (upper - tops * two16) * unit + lower + (high - carried * two16) * two16;
  words[at] = low;
  words[at + 1] = carried + Math.floor(low / two32);
  return from;
};

const uuidStart = ({ bytes, start, end }: Uid): number => {
  const from = end - uuidLength;
  if (from < start) return end;
  for (let index = 0; index < uuidLength; index++) {
    const byte = bytes[from + index] ?? 0;
    if (isDash(index) ? byte !== 0x2d : !isLowerHex(byte)) return end;
  }
  return from;
};

const readUuid = (uid: Uid, { words, at }: Place): number => {
  const from = uuidStart(uid);
  if (from === uid.end) return from;
  let word = 0;
  let nibbles = 0;
  for (let index = 0; index < uuidLength; index++) {
    if (isDash(index)) continue;
    word = (word << 4) | digit(uid.bytes[from + index] ?? 0);
    if (++nibbles % 8 === 0) words[at + 4 - nibbles / 8] = word;
  }
  words[at + 3] = (words[at + 3] ?? 0) ^ 0x8000_0000;
  return from;
};
