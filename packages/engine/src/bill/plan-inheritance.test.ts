import { describe, expect, test } from "vitest";
import { decimal } from "../exact/decimal.ts";
import { minimumSpendOf, pricingsOf, standingChargeOf } from "./plan-inheritance.ts";
import { at, samplePricing } from "./sample-facts.ts";

describe("recurring amounts: plan > template > organization (m3ter semantics 9.2)", () => {
  const template = {
    standingCharge: decimal(20),
    standingChargeInterval: 3,
    standingChargeOffset: 1,
    minimumSpend: decimal(100),
    minimumSpendBillInAdvance: false,
  };
  const organization = { standingChargeBillInAdvance: true, minimumSpendBillInAdvance: true };

  test("what the plan leaves open comes from the template, then from the organization", () => {
    const charge = standingChargeOf({ standingCharge: decimal(30) }, template, organization);
    expect(charge).toMatchObject({ interval: 3, offset: 1, billInAdvance: true });
    expect(charge?.amount.toString()).toBe("30");
    expect(minimumSpendOf({}, template, organization)).toMatchObject({ billInAdvance: false });
    expect(minimumSpendOf({ minimumSpendBillInAdvance: true }, template, {})).toMatchObject({
      billInAdvance: true,
    });
  });

  test("zero is no charge", () => {
    expect(
      standingChargeOf({ standingCharge: decimal(0) }, template, organization),
    ).toBeUndefined();
    expect(minimumSpendOf({}, {}, organization)).toBeUndefined();
  });
});

describe("pricings: the plan's wins for its date range ([R], 9.2)", () => {
  const shown = (own: ReturnType<typeof samplePricing>) =>
    pricingsOf([own], [samplePricing({ id: "template" })]).map(
      ({ id, piece, active: { start, end } }) =>
        `${id} ${piece ?? "-"} ${start.toString().slice(0, 10)} ${end?.toString().slice(0, 10) ?? "open"}`,
    );

  test("the template's covers what is left around it", () => {
    const active = { start: at("2024-06-01"), end: at("2024-07-01") };
    expect(shown(samplePricing({ id: "plan", active }))).toEqual([
      "plan - 2024-06-01 2024-07-01",
      "template 0 2022-01-01 2024-06-01",
      "template 1 2024-07-01 open",
    ]);
  });

  test("another segment is another thing", () => {
    expect(shown(samplePricing({ id: "plan", segment: { region: "UK" } }))).toEqual([
      "plan - 2022-01-01 open",
      "template - 2022-01-01 open",
    ]);
  });
});
