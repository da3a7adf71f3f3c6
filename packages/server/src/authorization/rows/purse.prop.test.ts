import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  emptyWalletAccount,
  type Grant,
  type GrantTerms,
  type WalletAccount,
  walletAccountId,
} from "@turnpike/engine/ledger/rows.ts";
import { accountIn, changedPurses, isOpen, printedPurse, type Purse, readPurse } from "./purse.ts";
import { ledgerAccountFrom } from "./wallet-access.ts";

const runs = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 100);

const seed = process.env["TURNPIKE_SEED"];
const settings = {
  numRuns: runs,
  ...(seed === undefined ? {} : { seed: Number(seed) }),
};

const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const asset = fc.constantFrom("USD", "EUR", "credits");
const part = fc.oneof(fc.constant(0n), fc.bigInt({ min: 0n, max: 10n ** 36n }));
const at = fc.maxSafeNat();

const terms: fc.Arbitrary<Omit<GrantTerms, "amount">> = fc.record({
  priority: fc.nat(255),
  effectiveAt: at,
  expiresAt: fc.option(at),
  purpose: fc.constantFrom("paid" as const, "promotional" as const, "refund" as const),
  appliesTo: fc.option(
    fc.record({ products: fc.array(name), features: fc.array(name), meters: fc.array(name) }),
  ),
  costBasis: part,
  rollover: fc.option(fc.record({ max: part, min: part, expiresAfterMs: at })),
  source: name,
});

const grantOf = (account: string): fc.Arbitrary<Grant> =>
  fc
    .record({
      id: name,
      asset,
      terms,
      state: fc.constantFrom("scheduled" as const, "active" as const, "ended" as const),
      parts: fc.tuple(part, part, part, part, part),
    })
    .map((row) => {
      const [remaining, held, consumed, breakage, transferred] = row.parts;
      const amount = remaining + held + consumed + breakage + transferred;
      return {
        id: row.id,
        walletAccount: walletAccountId(account, row.asset),
        terms: { ...row.terms, amount },
        state: row.state,
        remaining,
        held,
        consumed,
        breakage,
        transferred,
      };
    });

const walletAccountOf = (account: string): fc.Arbitrary<WalletAccount> =>
  fc
    .record({
      asset,
      available: part,
      debited: part,
      held: part,
      debt: part,
      moreDebt: part,
      mode: fc.constantFrom("hard" as const, "soft" as const),
      seenAt: at,
    })
    .map(({ available, moreDebt, ...row }) => ({
      ...row,
      id: walletAccountId(account, row.asset),
      account,
      credited: available + row.debited + row.held,
      debtLimit: row.debt + moreDebt,
    }));

const purseOf = (account: string): fc.Arbitrary<Purse> =>
  fc
    .record({
      id: fc.constant(account),
      walletAccounts: fc.uniqueArray(walletAccountOf(account), { selector: ({ id }) => id }),
      grants: fc.uniqueArray(grantOf(account).filter(isOpen), { selector: ({ id }) => id }),
    })
    .map(printedPurse);

const purse = name.chain(purseOf);

test("what a purse holds is what its text says, to the last atom", () => {
  fc.assert(
    fc.property(purse, (before) => {
      expect(readPurse(before.id, before.text)).toEqual(before);
    }),
    settings,
  );
  expect(readPurse("a", null)).toEqual({ id: "a", text: null, walletAccounts: [], grants: [] });
});

test("a purse is read as its text says, whatever is remembered", () => {
  const two = name.chain((account) => fc.tuple(purseOf(account), purseOf(account)));
  fc.assert(
    fc.property(two, ([stored, remembered]) => {
      const read = (account: Purse) =>
        ledgerAccountFrom([stored.id, stored.text, null], { purse: account, access: null }).purse;
      expect(read(remembered)).toEqual(stored);
      expect(read(stored)).toBe(stored);
    }),
    settings,
  );
});

const byId = <Row extends { readonly id: string }>(rows: readonly Row[]): Map<string, Row> =>
  new Map(rows.map((row) => [row.id, row]));

test("a change reaches its own row of its own account, and what is closed leaves the purse", () => {
  const changes = fc.uniqueArray(name, { minLength: 1, maxLength: 4 }).chain((accounts) =>
    fc.record({
      purses: fc.tuple(...accounts.map(purseOf)),
      walletAccounts: fc.uniqueArray(fc.constantFrom(...accounts).chain(walletAccountOf), {
        selector: ({ id }) => id,
      }),
      grants: fc.uniqueArray(fc.constantFrom(...accounts).chain(grantOf), {
        selector: ({ id }) => id,
      }),
    }),
  );
  fc.assert(
    fc.property(changes, ({ purses, walletAccounts, grants }) => {
      const changed = byId(changedPurses(byId(purses), { walletAccounts, grants }));
      for (const before of purses) {
        const { id } = before;
        const after = changed.get(id) ?? before;
        const own = walletAccounts.filter(({ account }) => account === id);
        const granted = grants.filter(({ walletAccount }) => accountIn(walletAccount) === id);
        expect(byId(after.walletAccounts)).toEqual(byId([...before.walletAccounts, ...own]));
        const open = [...byId([...before.grants, ...granted]).values()].filter(isOpen);
        expect(byId(after.grants)).toEqual(byId(open));
      }
    }),
    settings,
  );
});

test("a purse that was not loaded is not written", () => {
  const row = emptyWalletAccount("a", "USD");
  const changes = { walletAccounts: [row], grants: [] };
  expect(() => changedPurses(new Map(), changes)).toThrow("the purse of a was not loaded");
});
