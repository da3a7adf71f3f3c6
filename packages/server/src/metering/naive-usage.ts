import { decimal, max, min, sum } from "@turnpike/engine/exact/decimal.ts";
import type { PlainMethod } from "../ports/usage-store.ts";

/** A stored measurement as a test knows it. */
export interface NaiveEvent {
  readonly uid: string;
  readonly account: string;
  readonly tsMicros: number;
  readonly receivedAtMs: number;
  readonly value: number | string;
}

const later = (a: NaiveEvent, b: NaiveEvent): number =>
  a.tsMicros - b.tsMicros ||
  a.receivedAtMs - b.receivedAtMs ||
  Buffer.compare(Buffer.from(a.uid), Buffer.from(b.uid));

const values = (events: readonly NaiveEvent[]) => events.map(({ value }) => decimal(value));

const methods: Record<PlainMethod, (events: readonly NaiveEvent[]) => string> = {
  SUM: (events) => sum(values(events)).toString(),
  MIN: (events) => values(events).reduce(min).toString(),
  MAX: (events) => values(events).reduce(max).toString(),
  COUNT: (events) => String(events.length),
  LATEST: (events) => decimal([...events].sort(later).at(-1)?.value ?? 0).toString(),
  MEAN: (events) => sum(values(events)).div(decimal(events.length)).toString(),
  UNIQUE: (events) => String(new Set(events.map(({ value }) => value)).size),
};

/** What m3ter semantics 6.2 says, word for word; the measure of every faster evaluator. */
export const naiveQuantity = (
  method: PlainMethod,
  events: readonly NaiveEvent[],
): string | undefined => (events.length === 0 ? undefined : methods[method](events));
