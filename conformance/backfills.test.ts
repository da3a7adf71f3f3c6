import { beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { billingScenario } from "./billing-scenario.ts";
import { type Client, connect } from "./client.ts";

const scenario = billingScenario();
const { sell, expectLines } = scenario;

type Sold = Awaited<ReturnType<typeof sell>>;

const made = z.object({ id: z.string() });
const contents = z.object({
  status: z.string(),
  failedRows: z.number(),
  meters: z.array(z.object({ measurements: z.number(), sums: z.record(z.string(), z.string()) })),
});

const state: { client?: Client } = {};
beforeAll(async () => {
  state.client = await connect(scenario.world.server);
});

const call: Client["call"] = (...asked) => {
  if (state.client === undefined) throw new Error("the server is not up yet");
  return state.client.call(...asked);
};

const tiers = [
  [0, 1],
  [100, 0.5],
] as const;

const january = { startDate: "2024-01-01T00:00:00Z", endDate: "2024-02-01T00:00:00Z" };

/** January's 90 and 30: 100 × 1 + 20 × 0.5 = 110; February's 10. */
const customer = () =>
  sell({
    bands: tiers,
    usage: [
      ["2024-01-10", 90],
      ["2024-01-20", 30],
      ["2024-02-10", 10],
    ],
  });

const begin = async (replaces?: object): Promise<string> => {
  const { status, body } = await call("POST", "backfills", { name: "January again", replaces });
  expect(status).toBe(200);
  return made.parse(body).id;
};

const measured = ({ meter, account }: Sold, uid: string, amount: number) => ({
  uid,
  meter: meter.code,
  account: account.code,
  ts: "2024-01-15T00:00:00Z",
  measure: { amount },
  what: { region: "UK", tier: "Standard" },
});

const fill = (id: string, measurements: readonly object[]) =>
  call("POST", `backfills/${id}/measurements`, { measurements });

const seen = async (id: string) => contents.parse((await call("GET", `backfills/${id}`)).body);

/** January metered again as 40 and 35: 75. */
const again = async (sold: Sold): Promise<string> => {
  const { meter, account } = sold;
  const id = await begin({ meterIds: [meter.id], accountIds: [account.id], ...january });
  const uids = [crypto.randomUUID(), crypto.randomUUID()] as const;
  await fill(id, [measured(sold, uids[0], 40), measured(sold, uids[1], 35)]);
  return id;
};

describe.concurrent("a backfill through bills", () => {
  test("counts on a bill once it is revealed, and no longer once it is reverted", async () => {
    const sold = await customer();
    const id = await again(sold);
    await expectLines(sold.account, "2024-02-01", ["USAGE 110", "TOTAL 110"]);
    expect(await call("POST", `backfills/${id}/reveal`)).toEqual({
      status: 200,
      body: { id, status: "REVEALED" },
    });
    await expectLines(sold.account, "2024-02-01", ["USAGE 75", "TOTAL 75"]);
    await call("POST", `backfills/${id}/revert`);
    await expectLines(sold.account, "2024-02-01", ["USAGE 110", "TOTAL 110"]);
  });

  test("after approval the next bill puts it right, and the one after a revert puts it back", async () => {
    const sold = await customer();
    const bill = await expectLines(sold.account, "2024-02-01", ["USAGE 110", "TOTAL 110"]);
    await scenario.world.approve(bill.id);
    const id = await again(sold);
    await call("POST", `backfills/${id}/reveal`);
    // January: 75 of 110, 35 less; February: 10.
    const next = await expectLines(sold.account, "2024-03-01", [
      "USAGE -35",
      "USAGE 10",
      "TOTAL -25",
    ]);
    await scenario.world.approve(next.id);
    await call("POST", `backfills/${id}/revert`);
    await expectLines(sold.account, "2024-04-01", ["USAGE 35", "TOTAL 35"]);
  });

  test("without replacing anything it adds: 90 + 30 + 20", async () => {
    const sold = await customer();
    const bill = await expectLines(sold.account, "2024-02-01", ["USAGE 110", "TOTAL 110"]);
    await scenario.world.approve(bill.id);
    const id = await begin();
    await fill(id, [measured(sold, crypto.randomUUID(), 20)]);
    await call("POST", `backfills/${id}/reveal`);
    // 20 × 0.5 = 10 more of January; February: 10.
    await expectLines(sold.account, "2024-03-01", ["USAGE 10", "USAGE 10", "TOTAL 20"]);
  });

  test("a measurement of it is voided under its uid", async () => {
    const sold = await customer();
    const id = await begin({ meterIds: [sold.meter.id], ...january });
    const uid = crypto.randomUUID();
    await fill(id, [measured(sold, uid, 40), measured(sold, crypto.randomUUID(), 35)]);
    const path = `measurements/${uid}/void`;
    expect(await call("POST", path, { reason: "x" })).toMatchObject({ status: 404 });
    await call("POST", `backfills/${id}/reveal`);
    expect(await call("POST", path, { reason: "x" })).toMatchObject({ status: 200 });
    await expectLines(sold.account, "2024-02-01", ["USAGE 35", "TOTAL 35"]);
  });
});

describe.concurrent("a backfill", () => {
  test("shows what it has and what was wrong with the rest before it is revealed", async () => {
    const sold = await customer();
    const id = await begin();
    const good = measured(sold, "a", 0.5);
    const { body } = await fill(id, [good, good, { ...good, uid: "b", meter: "none" }]);
    expect(body).toMatchObject({
      result: "accepted",
      failures: [
        { index: 1, type: "DuplicateUid" },
        { index: 2, type: "UndefinedMeter" },
      ],
    });
    await fill(id, [{ ...good, uid: "b", measure: { amount: 0.25 } }]);
    expect(await seen(id)).toMatchObject({
      status: "HIDDEN",
      failedRows: 1,
      meters: [{ measurements: 2, sums: { amount: "0.75" } }],
    });
  });

  test("is refused where a uid would count twice, by the uid", async () => {
    const sold = await customer();
    const uid = crypto.randomUUID();
    await call("POST", "measurements", { measurements: [measured(sold, uid, 1)] });
    const id = await begin();
    await fill(id, [measured(sold, uid, 2)]);
    const { status, body } = await call("POST", `backfills/${id}/reveal`);
    expect(status).toBe(400);
    expect(JSON.stringify(body)).toContain(uid);
    expect(await seen(id)).toMatchObject({ status: "HIDDEN" });
  });

  test("takes each step once: again is the same, another one 409", async () => {
    const id = await begin();
    const step = async (how: string) => (await call("POST", `backfills/${id}/${how}`)).status;
    expect([await step("revert"), await step("reveal"), await step("reveal")]).toEqual([
      409, 200, 200,
    ]);
    expect((await call("DELETE", `backfills/${id}`)).status).toBe(409);
    const sold = await customer();
    expect((await fill(id, [measured(sold, "late", 1)])).status).toBe(409);
    expect([await step("revert"), await step("revert"), await step("reveal")]).toEqual([
      200, 200, 409,
    ]);
  });

  test("that is discarded takes nothing and stays listed, with its steps in the audit log", async () => {
    const id = await begin();
    for (let time = 0; time < 2; time++) {
      expect(await call("DELETE", `backfills/${id}`)).toEqual({
        status: 200,
        body: { id, status: "DISCARDED" },
      });
    }
    expect((await call("POST", `backfills/${id}/reveal`)).status).toBe(409);
    const listed = z.object({ data: z.array(z.object({ id: z.string() })) });
    const { body } = await call("GET", "backfills?status=DISCARDED");
    expect(listed.parse(body).data.map((one) => one.id)).toContain(id);
    const log = await call("GET", `auditlog?entityType=backfill&entityId=${id}`);
    const entries = z.object({ data: z.array(z.object({ action: z.string() })) }).parse(log.body);
    expect(entries.data.map(({ action }) => action)).toEqual(["updated", "created"]);
  });

  test.each([
    [{ name: "" }, "name"],
    [{ name: "n", replaces: { meterIds: [], ...january } }, "replaces.meterIds"],
    [
      { name: "n", replaces: { meterIds: [crypto.randomUUID()], ...january } },
      "replaces.meterIds[0]",
    ],
    [
      {
        name: "n",
        replaces: {
          meterIds: [crypto.randomUUID()],
          startDate: january.endDate,
          endDate: january.startDate,
        },
      },
      "endDate",
    ],
  ])("%j is refused", async (body, field) => {
    const refused = await call("POST", "backfills", body);
    expect(refused.status).toBe(400);
    expect(JSON.stringify(refused.body)).toContain(field);
  });

  test("404 for one that does not exist, whatever is asked of it", async () => {
    const path = `backfills/${crypto.randomUUID()}`;
    const asked = [
      await call("GET", path),
      await call("DELETE", path),
      await call("POST", `${path}/reveal`),
      await call("POST", `${path}/revert`),
      await call("POST", `${path}/measurements`, { measurements: [] }),
      await call("GET", "backfills/none"),
    ];
    expect(asked.map(({ status }) => status)).toEqual([404, 404, 404, 404, 404, 404]);
  });
});
