import { expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { balanceAmount, balanceSummary, type BalanceTerms, drawableAmount } from "./balance.ts";

const at = (date: string) => Temporal.Instant.from(`${date}T00:00:00Z`);

const draw = (from: string, to: string, amount: number) => ({
  amount: decimal(-amount),
  appliedAt: at(to),
  drawnFor: { start: at(from), end: at(to) },
});

const balance = (changes: Partial<BalanceTerms> = {}): BalanceTerms => ({
  id: "balance",
  accountId: "account",
  currency: "USD",
  period: { start: at("2024-01-01"), end: at("2024-07-01") },
  createdAt: at("2024-01-01"),
  productIds: [],
  lineItemTypes: [],
  isGrant: false,
  allowOverdraft: false,
  transactions: [
    { amount: decimal(1500), appliedAt: at("2024-01-01") },
    draw("2024-05-01", "2024-06-01", 500),
  ],
  ...changes,
});

const shown = (given: BalanceTerms, date: string) =>
  Object.entries(balanceSummary(given, at(date)))
    .map(([name, amount]) => `${name} ${String(amount)}`)
    .join(", ");

test("$1000 left at the end with a rollover of 800: 200 expire (m3ter semantics 16.2)", () => {
  const rolling = balance({ rolloverEnd: at("2024-10-01"), rolloverAmount: decimal(800) });
  expect(shown(rolling, "2024-07-01")).toBe(
    "totalCreditAmount 1500, totalDebitAmount 500, initialCreditAmount 1500, " +
      "expiredBalanceAmount 200, rolloverConsumed 0, balanceConsumed 500",
  );
  const drawn = {
    ...rolling,
    transactions: [...rolling.transactions, draw("2024-07-01", "2024-08-01", 300)],
  };
  expect(shown(drawn, "2024-08-01")).toBe(
    "totalCreditAmount 1500, totalDebitAmount 800, initialCreditAmount 1500, " +
      "expiredBalanceAmount 200, rolloverConsumed 300, balanceConsumed 500",
  );
});

test("without a rollover all that is left expires at the end, nothing before", () => {
  expect(shown(balance(), "2024-06-30")).toMatch(/expiredBalanceAmount 0,/);
  expect(shown(balance(), "2024-07-01")).toMatch(/expiredBalanceAmount 1000,/);
});

test("a rollover above what is left lets nothing expire", () => {
  const rolling = balance({ rolloverEnd: at("2024-10-01"), rolloverAmount: decimal(5000) });
  expect(shown(rolling, "2024-07-01")).toMatch(/expiredBalanceAmount 0,/);
  expect(shown(rolling, "2024-10-01")).toMatch(/expiredBalanceAmount 1000,/);
});

test("what a later bill took is gone for an earlier one, what is credited later is not there yet", () => {
  const given = balance({
    transactions: [
      { amount: decimal(100), appliedAt: at("2024-01-01") },
      { amount: decimal(50), appliedAt: at("2024-06-15") },
      draw("2024-06-01", "2024-07-01", 30),
    ],
  });
  expect(drawableAmount(given, at("2024-06-01")).toString()).toBe("70");
  expect(drawableAmount(given, at("2024-07-01")).toString()).toBe("120");
});

test("a transaction counts from the instant it applies", () => {
  expect(balanceAmount(balance(), at("2023-12-31")).toString()).toBe("0");
  expect(balanceAmount(balance(), at("2024-01-01")).toString()).toBe("1500");
});
