/** Answers that are remembered for a while by key; questions asked at once share one answer. */
export interface Cache<Value> {
  readonly get: (key: string, load: () => Promise<Value>) => Promise<Value>;
  /** Keys that are equal to or begin with the prefix are asked again. */
  readonly forget: (prefix: string) => void;
}

interface Entry<Value> {
  readonly value: Promise<Value>;
  readonly until: number;
}

export const createCache = <Value>(options: {
  readonly now: () => number;
  readonly rememberedMs: number;
  readonly max: number;
}): Cache<Value> => {
  const entries = new Map<string, Entry<Value>>();
  return {
    get: (key, load) => {
      const at = options.now();
      const known = entries.get(key);
      if (known !== undefined && known.until > at) return known.value;
      if (entries.size >= options.max) entries.clear();
      const value = load();
      const entry = { value, until: at + options.rememberedMs };
      entries.set(key, entry);
      value.catch(() => {
        if (entries.get(key) === entry) entries.delete(key);
      });
      return value;
    },
    forget: (prefix) => {
      for (const key of entries.keys()) if (key.startsWith(prefix)) entries.delete(key);
    },
  };
};
