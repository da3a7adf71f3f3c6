import { expect, test } from "vitest";
import { jointClaims, jointClaimsInSlices, productOf } from "./joint-claims.ts";
import type { WalletClaim } from "./claims.ts";

/** Days of June 2024, the end exclusive. */
const days = (start: number, end: number) => {
  const [from, to] = [start, end].map((day) =>
    Temporal.PlainDate.from("2024-06-01")
      .add({ days: day - 1 })
      .toZonedDateTime("UTC")
      .toInstant(),
  );
  if (from === undefined || to === undefined) throw new Error("no days");
  return { start: from, end: to };
};

const claim = (
  meterIds: readonly string[],
  [start, end]: readonly [number, number] = [1, 31],
  productIds: WalletClaim["productIds"] = ["product"],
): WalletClaim => ({
  accountPlan: {
    id: "accountPlan",
    account: { id: "account", code: "acme" },
    active: { start: days(1, 2).start },
    cadence: {
      anchor: Temporal.PlainDate.from("2024-01-01"),
      frequency: "MONTHLY",
      interval: 1,
    },
    childBillingMode: "PARENT_SUMMARY",
    plans: [],
    pool: [],
  },
  accounts: ["acme"],
  asset: "USD",
  productIds,
  of: { meterIds, pricingIds: new Set() },
  period: days(start, end),
  billed: days(1, 31),
});

const joined = (...claims: WalletClaim[]): string[] =>
  jointClaims(claims)
    .map(({ meters }) => meters.toSorted().join("+"))
    .toSorted();

test("claims that share a meter are joint, also through a formula that counts both", () => {
  expect(joined(claim(["a"]), claim(["b"]), claim(["c"]))).toEqual(["a", "b", "c"]);
  expect(joined(claim(["a"]), claim(["b"]), claim(["b", "a"]), claim(["c"]))).toEqual(["a+b", "c"]);
  expect(joined(claim(["a", "b"]), claim(["c", "d"]), claim(["b", "c"]))).toEqual(["a+b+c+d"]);
});

test("no debit is in two: what is joint is so for all its meters and all its time", () => {
  const formula = claim(["a", "b"], [1, 15]);
  expect(joined(formula, claim(["a"], [15, 31]), claim(["b"], [16, 31]))).toEqual([
    "a",
    "a+b",
    "b",
  ]);
  expect(joined(formula, claim(["a"], [1, 31]), claim(["b"], [16, 31]))).toEqual(["a+b"]);
});

/** The same of other accounts, the first of which has the plan. */
const claimOf = (
  [owner, ...users]: WalletClaim["accounts"],
  period: readonly [number, number] = [1, 31],
): WalletClaim => {
  const own = claim(["a"], period);
  const pool = users.map((code) => ({
    account: { id: code, code },
    productId: "product",
    periods: [days(...period)],
  }));
  return { ...own, accounts: [owner, ...users], accountPlan: { ...own.accountPlan, pool } };
};

test("claims of accounts are joint where somebody shares with both, and while he does", () => {
  const [one, other] = [claimOf(["one"]), claimOf(["other"])];
  const shared = claimOf(["parent", "one", "other"], [15, 31]);
  const accounts = (claims: readonly WalletClaim[]) =>
    jointClaimsInSlices(claims)
      .map((joint) => joint.accounts.join("+"))
      .toSorted();
  expect(accounts([one, other])).toEqual(["one", "other"]);
  // Until the 15th each is alone. What is missing, the parent pays.
  expect(accounts([one, other, shared])).toEqual(["one", "other", "parent+one+other"]);
  expect(jointClaims([one, other, shared])).toHaveLength(1);
});

test("what is joint is of a product only where all of it is", () => {
  const [one, several, none] = [["product"], ["product", "other"], [undefined]].map((products) =>
    jointClaims([claim(["a"]), claim(["a", "b"], [1, 31], products)]).map(productOf),
  );
  expect([one, several, none]).toEqual([["product"], [null], [null]]);
});
