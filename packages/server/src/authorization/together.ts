import { setImmediate as endOfTurn } from "node:timers/promises";

type Load<Value> = (scope: string, keys: readonly string[]) => Promise<ReadonlyMap<string, Value>>;

/** Keys of a scope that are asked for in one turn of the event loop are looked up together: undefined where there is nothing. */
export const lookedUpTogether = <Value>(
  load: Load<Value>,
): ((scope: string, key: string) => Promise<Value | undefined>) => {
  const open = new Map<string, { keys: Set<string>; found: ReturnType<Load<Value>> }>();
  const begin = (scope: string) => {
    const keys = new Set<string>();
    const found = endOfTurn().then(() => {
      open.delete(scope);
      return load(scope, [...keys]);
    });
    const begun = { keys, found };
    open.set(scope, begun);
    return begun;
  };
  return async (scope, key) => {
    const { keys, found } = open.get(scope) ?? begin(scope);
    keys.add(key);
    return (await found).get(key);
  };
};
