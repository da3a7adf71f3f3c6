/** Answers that are remembered for a while by key; questions asked at once share one answer. */
export interface Cache<Value> {
  readonly get: (key: string, load: () => Promise<Value>) => Promise<Value>;
  /** Keys that are equal to or begin with the prefix are asked again. */
  readonly forget: (prefix: string) => void;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly since: number;
  weight: number;
}

export interface CacheOptions<Value> {
  readonly now: () => number;
  /** May change from one moment to the next. */
  readonly rememberedMs: () => number;
  /** How much all answers may weigh together. */
  readonly max: number;
  /** One each when absent. */
  readonly weigh?: (value: Value) => number;
}

export const createCache = <Value>(options: CacheOptions<Value>): Cache<Value> => {
  const { now, rememberedMs, max, weigh = () => 1 } = options;
  const entries = new Map<string, Entry<Value>>();
  let total = 0;
  const drop = (key: string, { weight }: Entry<Value>): void => {
    entries.delete(key);
    total -= weight;
  };
  const weighOnceThere = async (key: string, entry: Entry<Value>): Promise<void> => {
    const isKept = (): boolean => entries.get(key) === entry;
    try {
      const weight = weigh(await entry.value);
      if (!isKept()) return;
      total += weight - entry.weight;
      entry.weight = weight;
    } catch {
      if (isKept()) drop(key, entry);
    }
  };
  return {
    get: (key, load) => {
      const at = now();
      const known = entries.get(key);
      if (known !== undefined && at - known.since < rememberedMs()) return known.value;
      if (known !== undefined) drop(key, known);
      if (total >= max) {
        entries.clear();
        total = 0;
      }
      const entry = { value: load(), since: at, weight: 1 };
      entries.set(key, entry);
      total += entry.weight;
      void weighOnceThere(key, entry);
      return entry.value;
    },
    forget: (prefix) => {
      for (const [key, entry] of entries) if (key.startsWith(prefix)) drop(key, entry);
    },
  };
};

/** Another server's changes are heard of at once, so that this bounds what would be remembered wrongly all the same. */
const heardMs = 60_000;

/** How long records are remembered: longer than `unheardMs` while it is heard what other servers change. */
export const whileHeard =
  (hearsNews: () => boolean, unheardMs: number): (() => number) =>
  () =>
    hearsNews() ? heardMs : unheardMs;
