import { expect, test } from "vitest";
import { readPurse } from "./purse.ts";
import { Remembered } from "./remembered-rows.ts";

const account = (code: string) => ({ purse: readPurse(code, null), access: null });

test("what was seen lately is remembered, by organization, and what was not is forgotten", () => {
  const { accounts } = new Remembered();
  accounts.remember("one", [account("kept")]);
  expect(accounts.of("one", "kept")).toEqual(account("kept"));
  expect(accounts.of("another", "kept")).toBeUndefined();
  for (let nth = 0; nth < 100_000; nth += 1) {
    accounts.remember("one", [account(`passing ${nth}`)]);
    if (nth % 1000 === 0) accounts.remember("one", [account("kept")]);
  }
  expect(accounts.of("one", "kept")).toEqual(account("kept"));
  expect(accounts.of("one", "passing 99999")).toBeDefined();
  expect(accounts.of("one", "passing 0")).toBeUndefined();
});

test("positions are remembered beside accounts, and not all of them", () => {
  const { positions } = new Remembered();
  const position = (id: string) => ({ id, posted: 1n, before: 0n, held: 0n });
  const ids = Array.from({ length: 100_000 }, (_, nth) => `price@2026-11/${nth}`);
  positions.remember("one", ids.map(position));
  expect(positions.of("one", "price@2026-11/99999")).toEqual(position("price@2026-11/99999"));
  expect(positions.of("another", "price@2026-11/99999")).toBeUndefined();
  expect(ids.filter((id) => positions.of("one", id) !== undefined).length).toBeLessThan(60_000);
});

test("a swap that failed is doubted for a while, in its organization", () => {
  const remembered = new Remembered();
  remembered.doubt("one");
  const trusted = Array.from({ length: 18 }, () => remembered.isTrusted("one"));
  expect(trusted.indexOf(true)).toBe(16);
  expect(trusted.lastIndexOf(false)).toBe(15);
  expect(remembered.isTrusted("another")).toBe(true);
});
