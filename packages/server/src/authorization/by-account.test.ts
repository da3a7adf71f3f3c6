import { expect, test } from "vitest";
import { byAccount, thoseOf } from "./by-account.ts";

test("what is of one account is found by it, what is of all by any", () => {
  const items = [
    { id: 1, account: "a" },
    { id: 2, account: undefined },
    { id: 3, account: "b" },
    { id: 4, account: "a" },
    { id: 5, account: "constructor" },
  ];
  const sorted = byAccount(items, ({ account }) => account);
  const idsOf = (accounts: string[]) => thoseOf(sorted, accounts).map(({ id }) => id);
  expect(idsOf(["a"])).toEqual([2, 1, 4]);
  expect(idsOf(["b", "a", "b"])).toEqual([2, 3, 1, 4]);
  expect(idsOf(["constructor"])).toEqual([2, 5]);
  expect(idsOf(["toString"])).toEqual([2]);
  expect(idsOf([])).toEqual([2]);
});
