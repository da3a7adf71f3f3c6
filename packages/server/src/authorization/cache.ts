/** Answers of organizations that are remembered for a while by key; questions asked at once share one answer. */
export interface Cache<Value> {
  readonly get: (orgId: string, key: string, load: () => Promise<Value>) => Promise<Value>;
  /** What is remembered of the organization is asked again: all of it, or those answers that the change concerns. */
  readonly forget: (orgId: string, isConcerned?: (value: Value, key: string) => boolean) => void;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly since: number;
  weight: number;
  /** Absent while it is under way: by then nobody knows what it concerns. */
  answer?: { readonly value: Value };
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
  const organizations = new Map<string, Map<string, Entry<Value>>>();
  let total = 0;
  const find = (orgId: string, key: string): Entry<Value> | undefined =>
    organizations.get(orgId)?.get(key);
  const keep = (orgId: string, key: string, entry: Entry<Value>): void => {
    const entries = organizations.get(orgId) ?? new Map<string, Entry<Value>>();
    organizations.set(orgId, entries.set(key, entry));
    total += entry.weight;
  };
  const drop = (orgId: string, key: string, { weight }: Entry<Value>): void => {
    organizations.get(orgId)?.delete(key);
    total -= weight;
  };
  const weighOnceThere = async (orgId: string, key: string, entry: Entry<Value>): Promise<void> => {
    const isKept = (): boolean => find(orgId, key) === entry;
    try {
      const value = await entry.value;
      if (!isKept()) return;
      const weight = weigh(value);
      total += weight - entry.weight;
      entry.weight = weight;
      entry.answer = { value };
    } catch {
      if (isKept()) drop(orgId, key, entry);
    }
  };
  return {
    get: (orgId, key, load) => {
      const at = now();
      const known = find(orgId, key);
      if (known !== undefined && at - known.since < rememberedMs()) return known.value;
      if (known !== undefined) drop(orgId, key, known);
      if (total >= max) {
        organizations.clear();
        total = 0;
      }
      const entry = { value: load(), since: at, weight: 1 };
      keep(orgId, key, entry);
      void weighOnceThere(orgId, key, entry);
      return entry.value;
    },
    forget: (orgId, isConcerned = () => true) => {
      for (const [key, entry] of organizations.get(orgId) ?? [])
        if (entry.answer === undefined || isConcerned(entry.answer.value, key))
          drop(orgId, key, entry);
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
