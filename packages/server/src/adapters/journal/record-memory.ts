/** Smaller ones are not worth keeping: new memory for them costs next to nothing. */
const keptBytesMin = 64 * 1024;
/** What lies ready to be used again, at most. */
const freeBytesMax = 32 * 1024 * 1024;

/**
 * Memory of records, used again when nobody reads them any more. Memory that comes and goes would have V8 collect for
 * its sake again and again, though there is hardly anything else on the heap, and the system clear its pages each time.
 */
export class RecordMemory {
  /** The one that was given back first stands first. */
  readonly #free: ArrayBuffer[] = [];
  #freeBytes = 0;

  /** So many bytes, with whatever was in them. */
  take(length: number): Uint8Array<ArrayBuffer> {
    if (length < keptBytesMin) return new Uint8Array(length);
    const buffer = this.#fitting(length) ?? new ArrayBuffer(roundedUp(length));
    return new Uint8Array(buffer, 0, length);
  }

  /** Nobody else has the buffer. */
  give(buffer: ArrayBuffer): void {
    if (buffer.byteLength < keptBytesMin || buffer.byteLength > freeBytesMax) {
      buffer.transfer(0);
      return;
    }
    this.#free.push(buffer);
    this.#freeBytes += buffer.byteLength;
    while (this.#freeBytes > freeBytesMax) this.#drop();
  }

  /** Keeps nothing. */
  clear(): void {
    while (this.#free.length > 0) this.#drop();
  }

  /** The smallest that is large enough, unless most of it would lie idle. */
  #fitting(length: number): ArrayBuffer | undefined {
    let best: ArrayBuffer | undefined;
    for (const buffer of this.#free) {
      const { byteLength } = buffer;
      if (byteLength < length || byteLength > 2 * roundedUp(length)) continue;
      if (best === undefined || byteLength < best.byteLength) best = buffer;
    }
    if (best === undefined) return undefined;
    this.#free.splice(this.#free.indexOf(best), 1);
    this.#freeBytes -= best.byteLength;
    return best;
  }

  #drop(): void {
    const buffer = this.#free.shift();
    this.#freeBytes -= buffer?.byteLength ?? 0;
    buffer?.transfer(0);
  }
}

const roundedUp = (length: number): number => Math.ceil(length / keptBytesMin) * keptBytesMin;
