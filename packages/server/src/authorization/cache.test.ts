import { expect, test } from "vitest";
import { createCache } from "./cache.ts";

const setUp = (options: { max?: number; weigh?: (value: string) => number } = {}) => {
  const clock = { now: 0, rememberedMs: 10 };
  const loads: string[] = [];
  const cache = createCache<string>({
    now: () => clock.now,
    rememberedMs: () => clock.rememberedMs,
    max: 100,
    ...options,
  });
  const get = (key: string) =>
    cache.get("org", key, async () => {
      loads.push(key);
      return key;
    });
  return { clock, loads, cache, get };
};

test("an answer is remembered for as long as it may be now", async () => {
  const { clock, loads, get } = setUp();
  await get("a");
  clock.now = 9;
  await get("a");
  expect(loads).toEqual(["a"]);
  clock.rememberedMs = 5;
  await get("a");
  expect(loads).toEqual(["a", "a"]);
  clock.rememberedMs = 60;
  clock.now = 68;
  await get("a");
  expect(loads).toEqual(["a", "a"]);
  clock.now = 69;
  await get("a");
  expect(loads).toEqual(["a", "a", "a"]);
});

test("everything is forgotten when answers weigh too much together, and what was forgotten weighs nothing", async () => {
  const { loads, cache, get } = setUp({ max: 10, weigh: (value) => value.length });
  await get("aaaa");
  await get("bbbb");
  cache.forget("org", (value) => value.startsWith("b"));
  await get("cccc");
  await get("aaaa");
  expect(loads).toEqual(["aaaa", "bbbb", "cccc"]);
  await get("dddd");
  await get("e");
  await get("aaaa");
  expect(loads.slice(3)).toEqual(["dddd", "e", "aaaa"]);
});

test("a failure is not remembered", async () => {
  const { cache, get, loads } = setUp();
  const broken = cache.get("org", "a", async () => {
    throw new Error("broken");
  });
  await expect(broken).rejects.toThrow("broken");
  await get("a");
  expect(loads).toEqual(["a"]);
});

test("a change forgets what it concerns, and what was still under way", async () => {
  const { cache, get, loads } = setUp();
  await get("a");
  await get("b");
  const underWay = get("c");
  cache.forget("elsewhere");
  cache.forget("org", (value) => value === "a");
  await underWay;
  for (const key of ["a", "b", "c"]) await get(key);
  expect(loads).toEqual(["a", "b", "c", "a", "c"]);
});
