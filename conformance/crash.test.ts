import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";
import { connectUsage, type Measurement, meterCode, type UsageClient } from "./usage-client.ts";

const rounds = Number(process.env["TURNPIKE_CRASH_ROUNDS"] ?? 3);
const senders = 4;
const batchSize = 100;
/** From the first acknowledgement of a round to the kill. */
const killAfterMsMax = 800;
const batchesPerQuery = 150;

interface Batch {
  readonly number: number;
  readonly measurements: readonly Measurement[];
  isAcknowledged: boolean;
}

const dayStart = (round: number): number => Date.UTC(2024, 0, 1) + round * 86_400_000;
const secondOf = (round: number, number: number): string =>
  new Date(dayStart(round) + number * 1000).toISOString();

/** A round's batch has a second of the round's day to itself. */
const makeBatch = (round: number, number: number): Batch => ({
  number,
  isAcknowledged: false,
  measurements: Array.from({ length: batchSize }, (_, row) => ({
    uid: `${round}-${number}-${row}`,
    meter: meterCode,
    account: `account-${row % 7}`,
    ts: secondOf(round, number),
    measure: { input: 1, output: 0.1 },
    where: { region: "eu" },
  })),
});

const uidsOf = (batches: readonly Batch[]): string[] =>
  batches.flatMap(({ measurements }) => measurements.map(({ uid }) => uid ?? "")).toSorted();

describe(`a server that is killed ${rounds} times under load`, () => {
  const state: { folder: string; server?: ServerProcess; client?: UsageClient } = { folder: "" };
  const running = (): { server: ServerProcess; client: UsageClient } => {
    const { server, client } = state;
    if (server === undefined || client === undefined) throw new Error("no server");
    return { server, client };
  };
  const restart = async (): Promise<void> => {
    state.server = await startServer(state.folder);
    state.client = await connectUsage(state.server);
  };
  const send = async (batch: Batch): Promise<void> => {
    const { status, text } = await running().client.submit(batch.measurements);
    const refused = [...text.matchAll(/"type":"(\w+)"/g)].filter(
      ([, type]) => type !== "DuplicateUid",
    );
    if (status !== 200 || refused.length > 0) throw new Error(`${status} ${text}`);
    batch.isAcknowledged = true;
  };

  /** Sends batches from several connections until the server is gone; every batch that was begun is answered. */
  const loadUntilKilled = async (round: number): Promise<Batch[]> => {
    const batches: Batch[] = [];
    const stopped = { isIt: false };
    const faults: unknown[] = [];
    const began = Promise.withResolvers<void>();
    const sender = async (): Promise<void> => {
      while (!stopped.isIt) {
        const batch = makeBatch(round, batches.length);
        batches.push(batch);
        try {
          await send(batch);
          began.resolve();
        } catch (error) {
          if (stopped.isIt) return;
          faults.push(error);
          began.reject(error);
        }
      }
    };
    const all = Promise.all(Array.from({ length: senders }, sender));
    await began.promise;
    await delay(Math.random() * killAfterMsMax);
    stopped.isIt = true;
    await running().server.kill();
    await all;
    expect(faults, `round ${round}: refused before the kill`).toEqual([]);
    return batches;
  };

  /** Every uid of the round that the server has, as often as it has it. */
  const storedUids = async (round: number, batches: number): Promise<string[]> => {
    const found: string[] = [];
    for (let first = 0; first < batches; first += batchesPerQuery) {
      const { data, hasMoreData } = await running().client.query({
        startDate: secondOf(round, first),
        endDate: secondOf(round, first + batchesPerQuery),
      });
      expect(hasMoreData).toBe(false);
      found.push(...data.map(({ uid }) => String(uid)));
    }
    return found.toSorted();
  };

  beforeAll(async () => {
    state.folder = await newFolder();
    await restart();
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test(
    "has every acknowledged measurement once, and after sending again all of them once",
    async () => {
      const sent: Batch[][] = [];
      for (let round = 0; round < rounds; round += 1) {
        const batches = await loadUntilKilled(round);
        sent.push(batches);
        await restart();
        const acknowledged = batches.filter(({ isAcknowledged }) => isAcknowledged);
        const survived = await storedUids(round, batches.length);
        const once = new Set(survived);
        expect(survived.length, `round ${round}: some twice`).toBe(once.size);
        const lost = uidsOf(acknowledged).filter((uid) => !once.has(uid));
        expect(lost, `round ${round}: acknowledged and lost`).toEqual([]);
        for (const batch of batches) {
          if (!batch.isAcknowledged || Math.random() < 0.3) await send(batch);
        }
        expect(await storedUids(round, batches.length)).toEqual(uidsOf(batches));
      }
      // Nothing of an earlier round was touched by the later ones.
      for (const [round, batches] of sent.entries()) {
        expect(await storedUids(round, batches.length), `round ${round}`).toEqual(uidsOf(batches));
      }
      const counts = sent.map((batches) => batches.length * batchSize);
      process.stdout.write(`measurements through ${rounds} kills: ${counts.join(", ")}\n`);
    },
    60_000 + rounds * 30_000,
  );
});
