/* oxlint-disable max-lines-per-function -- a suite is one list of tests, like a test file */
import { beforeEach, describe, expect, test } from "vitest";
import { calls, event, may, org, sendTo, storeOfEachTest } from "./usage-fixture.suite.ts";
import type { UsageStoreFixture } from "./usage-fixture.suite.ts";

const account = "99999999-0000-4000-8000-000000000009";

/** Derived fields that name custom fields and lookup tables, on every usage store. */
export const usageSurroundingsSuite = (
  name: string,
  create: () => Promise<UsageStoreFixture>,
): void => {
  describe(`surroundings of calculations on ${name}`, () => {
    const used = storeOfEachTest(create);

    beforeEach(async () => {
      used.directory.putAccount(org, "acme", account);
    });

    const calculating = (calculation: string): void =>
      used.directory.putMeter(org, {
        ...calls,
        derivedFields: [{ code: "cost", category: "COST", calculation }],
      });

    const cost = async (): Promise<string | null | undefined> => {
      const request = { orgId: org, meterId: calls.id, targetField: "cost", window: may };
      return (await used.store.aggregate({ ...request, method: "SUM" }))[0]?.quantity;
    };

    const failuresOf = async (uid: string) => {
      const outcome = await sendTo(used.store, [event(uid, 10)]);
      if (outcome.kind !== "accepted") throw new Error(`the batch was ${outcome.kind}`);
      expect(outcome.stored).toBe(1);
      return outcome.failures.map(({ kind, message }) => `${kind} ${message}`);
    };

    test("a value is that of the moment of receipt and stays", async () => {
      calculating("tokens * account.rate + meter.fee");
      used.directory.putCustomFields(org, calls.id, { "meter.fee": 0.5 });
      used.directory.putCustomFields(org, account, { "account.rate": 2 });
      // 10 × 2 + 0.5
      await sendTo(used.store, [event("a", 10)]);
      used.directory.putCustomFields(org, account, { "account.rate": 3 });
      // 10 × 3 + 0.5 more
      await sendTo(used.store, [event("b", 10)]);
      expect(await cost()).toBe("51");
    });

    test("a lookup may depend on what another one found, and asks once for a key", async () => {
      calculating(
        'tokens * Lookup.findNumber("rates", "rate", 7, Lookup.findString("tiers", "tier", "none", "account"))',
      );
      used.directory.putLookupTable(org, "tiers", { acme: { tier: "gold" } });
      used.directory.putLookupTable(org, "rates", { gold: { rate: 0.5 } });
      // 10 × 0.5, and 1 × 7 for an account in no row
      await sendTo(used.store, [event("a", 10), event("b", 1, { account: "beta" })]);
      const request = { orgId: org, meterId: calls.id, targetField: "cost", window: may };
      const found = await used.store.aggregate({ ...request, method: "SUM" });
      expect(new Set(found.map(({ quantity }) => quantity))).toEqual(new Set(["5", "7"]));
    });

    test("what is missing is a CalculationError, and nothing of it is remembered", async () => {
      calculating('tokens * account.rate * Lookup.findNumber("rates", "rate", 1, "model")');
      expect(await failuresOf("a")).toEqual([
        expect.stringMatching(/CalculationError.*account\.rate/),
      ]);
      used.directory.putCustomFields(org, account, { "account.rate": 2 });
      expect(await failuresOf("b")).toEqual([expect.stringMatching(/CalculationError.*"rates"/)]);
      used.directory.putLookupTable(org, "rates", { small: { rate: 3 } });
      expect(await failuresOf("c")).toEqual([]);
      // 10 × 2 × 3
      expect(await cost()).toBe("60");
    });

    test("an amendment is calculated by what holds when it is received", async () => {
      calculating("tokens * account.rate");
      used.directory.putCustomFields(org, account, { "account.rate": 2 });
      await sendTo(used.store, [event("a", 10)]);
      used.directory.putCustomFields(org, account, { "account.rate": 5 });
      const amendment = {
        measure: { tokens: 4 },
        what: { model: "small" },
        metadata: { trace: "a" },
      };
      const by = { correctedBy: "somebody", reason: "wrong", receivedAtMs: Date.UTC(2024, 5, 1) };
      await used.store.correct({ orgId: org, uid: "a", amendment, ...by });
      expect(await cost()).toBe("20");
    });
  });
};
