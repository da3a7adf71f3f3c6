import type { Api } from "./api.ts";

export const meterCode = "llm_requests";

const starts = "2023-11-01T00:00:00Z";

/** A price list as [lower limit, unit price] rows. */
const bands = (...rows: [number, number][]) =>
  rows.map(([lowerLimit, unitPrice]) => ({ lowerLimit, unitPrice, fixedPrice: 0 }));

/** What is measured, in which unit, and what it costs. */
const prices = [
  {
    aggregation: {
      name: "Input tokens",
      code: "input_tokens",
      targetField: "input_tokens",
      aggregation: "SUM",
      rounding: "UP",
      quantityPerUnit: 1000,
      unit: "1k tokens",
    },
    // Graduated: the first 5,000 units at one price, those above at another.
    pricing: { cumulative: true, pricingBands: bands([0, 0.0025], [5000, 0.002]) },
  },
  {
    aggregation: {
      name: "Output tokens",
      code: "output_tokens",
      targetField: "output_tokens",
      aggregation: "SUM",
      rounding: "UP",
      quantityPerUnit: 1000,
      unit: "1k tokens",
    },
    // By volume: the amount decides the one price that all units have.
    pricing: { cumulative: false, pricingBands: bands([0, 0.01], [1000, 0.008]) },
  },
  {
    aggregation: {
      name: "Requests",
      code: "requests",
      targetField: "input_tokens",
      aggregation: "COUNT",
      rounding: "NONE",
      quantityPerUnit: 1,
      unit: "request",
    },
    pricing: { cumulative: true, pricingBands: bands([0, 0.0001]) },
  },
];

const idOf = async (reply: Promise<Record<string, unknown>>): Promise<string> =>
  String((await reply)["id"]);

const field = (code: string, name: string) => ({ category: "MEASURE", code, name, unit: "token" });

/** One product with its prices, sold monthly. The answer is the plan's id. */
export const createPlan = async ({ call }: Api): Promise<string> => {
  const productId = await idOf(call("POST", "products", { name: "LLM inference", code: "llm" }));
  const meterId = await idOf(
    call("POST", "meters", {
      name: "LLM requests",
      code: meterCode,
      productId,
      dataFields: [
        field("input_tokens", "Tokens in the prompt"),
        field("output_tokens", "Tokens in the answer"),
      ],
      derivedFields: [],
    }),
  );
  const planTemplateId = await idOf(
    call("POST", "plantemplates", {
      productId,
      name: "Monthly",
      currency: "USD",
      billFrequency: "MONTHLY",
      standingCharge: 20,
    }),
  );
  const plan = { planTemplateId, name: "Pay as you go", code: "pay-as-you-go" };
  const planId = await idOf(call("POST", "plans", plan));
  for (const { aggregation, pricing } of prices) {
    const aggregationId = await idOf(call("POST", "aggregations", { ...aggregation, meterId }));
    await call("POST", "pricings", { ...pricing, planId, aggregationId, startDate: starts });
  }
  return planId;
};

/** An account that has the plan from the start of November 2023. */
export const createAccount = async (
  { call }: Api,
  account: { name: string; code: string; planId: string },
): Promise<string> => {
  const { name, code, planId } = account;
  const emailAddress = `billing@${code}.example.com`;
  const accountId = await idOf(call("POST", "accounts", { name, code, emailAddress }));
  await call("POST", "accountplans", { accountId, planId, startDate: starts });
  return accountId;
};
