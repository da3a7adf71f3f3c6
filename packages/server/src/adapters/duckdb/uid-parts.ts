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

interface Digits {
  readonly radix: number;
  /** So many digits are an integer that a double holds; twice as many fit into 63 bits. */
  readonly half: number;
}

const digitsOf: Readonly<Record<"decimal" | "alphanumeric", Digits>> = {
  decimal: { radix: 10, half: 9 },
  alphanumeric: { radix: 36, half: 6 },
};

/** The code of a form, `radix * 100 + digits`: 0 is a text, no digits are those of a number without leading zeros. */
export const textCode = 0;
export const uuidCode = 1632;

const zero = 0x30;
const isDigit = (byte: number): boolean => byte >= zero && byte <= 0x39;
const isLowerHex = (byte: number): boolean => isDigit(byte) || (byte >= 0x61 && byte <= 0x66);
const isLower = (byte: number): boolean => byte >= 0x61 && byte <= 0x7a;
const digit = (byte: number): number => (byte <= 0x39 ? byte - zero : byte - 0x57);

const uuidStart = (bytes: Uint8Array, start: number, end: number): number => {
  const from = end - uuidLength;
  if (from < start) return end;
  for (let index = 0; index < uuidLength; index++) {
    const byte = bytes[from + index] ?? 0;
    if (isDash(index) ? byte !== 0x2d : !isLowerHex(byte)) return end;
  }
  return from;
};

/** Where the tail of the uid in `bytes[start, end)` begins; at the end when it has none of this form. */
export const tailStart = (
  form: NumberForm,
  bytes: Uint8Array,
  { start, end }: { readonly start: number; readonly end: number },
): number => {
  if (form === "uuid") return uuidStart(bytes, start, end);
  const least = Math.max(start, end - 2 * digitsOf[form].half);
  const hasLetters = form === "alphanumeric";
  let from = end;
  for (; from > least; from--) {
    const byte = bytes[from - 1] ?? 0;
    if (!isDigit(byte) && !(hasLetters && isLower(byte))) break;
  }
  return from;
};

/** The code of the tail `bytes[from, end)`. */
export const codeOf = (
  form: NumberForm,
  bytes: Uint8Array,
  { from, end }: { readonly from: number; readonly end: number },
): number =>
  form === "uuid" ? uuidCode : digitsOf[form].radix * 100 + (bytes[from] === zero ? end - from : 0);

const two16 = 65_536;
const two32 = 4_294_967_296;

interface Tail {
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly end: number;
}

const shortNumber = ({ bytes, from, end }: Tail, radix: number): number => {
  let value = 0;
  for (let at = from; at < end; at++) value = value * radix + digit(bytes[at] ?? 0);
  return value;
};

/** Writes the tail as a 64-bit integer, low word first. */
export const writeNumber = (
  form: "decimal" | "alphanumeric",
  tail: Tail,
  { words, at }: { readonly words: Int32Array; readonly at: number },
): void => {
  const { radix, half } = digitsOf[form];
  const { bytes, from, end } = tail;
  const middle = Math.max(from, end - half);
  const upper = shortNumber({ bytes, from, end: middle }, radix);
  const lower = shortNumber({ bytes, from: middle, end }, radix);
  // upper * radix^half + lower, in parts that doubles hold.
  const unit = radix ** half;
  const high = Math.floor(upper / two16) * unit;
  const low = (upper % two16) * unit + lower + (high % two16) * two16;
  words[at] = (low % two32) | 0;
  words[at + 1] = Math.floor(high / two16) + Math.floor(low / two32);
};

/** Writes the tail as DuckDB keeps a UUID: a 128-bit integer, low word first, with its highest bit turned. */
export const writeUuid = (
  { bytes, from }: Tail,
  { words, at }: { readonly words: Int32Array; readonly at: number },
): void => {
  let word = 0;
  let nibbles = 0;
  for (let index = 0; index < uuidLength; index++) {
    if (isDash(index)) continue;
    word = (word << 4) | digit(bytes[from + index] ?? 0);
    if (++nibbles % 8 === 0) words[at + 4 - nibbles / 8] = word;
  }
  words[at + 3] = (words[at + 3] ?? 0) ^ 0x8000_0000;
};
