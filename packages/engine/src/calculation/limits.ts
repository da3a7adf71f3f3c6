/** Longest calculation, in characters (m3ter semantics 4 and 7: 1-5000). */
export const TEXT_LENGTH_MAX = 5000;

/**
 * Deepest nesting of a tree; a chain such as `a + b + c` is one level per operator. [R] Well above
 * any formula that a person writes, well below what would exhaust the stack of a worker thread.
 */
export const DEPTH_MAX = 500;

/**
 * [R] Most significant digits of a number that is written out, in a literal or in a string given to
 * `Number`: what `exact/decimal.ts` computes with, so that nothing written is rounded unseen.
 */
export const DIGITS_MAX = 100;

/** [R] Longest text that is read as a number, in UTF-16 code units. */
export const NUMBER_LENGTH_MAX = 1200;

/**
 * [R] A number of 10^±1000 or beyond is out of range when it is large and zero when it is small.
 * Every double fits, and no text form of a number is ever longer than about 1,100 characters.
 */
export const MAGNITUDE_EXPONENT_MAX = 1000;

/** [R] Largest scale, either way, of `Math.floor`, `Math.ceil` and `Math.round`. */
export const SCALE_MAX = 1000;

/** [R] Largest whole exponent of `^`: beyond it, 100 digits of working precision wear thin. */
export const WHOLE_EXPONENT_MAX = 1_000_000_000;

/** [R] Largest exponent of `^` that has a fraction. */
export const FRACTIONAL_EXPONENT_MAX = 1_000_000;

/** [R] Longest string that a concatenation may build, in UTF-16 code units. */
export const STRING_LENGTH_MAX = 10_000;

/** [R] Longest date pattern, in UTF-16 code units. */
export const PATTERN_LENGTH_MAX = 100;

/** Most fields in the key of a lookup table (m3ter semantics 8: keys 1-5). */
export const LOOKUP_KEYS_MAX = 5;
