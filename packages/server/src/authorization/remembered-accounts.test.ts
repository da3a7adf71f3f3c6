import { expect, test } from "vitest";
import { readPurse } from "./purse.ts";
import { RememberedAccounts } from "./remembered-accounts.ts";

const account = (code: string) => ({ purse: readPurse(code, null), access: null });

test("what was seen lately is remembered, by organization, and what was not is forgotten", () => {
  const remembered = new RememberedAccounts();
  remembered.remember("one", account("kept"));
  expect(remembered.of("one", "kept")).toEqual(account("kept"));
  expect(remembered.of("another", "kept")).toBeUndefined();
  for (let nth = 0; nth < 100_000; nth += 1) {
    remembered.remember("one", account(`passing ${nth}`));
    if (nth % 1000 === 0) remembered.remember("one", account("kept"));
  }
  expect(remembered.of("one", "kept")).toEqual(account("kept"));
  expect(remembered.of("one", "passing 99999")).toBeDefined();
  expect(remembered.of("one", "passing 0")).toBeUndefined();
});

test("a swap that failed is doubted for a while, in its organization", () => {
  const remembered = new RememberedAccounts();
  remembered.doubt("one");
  const trusted = Array.from({ length: 18 }, () => remembered.isTrusted("one"));
  expect(trusted.indexOf(true)).toBe(16);
  expect(trusted.lastIndexOf(false)).toBe(15);
  expect(remembered.isTrusted("another")).toBe(true);
});
