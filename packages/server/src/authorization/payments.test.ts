import { setTimeout as delay } from "node:timers/promises";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { FailTopUp, OpenTopUp } from "@turnpike/engine/ledger/request.ts";
import { money } from "@turnpike/engine/ledger/sample-request.ts";
import type { PaymentProvider } from "../ports/payment-provider.ts";
import { auditLedger } from "./audit.ts";
import { ledgerDatabase, workOf } from "./rows/ledger-database.suite.ts";
import { startPayments } from "./payments.ts";

const { pool, ledger: newLedger, organization } = ledgerDatabase();

const topUp = (id: string): OpenTopUp => ({
  kind: "topUp",
  id,
  fingerprint: id,
  account: "acme",
  asset: "USD",
  creditAmount: money("5"),
  chargeAmount: "5",
});

test("a payment that cannot be asked for keeps no other waiting, and is not asked for at once again", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  // More than are asked for together, and the first of all.
  const sick = Array.from({ length: 25 }, (_, nth) => topUp(`a-${nth}`));
  await ledger.decide(workOf(orgId, [...sick, topUp("well")]));
  const asked: string[] = [];
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const payments = startPayments(ledger, {
    provider: {
      request: async ({ topUpId }) => {
        asked.push(topUpId);
        if (topUpId !== "well") throw new Error("no such card");
        return { kind: "paid", payment: "pay" };
      },
    },
    logger,
  });
  const state = async (): Promise<unknown> =>
    (await pool().query("SELECT state FROM top_up WHERE id = 'well'")).rows[0];
  await expect.poll(state, { timeout: 10_000 }).toEqual({ state: "credited" });
  await delay(1_200);
  await payments.stop();
  expect(asked.toSorted()).toEqual([...sick.map(({ id }) => id), "well"].toSorted());
  expect(lines).toHaveLength(25);
  expect(await auditLedger(pool(), orgId)).toEqual([]);
});

test("a payment that cannot be credited is told", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  await ledger.decide(workOf(orgId, [topUp("given-up"), topUp("paid")]));
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const failing: FailTopUp = { kind: "failTopUp", id: "given-up", fingerprint: "f" };
  const payments = startPayments(ledger, {
    provider: {
      request: async ({ topUpId }) => {
        // As an operator does while the provider is asked.
        if (topUpId === "given-up")
          await ledger.decide({ ...workOf(orgId, [failing]), accounts: ["acme"] });
        return { kind: "paid", payment: topUpId };
      },
    },
    logger,
  });
  const state = async (): Promise<unknown> =>
    (await pool().query("SELECT id, state FROM top_up WHERE org_id = $1 ORDER BY id", [orgId]))
      .rows;
  await expect.poll(state, { timeout: 10_000 }).toEqual([
    { id: "given-up", state: "failed" },
    { id: "paid", state: "credited" },
  ]);
  await expect.poll(() => lines.length, { timeout: 10_000 }).toBeGreaterThan(0);
  await payments.stop();
  const told = lines.map((line): unknown => JSON.parse(line));
  expect(told).toEqual([expect.objectContaining({ level: 50, key: `${orgId} given-up` })]);
});

test("a provider that does not answer keeps no other payment waiting, nor the end of the server", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  // More than are asked for together, and the first of all.
  const silent = Array.from({ length: 25 }, (_, nth) => topUp(`a-silent-${nth}`));
  await ledger.decide(workOf(orgId, [...silent, topUp("answered")]));
  const asked: string[] = [];
  const payments = startPayments(ledger, {
    provider: {
      request: async ({ topUpId }) => {
        asked.push(topUpId);
        if (topUpId !== "answered") await new Promise(() => undefined);
        return { kind: "paid", payment: "answered" };
      },
    },
    logger: pino({ level: "silent" }),
  });
  const state = async (): Promise<unknown> =>
    (await pool().query("SELECT state FROM top_up WHERE id = 'answered'")).rows[0];
  await expect.poll(state, { timeout: 10_000 }).toEqual({ state: "credited" });
  await payments.stop();
  // Each once: what is under way is not asked for again.
  expect(asked.toSorted()).toEqual([...silent.map(({ id }) => id), "answered"].toSorted());
  // The next provider is asked for whatever is there.
  await pool().query("DELETE FROM top_up WHERE org_id = $1", [orgId]);
});

test("a payment whose answer does not come in time may have been made: it is asked for again by the same name", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  await ledger.decide(workOf(orgId, [topUp("slow")]));
  const lines: string[] = [];
  const logger = pino({ level: "warn" }, { write: (line) => void lines.push(line) });
  const signals: AbortSignal[] = [];
  const silent: PaymentProvider = {
    request: (_, signal) => {
      signals.push(signal);
      return new Promise(() => undefined);
    },
  };
  const first = startPayments(ledger, { provider: silent, logger, deadlineMs: 200 });
  await expect.poll(() => lines.length, { timeout: 5_000 }).toBe(1);
  await first.stop();
  expect(signals.map(({ aborted }) => aborted)).toEqual([true]);
  const state = async (): Promise<unknown> => {
    const text = "SELECT id, state, payment FROM top_up WHERE org_id = $1";
    return (await pool().query(text, [orgId])).rows;
  };
  expect(await state()).toEqual([{ id: "slow", state: "pending", payment: null }]);
  const answering: PaymentProvider = {
    request: async ({ topUpId }) => ({ kind: "paid", payment: `of ${topUpId}` }),
  };
  const again = startPayments(ledger, { provider: answering, logger });
  await expect
    .poll(state, { timeout: 5_000 })
    .toEqual([{ id: "slow", state: "credited", payment: "of slow" }]);
  await again.stop();
  expect(lines).toHaveLength(1);
});

test("many payments are asked for as soon as the provider answers", async () => {
  const orgId = await organization(["acme"]);
  const ledger = newLedger();
  const many = Array.from({ length: 200 }, (_, nth) => topUp(`many-${nth}`));
  await ledger.decide(workOf(orgId, many));
  const asked = new Set<string>();
  const request = async ({ topUpId }: { readonly topUpId: string }) => {
    asked.add(topUpId);
    return { kind: "pending" } as const;
  };
  const payments = startPayments(ledger, {
    provider: { request },
    logger: pino({ level: "silent" }),
  });
  await expect.poll(() => asked.size, { timeout: 3_000 }).toBe(many.length);
  await payments.stop();
});
