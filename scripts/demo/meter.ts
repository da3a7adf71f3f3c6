import type { Api } from "./api.ts";
import type { Measurement } from "./usage.ts";

const batchSize = 1000;
const barWidth = 30;

const draw = (done: number, total: number): void => {
  if (!process.stdout.isTTY) return;
  const filled = Math.round((done / total) * barWidth);
  const bar = "█".repeat(filled) + "░".repeat(barWidth - filled);
  process.stdout.write(`\r  ${bar} ${done.toLocaleString("en")} of ${total.toLocaleString("en")}`);
};

/** Sends the usage in batches of a thousand; the answer is events per second. */
export const submit = async (api: Api, usage: readonly Measurement[]): Promise<number> => {
  const startedAt = performance.now();
  for (let sent = 0; sent < usage.length; sent += batchSize) {
    const measurements = usage.slice(sent, sent + batchSize);
    await api.call("POST", "measurements", { measurements });
    draw(sent + measurements.length, usage.length);
  }
  const seconds = (performance.now() - startedAt) / 1000;
  if (process.stdout.isTTY) process.stdout.write("\n");
  return usage.length / seconds;
};
