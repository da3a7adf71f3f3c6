/**
 * Arrays as PostgreSQL's binary protocol takes them: nothing to quote here, nothing to parse there. The driver sends
 * a Buffer as binary.
 */

/** Object ids of the element types, as pg_type has them in every installation. */
const elementTypes = { text: 25, numeric: 1700, bigint: 20, integer: 23, boolean: 16 } as const;
export type ElementType = keyof typeof elementTypes;

const headBytes = 20;

/** One dimension that begins at 1; whether nulls occur is a hint that PostgreSQL works out itself. */
const writeHead = (bytes: Buffer, type: ElementType, count: number): void => {
  bytes.writeInt32BE(1, 0);
  bytes.writeInt32BE(1, 4);
  bytes.writeInt32BE(elementTypes[type], 8);
  bytes.writeInt32BE(count, 12);
  bytes.writeInt32BE(1, 16);
};

const nullLength = -1;

export const textArray = (values: readonly (string | null)[]): Buffer => {
  let size = headBytes;
  for (const value of values) size += 4 + (value === null ? 0 : Buffer.byteLength(value));
  const bytes = Buffer.allocUnsafe(size);
  writeHead(bytes, "text", values.length);
  let at = headBytes;
  for (const value of values) {
    const length = value === null ? nullLength : bytes.write(value, at + 4);
    bytes.writeInt32BE(length, at);
    at += 4 + Math.max(length, 0);
  }
  return bytes;
};

interface Fixed {
  readonly type: ElementType;
  readonly size: number;
  readonly write: (bytes: Buffer, value: number, at: number) => void;
}

const fixedArray =
  ({ type, size, write }: Fixed) =>
  (values: readonly (number | null)[]): Buffer => {
    const bytes = Buffer.allocUnsafe(headBytes + values.length * (4 + size));
    writeHead(bytes, type, values.length);
    let at = headBytes;
    for (const value of values) {
      bytes.writeInt32BE(value === null ? nullLength : size, at);
      at += 4;
      if (value === null) continue;
      write(bytes, value, at);
      at += size;
    }
    return bytes.subarray(0, at);
  };

const lowWord = 2 ** 32;

/** Whole numbers that a double holds exactly: times in milliseconds. */
export const bigintArray = fixedArray({
  type: "bigint",
  size: 8,
  write: (bytes, value, at) => {
    const high = Math.floor(value / lowWord);
    bytes.writeInt32BE(high, at);
    bytes.writeUInt32BE(value - high * lowWord, at + 4);
  },
});

export const integerArray = fixedArray({
  type: "integer",
  size: 4,
  write: (bytes, value, at) => {
    bytes.writeInt32BE(value, at);
  },
});

const booleanBytes = fixedArray({
  type: "boolean",
  size: 1,
  write: (bytes, value, at) => {
    bytes.writeUInt8(value, at);
  },
});

export const booleanArray = (values: readonly boolean[]): Buffer =>
  booleanBytes(values.map(Number));

/** `numeric` counts in groups of four digits. */
const groupBase = 10_000;
const positive = 0x0000;
const negative = 0x4000;

const bigGroupBase = BigInt(groupBase);
const exactMax = BigInt(Number.MAX_SAFE_INTEGER);

/** The groups of a magnitude, lowest first. */
export const groupsOf = (magnitude: bigint): number[] => {
  const groups: number[] = [];
  let rest = magnitude;
  while (rest > exactMax) {
    groups.push(Number(rest % bigGroupBase));
    rest /= bigGroupBase;
  }
  for (let low = Number(rest); low > 0; low = Math.floor(low / groupBase))
    groups.push(low % groupBase);
  return groups;
};

const writeWord = (bytes: Buffer, word: number, at: number): number => {
  bytes[at] = word >> 8;
  bytes[at + 1] = word & 0xff;
  return at + 2;
};

/** Integers of any size. */
export const numericArray = (values: readonly bigint[]): Buffer => {
  const groups = values.map((value) => groupsOf(value < 0n ? -value : value));
  let size = headBytes;
  for (const own of groups) size += 12 + own.length * 2;
  const bytes = Buffer.alloc(size);
  writeHead(bytes, "numeric", values.length);
  let at = headBytes;
  for (const [index, own] of groups.entries()) {
    // The length, then how many groups, the power of the first, the sign, and no digits after the point.
    at = writeWord(bytes, 8 + own.length * 2, at + 2);
    at = writeWord(bytes, own.length, at);
    at = writeWord(bytes, Math.max(own.length - 1, 0), at);
    at = writeWord(bytes, (values[index] ?? 0n) < 0n ? negative : positive, at) + 2;
    for (let nth = own.length - 1; nth >= 0; nth -= 1) at = writeWord(bytes, own[nth] ?? 0, at);
  }
  return bytes;
};
