import type { MeterSchema } from "@turnpike/server/ports/usage-directory.ts";

/** A meter as an LLM gateway would define it. */
export const benchMeter = {
  id: "6f9c1d5e-0000-4000-8000-000000000001",
  code: "llm_calls",
  dataFields: [
    { code: "input_tokens", category: "MEASURE" },
    { code: "output_tokens", category: "MEASURE" },
    { code: "model", category: "WHAT" },
    { code: "region", category: "WHERE" },
  ],
  derivedFields: [],
} as const satisfies MeterSchema;

const models = ["gpt-small", "gpt-large", "embed-3", "whisper-large-v3"];
const regions = ["eu-west-1", "us-east-1", "ap-south-1"];

/** The same sequence in every run (mulberry32). */
export const randomFrom = (seed: number): (() => number) => {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
};

export interface EventPlan {
  readonly accounts: number;
  /** Epoch milliseconds of the first event. */
  readonly startMs: number;
  /** Between one event and the next. */
  readonly stepMs: number;
}

/** Event number `index`, with a uid of its own. */
export const benchEvent = (index: number, plan: EventPlan, random: () => number) => ({
  uid: `req_${index.toString(36).padStart(10, "0")}`,
  meter: benchMeter.code,
  account: `customer-${Math.floor(random() * plan.accounts)}`,
  ts: new Date(plan.startMs + Math.floor((index % 10_000_000) * plan.stepMs)).toISOString(),
  measure: {
    input_tokens: Math.floor(random() * 4000),
    output_tokens: Math.floor(random() * 1000),
  },
  what: { model: models[Math.floor(random() * models.length)] },
  where: { region: regions[Math.floor(random() * regions.length)] },
});

/** Bodies of `size` measurements each, as a client would send them. */
export const benchBodies = (
  count: number,
  size: number,
  plan: EventPlan & { readonly first: number },
): readonly string[] => {
  const random = randomFrom(plan.first + 1);
  return Array.from({ length: count }, (_, body) =>
    JSON.stringify({
      measurements: Array.from({ length: size }, (__, i) =>
        benchEvent(plan.first + body * size + i, plan, random),
      ),
    }),
  );
};
