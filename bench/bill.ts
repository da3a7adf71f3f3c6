import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import { BillingWorld } from "../conformance/billing-world.ts";

/**
 * How long a bill run takes: accounts with five usage lines each. Grows ten times in events (a tenth of them first, then
 * all), ten times in accounts (a tenth of them, then all, with as many events each). In the next month, with a tenth as
 * much usage, some accounts have an approved bill before, as many others a pending one: their runs alternate, and
 * medians are compared. TURNPIKE_BENCH_EVENTS and TURNPIKE_BENCH_ACCOUNTS set the size. Prints one JSON object.
 */
const size = (name: string, fallback: number): number => Number(process.env[name] ?? fallback);
const events = size("TURNPIKE_BENCH_EVENTS", 100_000);
const accounts = size("TURNPIKE_BENCH_ACCOUNTS", 100);
const batchSize = 1000;
const connections = 4;
const rounds = 9;
/** A job names no more accounts. */
const groupMax = 100;
/** Usage is brought into the order of accounts once ingest is quiet. */
const quietMs = size("TURNPIKE_BENCH_QUIET_MS", 2000);
const billDate = "2024-02-01";

const world = await BillingWorld.open();

const productId = await world.product();
const meter = await world.meter(productId);
const plan = await world.plan(productId);
for (const aggregation of ["SUM", "MAX", "MIN", "COUNT", "MEAN"]) {
  const aggregationId = await world.aggregation(meter.id, { aggregation });
  await world.price({ planId: plan.id, aggregationId }, [
    [0, 0.01],
    [1000, 0.005],
  ]);
}
const codes: string[] = [];
const accountIds: string[] = [];
for (let index = 0; index < accounts; index += 1) {
  const account = await world.account();
  await world.attach(account.id, plan.id);
  codes.push(account.code);
  accountIds.push(account.id);
}

const month = 31 * 24 * 3600 * 1000;
const firstMs = Date.UTC(2024, 0, 1);

const measurement = (number: number, startMs: number) => ({
  uid: `event-${number}`,
  meter: meter.code,
  account: codes[number % codes.length],
  ts: new Date(startMs + ((number * 7919) % month)).toISOString(),
  measure: { amount: (number % 1000) / 10 },
  what: { region: "UK", tier: "Standard" },
});

const ingest = async (from: number, to: number, startMs = firstMs): Promise<void> => {
  let next = from;
  const send = async (): Promise<void> => {
    while (next < to) {
      const start = next;
      next = Math.min(next + batchSize, to);
      const measurements = Array.from({ length: next - start }, (_, index) =>
        measurement(start + index, startMs),
      );
      await world.api.call("POST", "measurements", { measurements });
    }
  };
  await Promise.all(Array.from({ length: connections }, send));
  await delay(quietMs);
};

const seconds = async (request: object): Promise<number> => {
  const start = performance.now();
  await world.finish(await world.startJob({ ...request }));
  return Math.round(performance.now() - start) / 1000;
};

const billPage = z.object({
  data: z.array(z.object({ id: z.string(), accountId: z.string() })),
  nextToken: z.string().optional(),
});

const ratio = (large: number, small: number): number => Math.round((large / small) * 100) / 100;

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

const approve = async (ofAccounts: readonly string[]): Promise<void> => {
  const wanted = new Set(ofAccounts);
  const path = `bills?billDate=${billDate}&pageSize=100`;
  for (let token: string | undefined = ""; token !== undefined;) {
    const { data, nextToken } = billPage.parse(await world.get(`${path}${token}`));
    const billIds = data.filter(({ accountId }) => wanted.has(accountId)).map(({ id }) => id);
    if (billIds.length > 0) await world.api.call("POST", "bills/approve", { billIds });
    token = nextToken && `&nextToken=${encodeURIComponent(nextToken)}`;
  }
};

/** Seconds of runs over both groups, after a first one of each that creates the bills. */
const nextMonth = async (): Promise<{ pending: number; approved: number }> => {
  await ingest(events, events + events / 10, firstMs + month);
  const group = Math.min(groupMax, accounts / 2);
  const approvedOnes = accountIds.slice(0, group);
  const request = { billDate: "2024-03-01" };
  await approve(approvedOnes);
  const ofApproved = { ...request, accountIds: approvedOnes };
  const ofPending = { ...request, accountIds: accountIds.slice(-group) };
  await seconds(ofApproved);
  await seconds(ofPending);
  const took: { approved: number[]; pending: number[] } = { approved: [], pending: [] };
  for (let round = 0; round < rounds; round += 1) {
    took.approved.push(await seconds(ofApproved));
    took.pending.push(await seconds(ofPending));
  }
  return { pending: median(took.pending), approved: median(took.approved) };
};

try {
  await ingest(0, events / 10);
  const smallFirst = await seconds({ billDate });
  const small = await seconds({ billDate });
  await ingest(events / 10, events);
  const large = await seconds({ billDate });
  const few = await seconds({ billDate, accountIds: accountIds.slice(0, accounts / 10) });
  const all = await seconds({ billDate });
  const { data } = await world.get(`bills?billDate=${billDate}&pageSize=100`);
  const lines = JSON.stringify(data).split('"lineItemType"').length - 1;
  const { pending, approved } = await nextMonth();
  console.log(
    JSON.stringify({
      accounts,
      lines_per_bill: lines / Math.min(accounts, 100),
      first_run: { events: events / 10, seconds: smallFirst },
      in_events: {
        runs: [
          { events: events / 10, seconds: small },
          { events, seconds: large },
        ],
        growth: ratio(large, small),
      },
      in_accounts: {
        runs: [
          { accounts: accounts / 10, events: events / 10, seconds: few },
          { accounts, events, seconds: all },
        ],
        growth: ratio(all, few),
      },
      next_month: {
        after_pending: { seconds: pending },
        after_approved: { seconds: approved },
        growth: ratio(approved, pending),
      },
    }),
  );
} finally {
  await world.close();
}
