import { type Decimal, decimal, max, min, zero } from "@turnpike/engine/exact/decimal.ts";
import type { PlainMethod, ScannedEvent } from "../ports/usage-store.ts";

/** One field of the events that it was given, aggregated; the same rules as the usage store's (m3ter semantics 6.2). */
export class EventAggregate {
  readonly #method: PlainMethod;
  readonly #field: string;
  readonly #distinct = new Set<string>();
  #count = 0;
  #total: Decimal = zero;
  #least: Decimal | undefined;
  #most: Decimal | undefined;
  #latest: { readonly order: readonly string[]; readonly value: Decimal } | undefined;

  constructor(method: PlainMethod, field: string) {
    this.#method = method;
    this.#field = field;
  }

  add(event: ScannedEvent): void {
    const text = event.texts[this.#field];
    const number = event.numbers[this.#field];
    if (number === undefined && text === undefined) return;
    this.#count += 1;
    if (this.#method === "UNIQUE") this.#distinct.add(number ?? `text ${text}`);
    if (number === undefined) return;
    const value = decimal(number);
    this.#total = this.#total.plus(value);
    this.#least = this.#least === undefined ? value : min(this.#least, value);
    this.#most = this.#most === undefined ? value : max(this.#most, value);
    if (this.#method !== "LATEST") return;
    const order = [event.ts, event.receivedAt, event.uid];
    if (this.#latest === undefined || isAfter(order, this.#latest.order)) {
      this.#latest = { order, value };
    }
  }

  /** Undefined when no event had the field. */
  result(): Decimal | undefined {
    if (this.#count === 0) return undefined;
    switch (this.#method) {
      case "SUM":
        return this.#total;
      case "COUNT":
        return decimal(this.#count);
      case "MEAN":
        return this.#total.div(decimal(this.#count));
      case "MIN":
        return this.#least;
      case "MAX":
        return this.#most;
      case "LATEST":
        return this.#latest?.value;
      case "UNIQUE":
        return decimal(this.#distinct.size);
    }
  }
}

/** ISO instants of one zone compare as instants only when they have equally many digits. */
const instantKey = (text: string): string =>
  Temporal.Instant.from(text).epochNanoseconds.toString().padStart(24, "0");

const orderKey = ([ts = "", receivedAt = "", uid = ""]: readonly string[]): string =>
  `${instantKey(ts)} ${instantKey(receivedAt)} ${uid}`;

/** The greatest ts, of several the one received last, then the one with the highest uid ([R], 6.2). */
const isAfter = (a: readonly string[], b: readonly string[]): boolean => orderKey(a) > orderKey(b);
