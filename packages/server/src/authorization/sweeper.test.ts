import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import { money, sampleCharge, sampleGrant } from "@turnpike/engine/ledger/sample-request.ts";
import { auditLedger } from "./audit.ts";
import { ledgerDatabase, workOf } from "./rows/ledger-database.suite.ts";
import { startSweeper } from "./sweeper.ts";

const { pool, ledger: newLedger, organization } = ledgerDatabase();

test("an account that cannot be decided keeps no other waiting, and is logged once a while", async () => {
  const [orgId, other] = [await organization(["acme", "sick"]), await organization(["bolt"])];
  const ledger = newLedger();
  const at = Date.now();
  const granted = (account: string, id: string, expiresAt: number) =>
    sampleGrant(id, money("1"), { account, expiresAt });
  // More than are looked at together, and the first of all to be due.
  const sick = Array.from({ length: 150 }, (_, nth) => granted("sick", `sick-${nth}`, at + 600));
  await ledger.decide(workOf(orgId, [...sick, granted("acme", "acme's", at + 800)]));
  await ledger.decide(workOf(other, [granted("bolt", "bolt's", at + 900)]));
  await pool().query(
    "UPDATE ledger_account SET purse = 'no purse' WHERE org_id = $1 AND account = 'sick'",
    [orgId],
  );
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const sweeper = startSweeper(ledger, logger);
  const states = async (): Promise<unknown[]> => {
    const { rows } = await pool().query(
      "SELECT id, state FROM ledger_grant WHERE id IN ('acme''s', 'bolt''s') ORDER BY id",
    );
    return rows;
  };
  const ended = [
    { id: "acme's", state: "ended" },
    { id: "bolt's", state: "ended" },
  ];
  await expect.poll(states, { timeout: 10_000 }).toEqual(ended);
  await delay(1_500);
  await sweeper.stop();
  const told = lines.map((line): unknown => JSON.parse(line));
  expect(told).toEqual([expect.objectContaining({ level: 50, key: `${orgId} sick` })]);
  expect(await auditLedger(pool(), other)).toEqual([]);
});

test("a grant that is used up leaves what its rollover leaves at least", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  const rollover = { max: money("8"), min: money("3"), expiresAfterMs: 3_600_000 };
  const grant = sampleGrant("used", money("10"), { expiresAt: Date.now() + 1_500, rollover });
  await ledger.decide(workOf(orgId, [grant, sampleCharge("all", money("10"), { meter: null })]));
  const sweeper = startSweeper(ledger, pino({ level: "silent" }));
  const grants = async (): Promise<unknown[]> => {
    const text = "SELECT id, state, remaining FROM grant_standing WHERE org_id = $1 ORDER BY id";
    return (await pool().query(text, [orgId])).rows;
  };
  await expect.poll(grants, { timeout: 10_000 }).toEqual([
    { id: "used", state: "ended", remaining: "0" },
    { id: "used~rollover", state: "active", remaining: `${money("3")}` },
  ]);
  await sweeper.stop();
  expect(await auditLedger(pool(), orgId)).toEqual([]);
});

test("accounts of which each has much that is due do not wait for one another", async () => {
  const codes = Array.from({ length: 12 }, (_, nth) => `busy-${nth}`);
  const orgId = await organization(codes);
  const ledger = newLedger();
  const at = Date.now() + 2_000;
  // All that is looked at together is of one account.
  const grants = codes.flatMap((account, nth) =>
    Array.from({ length: 100 }, (__, other) =>
      sampleGrant(`${account}-${other}`, money("1"), { account, expiresAt: at + nth }),
    ),
  );
  await ledger.decide(workOf(orgId, grants));
  await delay(at + codes.length - Date.now());
  const sweeper = startSweeper(ledger, pino({ level: "silent" }));
  const open = async (): Promise<unknown[]> => {
    const text = "SELECT account FROM ledger_grant WHERE org_id = $1 AND state <> 'ended'";
    return (await pool().query(text, [orgId])).rows;
  };
  await expect.poll(open, { timeout: 4_000 }).toEqual([]);
  await sweeper.stop();
});
