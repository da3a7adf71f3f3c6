/** Longest calculation, in characters (m3ter semantics 4 and 7: 1-5000). */
export const textLengthMax = 5000;

/**
 * Deepest nesting of a tree; a chain such as `a + b + c` is one level per operator. [R] Well above
 * any formula that a person writes, well below what would exhaust the stack of a worker thread.
 */
export const depthMax = 500;

/**
 * [R] Most significant digits of a number that is written out, in a literal or in a string given to
 * `Number`: what `exact/decimal.ts` computes with, so that nothing written is rounded unseen.
 */
export const digitsMax = 100;

/** [R] Longest text that is read as a number, in UTF-16 code units. */
export const numberLengthMax = 1200;

/**
 * [R] A number of 10^±1000 or beyond is out of range when it is large and zero when it is small.
 * Every double fits, and no text form of a number is ever longer than about 1,100 characters.
 */
export const magnitudeExponentMax = 1000;

/** [R] Largest scale, either way, of `Math.floor`, `Math.ceil` and `Math.round`. */
export const scaleMax = 1000;

/** [R] Largest whole exponent of `^`: beyond it, 100 digits of working precision wear thin. */
export const wholeExponentMax = 1_000_000_000;

/** [R] Largest exponent of `^` that has a fraction. */
export const fractionalExponentMax = 1_000_000;

/** [R] Significant digits of a power with a fractional exponent: those of DECIMAL128. */
export const fractionalPowerDigits = 34;

/** [R] Longest string that a concatenation may build, in UTF-16 code units. */
export const stringLengthMax = 10_000;

/** [R] Longest date pattern, in UTF-16 code units. */
export const patternLengthMax = 100;

/** Most fields in the key of a lookup table (m3ter semantics 8: keys 1-5). */
export const lookupKeysMax = 5;
