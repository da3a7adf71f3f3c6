import type { AccountsByBytes, Range } from "./shape-reader.ts";

interface Entry {
  readonly code: Uint8Array;
  readonly number: number;
}

const isSame = (code: Uint8Array, bytes: Uint8Array, { start, end }: Range): boolean => {
  if (code.length !== end - start) return false;
  for (let i = 0; i < code.length; i++) if (code[i] !== bytes[start + i]) return false;
  return true;
};

/** Account numbers by the bytes of the code, so that no string has to be made to look one up. */
export class KnownAccounts implements AccountsByBytes {
  readonly #numberOf: (code: string) => number | undefined;
  /** Of codes with the same hash the last one is kept; the others are looked up by their text each time. */
  readonly #entries = new Map<number, Entry>();

  constructor(numberOf: (code: string) => number | undefined) {
    this.#numberOf = numberOf;
  }

  number(hash: number, bytes: Uint8Array, range: Range): number | undefined {
    const entry = this.#entries.get(hash);
    if (entry !== undefined && isSame(entry.code, bytes, range)) return entry.number;
    const code = new Uint8Array(bytes.subarray(range.start, range.end));
    const number = this.#numberOf(Buffer.from(code).toString("latin1"));
    if (number !== undefined) this.#entries.set(hash, { code, number });
    return number;
  }
}
