import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import {
  money,
  sampleCharge,
  sampleGrant,
  sampleRefund,
} from "@turnpike/engine/ledger/sample-request.ts";
import { auditLedger } from "../audit.ts";
import { ledgerDatabase, workOf } from "./ledger-database.suite.ts";

const { pool, ledger: newLedger, organization, record } = ledgerDatabase();

/** A second that rolls over an organization whose accounts have money. */
const rollingSecond = async (...accounts: readonly string[]) => {
  const orgId = await organization(accounts);
  const budget = {
    code: "second",
    scope: {},
    asset: "USD",
    window: { rolling: "PT1S" },
    timeZone: "UTC",
    limit: "1000",
    mode: "hard",
    alerts: [],
  };
  await record(orgId, "budget", budget);
  const ledger = newLedger();
  await ledger.decide(
    workOf(
      orgId,
      accounts.map((account) => sampleGrant(`${account}'s`, money("10"), { account })),
    ),
  );
  return { orgId, ledger };
};

const charge = (id: string, account: string) =>
  workOf("", [sampleCharge(id, money("1"), { account })]);

const slots = async (orgId: string): Promise<{ posted: string; held: string }[]> => {
  const text = `SELECT posted, held FROM budget_counter WHERE org_id = $1 ORDER BY window_start`;
  return (await pool().query<{ posted: string; held: string }>(text, [orgId])).rows;
};

test("slots that no rolling window reaches go with the next that begins, and a refund of theirs counts nowhere", async () => {
  const { orgId, ledger } = await rollingSecond("acme", "bolt");
  await ledger.decide({ ...charge("early", "acme"), orgId });
  await delay(2_100);
  await ledger.decide({ ...charge("late", "bolt"), orgId });
  expect(await slots(orgId)).toEqual([{ posted: `${money("1")}`, held: "0" }]);
  const refund = sampleRefund("back", "early", money("1"));
  const [refunded] = await ledger.decide({ ...workOf(orgId, [refund]), accounts: ["acme"] });
  expect(refunded).toMatchObject({ kind: "booked" });
  expect(await slots(orgId)).toEqual([{ posted: `${money("1")}`, held: "0" }]);
  expect(await auditLedger(pool(), orgId)).toEqual([]);
});

test("of many that were left behind a hundred go at a time, but none that something is held in", async () => {
  const { orgId, ledger } = await rollingSecond("acme");
  await pool().query(
    `INSERT INTO budget_counter (org_id, budget_id, window_start, posted, held, alerted)
     SELECT org_id, id::text, n, 5, CASE WHEN n = 17 THEN 1 ELSE 0 END, 0
     FROM record, generate_series(17, 17 * 250, 17) AS n WHERE org_id = $1 AND kind = 'budget'`,
    [orgId],
  );
  const left: number[] = [];
  for (const id of ["a", "b", "c"]) {
    await ledger.decide({ ...charge(id, "acme"), orgId });
    left.push((await slots(orgId)).filter(({ posted }) => posted === "5").length);
    await delay(20);
  }
  expect(left).toEqual([150, 50, 1]);
});
