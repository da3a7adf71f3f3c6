import { expect, test } from "vitest";
import {
  boundary,
  boundaryIndex,
  type Cadence,
  cadenceAnchor,
  isBoundary,
  nextBoundary,
} from "./cadence.ts";

const on = (text: string) => Temporal.PlainDate.from(text);
const cadence = (anchor: string, frequency: Cadence["frequency"], interval = 1): Cadence => ({
  anchor: on(anchor),
  frequency,
  interval,
});

// Documented in m3ter semantics 18.1, but for the leap day and the month ends ([R]).
test.each([
  ["plan epoch", cadence("2022-02-15", "MONTHLY"), "2022-02-15 2022-03-15 2022-04-15"],
  ["month epoch", cadence("2022-01-15", "MONTHLY"), "2022-01-15 2022-02-15 2022-03-15"],
  ["year epoch", cadence("2023-01-01", "ANNUALLY"), "2023-01-01 2024-01-01 2025-01-01"],
  ["week epoch, Saturdays", cadence("2022-01-15", "WEEKLY"), "2022-01-15 2022-01-22 2022-01-29"],
  ["day epoch", cadence("2022-01-02", "DAILY"), "2022-01-02 2022-01-03 2022-01-04"],
  ["month ends never drift", cadence("2023-01-31", "MONTHLY"), "2023-01-31 2023-02-28 2023-03-31"],
  ["quarters", cadence("2023-11-30", "MONTHLY", 3), "2023-11-30 2024-02-29 2024-05-30"],
  ["leap day", cadence("2024-02-29", "ANNUALLY", 2), "2024-02-29 2026-02-28 2028-02-29"],
  ["fortnights", cadence("2024-01-01", "WEEKLY", 2), "2024-01-01 2024-01-15 2024-01-29"],
])("boundaries: %s", (_name, given, expected) => {
  const dates = [0, 1, 2].map((n) => boundary(given, n).toString());
  expect(dates.join(" ")).toBe(expected);
});

test.each([
  ["2024-06-30", "2024-07-01"],
  ["2024-07-01", "2024-08-01"],
  ["2021-12-31", "2022-01-01"],
])("the boundary after %s is %s", (date, expected) => {
  expect(nextBoundary(cadence("2022-01-01", "MONTHLY"), on(date)).toString()).toBe(expected);
});

test("every day lies between its boundary and the next", () => {
  const given = [
    cadence("2023-01-31", "MONTHLY"),
    cadence("2024-02-29", "ANNUALLY"),
    cadence("2023-05-31", "MONTHLY", 5),
    cadence("2024-01-03", "WEEKLY", 3),
    cadence("2024-01-03", "DAILY", 7),
  ];
  for (const each of given) {
    for (let day = on("2021-01-01"); day.year < 2026; day = day.add({ days: 1 })) {
      const index = boundaryIndex(each, day);
      expect(Temporal.PlainDate.compare(boundary(each, index), day)).toBeLessThanOrEqual(0);
      expect(Temporal.PlainDate.compare(boundary(each, index + 1), day)).toBe(1);
      expect(isBoundary(each, day)).toBe(boundary(each, index).equals(day));
    }
  }
});

test("the account plan's epoch goes before the account's and the organization's", () => {
  const organization = {
    yearEpoch: on("2022-01-01"),
    monthEpoch: on("2022-01-02"),
    weekEpoch: on("2022-01-04"),
    dayEpoch: on("2022-01-03"),
  };
  const account = on("2022-02-02");
  const accountPlan = on("2022-03-03");
  expect(cadenceAnchor({ accountPlan, account, organization }, "MONTHLY")).toBe(accountPlan);
  expect(cadenceAnchor({ account, organization }, "MONTHLY")).toBe(account);
  expect(cadenceAnchor({ organization }, "MONTHLY")).toBe(organization.monthEpoch);
  expect(cadenceAnchor({ organization }, "WEEKLY")).toBe(organization.weekEpoch);
});
