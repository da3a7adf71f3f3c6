import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Api, connect } from "../scripts/demo/api.ts";
import { type Bill, runBillJob } from "../scripts/demo/bills.ts";
import { createAccount, createPlan } from "../scripts/demo/catalog.ts";
import { submit } from "../scripts/demo/meter.ts";
import { readTrace } from "../scripts/demo/usage.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

const trace = fileURLToPath(
  new URL("../../shared/data/azure-llm-inference-2023-conv.csv", import.meta.url),
);

/**
 * One account has the whole trace: 19,366 requests, 22,361,870 input and 4,088,665 output tokens. By hand:
 *
 * Input tokens, graduated, per 1,000 rounded up: 22,361.870 → 22,362 units.
 *   5,000 × 0.0025 = 12.50; (22,362 − 5,000) = 17,362 × 0.002 = 34.724; 12.50 + 34.724 = 47.224 → 47.22
 * Output tokens, by volume, per 1,000 rounded up: 4,088.665 → 4,089 units, above 1,000.
 *   4,089 × 0.008 = 32.712 → 32.71
 * Requests: 19,366 × 0.0001 = 1.9366 → 1.94
 * Standing charge: 20.00
 * Total: 47.22 + 32.71 + 1.94 + 20.00 = 101.87
 */
const expectedLines = [
  ["Input tokens", 22_361_870, 22_362, 47.22],
  ["Output tokens", 4_088_665, 4089, 32.71],
  ["Requests", 19_366, 19_366, 1.94],
  ["Standing Charge", 1, 1, 20],
];
const expectedTotal = 101.87;

const summary = ({ lineItems }: Bill) =>
  lineItems.map(({ description, quantity, units, subtotal }) => [
    description,
    quantity,
    units,
    subtotal,
  ]);

/** All that a bill says, except how often it was calculated. */
const content = (bill: Bill | undefined) => ({
  ...bill,
  version: 0,
  billJobId: "",
  lastCalculatedDate: "",
  dtLastModified: "",
});

describe.skipIf(!existsSync(trace))("the bill of a real trace", () => {
  const state: { folder: string; server?: ServerProcess; first?: Bill | undefined } = {
    folder: "",
  };

  const api = (): Promise<Api> => {
    if (state.server === undefined) throw new Error("no server");
    return connect(state.server);
  };
  const resend = async (): Promise<void> => {
    await submit(await api(), await readTrace(trace, ["acme"]));
  };
  const bill = async (): Promise<Bill | undefined> =>
    (await runBillJob(await api(), "2023-11-30"))[0];

  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    const client = await api();
    const planId = await createPlan(client);
    await createAccount(client, { name: "Acme", code: "acme", planId });
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("equals the hand calculation to the cent", async () => {
    await resend();
    state.first = await bill();
    expect(state.first && summary(state.first)).toEqual(expectedLines);
    expect(state.first?.billTotal).toBe(expectedTotal);
  });

  test("is the same after the whole trace was sent again", async () => {
    await resend();
    expect(content(await bill())).toEqual(content(state.first));
  });

  test("is the same after kill -9, a restart, and the whole trace once more", async () => {
    await state.server?.kill();
    state.server = await startServer(state.folder);
    expect(content(await bill())).toEqual(content(state.first));
    await resend();
    expect(content(await bill())).toEqual(content(state.first));
  });
});
