import { expect, test } from "vitest";
import { billGroups, type BillableTerms } from "./bill-groups.ts";

const members: readonly (BillableTerms & { readonly name: string })[] = [
  { name: "monthly", frequency: "MONTHLY", interval: 1 },
  { name: "weekly", frequency: "WEEKLY", interval: 1 },
  {
    name: "own bill",
    frequency: "MONTHLY",
    interval: 1,
    contractId: "1",
    groupingKey: { id: "x", exclusive: true },
  },
  {
    name: "shared a",
    frequency: "MONTHLY",
    interval: 1,
    contractId: "2",
    groupingKey: { id: "y", exclusive: false },
  },
  {
    name: "shared b",
    frequency: "MONTHLY",
    interval: 1,
    contractId: "3",
    groupingKey: { id: "y", exclusive: false },
  },
  { name: "no key", frequency: "MONTHLY", interval: 1, contractId: "4" },
];

const shown = (consolidate: boolean) =>
  billGroups(members, consolidate).map(
    (group) =>
      `${group.frequency} ${group.interval ?? "-"}: ${group.members.map(({ name }) => name).join(", ")}`,
  );

test("one bill per cadence and grouping key (m3ter semantics 14.3, 18.6)", () => {
  expect(shown(false)).toEqual([
    "MONTHLY 1: monthly, no key",
    "WEEKLY 1: weekly",
    "MONTHLY 1: own bill",
    "MONTHLY 1: shared a, shared b",
  ]);
});

test("consolidated: different frequencies on one bill", () => {
  expect(shown(true)).toEqual([
    "MIXED -: monthly, weekly, no key",
    "MONTHLY 1: own bill",
    "MONTHLY 1: shared a, shared b",
  ]);
});
