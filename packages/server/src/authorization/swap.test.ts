import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Authorize, Command } from "@turnpike/engine/ledger/request.ts";
import {
  money,
  sampleCharge,
  sampleGrant,
  sampleHold,
  sampleRateable,
  sampleTariff,
  units,
} from "@turnpike/engine/ledger/sample-request.ts";
import { auditLedger } from "./audit.ts";
import { type BatchParts, prepareBatch } from "./batch-decision.ts";
import { decideBatch } from "./batch.ts";
import { ledgerDatabase, workOf } from "./rows/ledger-database.suite.ts";
import { decideBySwap } from "./swap.ts";
import { setAccess } from "./rows/wallet-access.ts";

const { pool, server: newServer, organization, record } = ledgerDatabase();
const state = { orgId: "" };

const budget = (account: string) => ({
  code: `of ${account}`,
  scope: { account },
  asset: "USD",
  window: "day",
  timeZone: "UTC",
  limit: "1",
  mode: "hard",
  alerts: [],
});

/** An organization of its own, where acme has three cents and bolt a dollar. */
beforeEach(async () => {
  state.orgId = await organization(["acme", "bolt", "limited"]);
  await record(state.orgId, "budget", budget("limited"));
  const grants = [
    sampleGrant("acme's", money("0.03")),
    sampleGrant("bolt's", money("1"), { account: "bolt" }),
    sampleGrant("limited's", money("1"), { account: "limited" }),
  ];
  await decided(newServer(), ...grants);
});
afterEach(async () => {
  expect(await auditLedger(pool(), state.orgId)).toEqual([]);
});

/** As the server decides it, with or without a lock. */
const decided = async (server: BatchParts, ...commands: Command[]): Promise<readonly Outcome[]> =>
  (await decideBatch(server, state.orgId, [workOf(state.orgId, commands)]))[0] ?? [];

/** Undefined when it takes a lock. */
const swapped = async (
  server: BatchParts,
  ...commands: Command[]
): Promise<readonly Outcome[] | undefined> => {
  const batch = await prepareBatch(server, state.orgId, [workOf(state.orgId, commands)]);
  return (await decideBySwap(server, batch))?.[0];
};

/** A cent of acme's, unless told otherwise. */
const charge = (id: string, more: Partial<Authorize> = {}): Authorize =>
  sampleCharge(id, money("0.01"), { meter: null, ...more });

/** One more of what costs a cent a piece up to the tenth and two cents above, wherever the payer is in its period. */
const piece = (id: string, account: string, more: Partial<Authorize> = {}): Authorize =>
  charge(id, {
    account,
    quantity: units("1"),
    price: {
      ...sampleRateable(sampleTariff(true, ["0", "0.01"], ["10", "0.02"])),
      position: position,
    },
    ...more,
  });

/** Acme's, whoever calls. */
const position = "price@0/acme";

const decisionsOf = (outcomes: readonly Outcome[] | undefined): unknown[] | undefined =>
  outcomes?.map((outcome) => (outcome.kind === "authorized" ? outcome.decision : outcome.kind));

/** For a row that is locked. */
const untilSomebodyWaits = async (): Promise<void> => {
  const waiting = "SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
  await expect.poll(async () => (await pool().query(waiting)).rowCount, { interval: 5 }).toBe(1);
};

/** Every row that a decision writes. */
const written = async (): Promise<unknown> => {
  const { rows } = await pool().query(
    `SELECT (SELECT count(*) FROM ledger_authorization WHERE org_id = $1) AS authorizations,
            (SELECT count(*) FROM posting WHERE org_id = $1) AS postings,
            (SELECT count(*) FROM usage_outbox WHERE org_id = $1) AS measurements,
            (SELECT string_agg(purse, '' ORDER BY account) FROM ledger_account WHERE org_id = $1) AS purses`,
    [state.orgId],
  );
  return rows[0];
};

describe("without a lock", () => {
  test("accounts are read once, and remembered as they are stored", async () => {
    const server = newServer();
    const { remembered } = server;
    expect(
      decisionsOf(await swapped(server, charge("1"), charge("b", { account: "bolt" }))),
    ).toEqual(["allow", "allow"]);
    expect(decisionsOf(await swapped(server, charge("2")))).toEqual(["allow"]);
    for (const account of ["acme", "bolt"]) {
      const { rows } = await pool().query<{ purse: string }>(
        "SELECT purse FROM ledger_account WHERE org_id = $1 AND account = $2",
        [state.orgId, account],
      );
      expect(remembered.accounts.of(state.orgId, account)?.purse.text).toBe(rows[0]?.purse);
    }
  });

  test("what was not begun is not undone either", async () => {
    const server = newServer();
    await swapped(server, charge("1"));
    const notices: string[] = [];
    pool().once("acquire", (client) => {
      client.on("notice", ({ message = "" }) => notices.push(message));
    });
    const invalid = charge("2", { quantity: units("-1") });
    expect(await swapped(server, invalid)).toBeUndefined();
    expect(notices).toEqual([]);
    expect(decisionsOf(await swapped(server, charge("3")))).toEqual(["allow"]);
  });

  test("the catalog is not asked about who holds something; who never did is left to the lock", async () => {
    const server = newServer();
    const asked: string[] = [];
    const customers: BatchParts["customers"] = {
      ...server.customers,
      idsOf: (orgId, codes) => {
        asked.push(...codes);
        return server.customers.idsOf(orgId, codes);
      },
    };
    expect(decisionsOf(await decided({ ...server, customers }, charge("1")))).toEqual(["allow"]);
    expect(asked).toEqual([]);
    for (const id of ["2", "3"]) {
      const [outcome] = await decided({ ...server, customers }, charge(id, { account: "nobody" }));
      expect(outcome).toMatchObject({ reasons: [{ code: "UNKNOWN_CUSTOMER" }] });
    }
    expect(asked).toEqual(["nobody", "nobody"]);
  });

  test("a refusal is stored too, and a fourth cent is refused", async () => {
    const server = newServer();
    const asked = ["1", "2", "3", "4"].map((id) => charge(id));
    const allowed = ["allow", "allow", "allow", "deny"];
    expect(decisionsOf(await swapped(server, ...asked))).toEqual(allowed);
    expect(decisionsOf(await swapped(server, charge("5")))).toEqual(["deny"]);
    expect(decisionsOf(await decided(newServer(), ...asked, charge("5")))).toEqual([
      ...allowed,
      "deny",
    ]);
  });

  test.each<[string, (other: BatchParts) => Promise<unknown>, string]>([
    ["another server charged", (other) => decided(other, charge("other")), "allow"],
    [
      "another server took what was left",
      (other) => decided(other, ...["x", "y", "z"].map((id) => charge(id))),
      "deny",
    ],
    ["a grant came", (other) => decided(other, sampleGrant("more", money("0.01"))), "allow"],
    ["another server decided the same id", (other) => decided(other, charge("next")), "allow"],
    [
      "another server refused the same id",
      (other) =>
        decided(
          other,
          charge("next", {
            price: { kind: "amount", amount: money("1"), asset: "USD", further: [] },
          }),
        ),
      "deny",
    ],
    ["a hold was taken", (other) => decided(other, sampleHold("held", money("0.01"))), "allow"],
    [
      "the account was frozen",
      () =>
        setAccess(
          pool(),
          { orgId: state.orgId, account: "acme" },
          { isFrozen: true, features: null, blocksFreeOnDebt: false },
        ),
      "deny",
    ],
    [
      "somebody wrote by hand",
      () =>
        pool().query("UPDATE ledger_account SET purse = purse || ' ' WHERE org_id = $1", [
          state.orgId,
        ]),
      "allow",
    ],
  ])("nothing is written when %s meanwhile", async (_, happen, decision) => {
    const server = newServer();
    expect(decisionsOf(await swapped(server, charge("first")))).toEqual(["allow"]);
    await happen(newServer());
    const before = await written();
    const asked = [charge("b", { account: "bolt" }), charge("next")];
    expect(await swapped(server, ...asked)).toBeUndefined();
    expect(await written()).toEqual(before);
    expect(decisionsOf(await decided(server, ...asked))).toEqual(["allow", decision]);
  });

  test("a hold that is due comes first, though nothing is held for it", async () => {
    const server = newServer();
    expect(decisionsOf(await swapped(server, charge("first")))).toEqual(["allow"]);
    await decided(newServer(), sampleHold("free", 0n, { meter: null, ttlMs: 1_000 }));
    expect(decisionsOf(await swapped(server, charge("early")))).toEqual(["allow"]);
    await delay(1_010);
    expect(await swapped(server, charge("next"))).toBeUndefined();
    expect(decisionsOf(await decided(server, charge("next")))).toEqual(["allow"]);
    const { rows } = await pool().query(
      "SELECT state FROM ledger_authorization WHERE org_id = $1 AND id = 'free'",
      [state.orgId],
    );
    expect(rows).toEqual([{ state: "EXPIRED" }]);
  });

  test("what asks for nothing is there for what is due, and takes the lock", async () => {
    const server = newServer();
    await swapped(server, charge("first"));
    const touch = { ...workOf(state.orgId, []), accounts: ["acme"] };
    const batch = await prepareBatch(server, state.orgId, [touch]);
    expect(await decideBySwap(server, batch)).toBeUndefined();
  });

  test("nothing is written when the clock was set", async () => {
    const server = newServer();
    expect(decisionsOf(await swapped(server, charge("first")))).toEqual(["allow"]);
    const before = await written();
    // A clock that is behind what the account has seen is not asked.
    await delay(300);
    for (const wrong of [-10_000, 10_000]) {
      server.clock.heard(Date.now() + wrong);
      expect(await swapped(server, charge("next"))).toBeUndefined();
      expect(await written()).toEqual(before);
      while (!server.remembered.isTrusted(state.orgId));
    }
    expect(decisionsOf(await decided(server, charge("next")))).toEqual(["allow"]);
  });

  test("who was wrong takes locks for a while", async () => {
    const server = newServer();
    await swapped(server, charge("first"));
    await decided(newServer(), charge("other"));
    const asked = Array.from({ length: 18 }, (_, nth) => charge(`b${nth}`, { account: "bolt" }));
    const ways: boolean[] = [(await swapped(server, charge("next"))) !== undefined];
    for (const one of asked) ways.push((await swapped(server, one)) !== undefined);
    expect(ways.indexOf(true)).toBe(17);
  });

  test.each<[string, Command]>([
    ["what is only asked", charge("next", { mode: "check" })],
    ["a dry run", charge("next", { isDryRun: true })],
    ["what counts against a limit", charge("next", { account: "limited" })],
    ["what was stored before", { kind: "void", id: "first", fingerprint: "void" }],
    ["a grant", sampleGrant("more", money("1"))],
    ["an account that has no row", charge("next", { account: "nobody" })],
  ])("%s is left to a lock", async (_, command) => {
    const server = newServer();
    await swapped(server, charge("first"), charge("b", { account: "bolt" }));
    expect(await swapped(server, command)).toBeUndefined();
  });

  test("a retry in the same batch has the answer of the first", async () => {
    const server = newServer();
    const asked = [charge("1"), charge("1")];
    const [first, second] = (await swapped(server, ...asked)) ?? [];
    expect(second).toEqual({ ...first, isReplayed: true });
  });

  describe("priced by position", () => {
    test("a position that is new, and one that is there, moves with what it priced", async () => {
      const [first, second] = [newServer(), newServer()];
      const asked = (from: number) =>
        Array.from({ length: 6 }, (_, nth) => piece(`${from + nth}`, "bolt"));
      expect(decisionsOf(await swapped(first, ...asked(0)))).toEqual(asked(0).map(() => "allow"));
      expect(decisionsOf(await swapped(first, ...asked(6)))).toEqual(asked(6).map(() => "allow"));
      const amounts = (await swapped(second, piece("12", "bolt")))?.map((outcome) =>
        outcome.kind === "authorized" ? outcome.amount : outcome.kind,
      );
      expect(amounts).toEqual([money("0.02")]);
      const { rows } = await pool().query(
        `SELECT posted, (SELECT debited FROM wallet_account WHERE org_id = $1 AND account = 'bolt')
         FROM usage_position WHERE org_id = $1`,
        [state.orgId],
      );
      // Ten at one cent, three at two.
      const [posted, debited] = [units("13").toString(), money("0.16").toString()];
      expect(rows).toEqual([{ posted, debited }]);
    });

    test("nothing is written when somebody else moved it, whose purse is another", async () => {
      const server = newServer();
      await swapped(server, piece("1", "acme"), charge("b", { account: "bolt" }));
      await decided(newServer(), ...Array.from({ length: 10 }, (_, n) => piece(`x${n}`, "bolt")));
      const before = await written();
      expect(await swapped(server, piece("2", "acme"))).toBeUndefined();
      expect(await written()).toEqual(before);
      const [outcome] = await decided(server, piece("2", "acme"));
      expect(outcome).toMatchObject({ decision: "allow", amount: money("0.02") });
    });

    test("nothing is written when somebody else began it", async () => {
      const server = newServer();
      await swapped(server, charge("1"));
      const before = await written();
      const other = await pool().connect();
      await other.query("BEGIN");
      await other.query("SELECT FROM ledger_account WHERE org_id = $1 FOR UPDATE", [state.orgId]);
      const outcomes = swapped(server, piece("2", "acme"));
      await untilSomebodyWaits();
      await other.query("INSERT INTO usage_position VALUES ($1, $2, 0, 0)", [
        state.orgId,
        position,
      ]);
      await other.query("COMMIT");
      other.release();
      expect(await outcomes).toBeUndefined();
      expect(await written()).toEqual(before);
      expect(decisionsOf(await decided(server, piece("2", "acme")))).toEqual(["allow"]);
    });

    test("what the lock decided is remembered", async () => {
      const server = newServer();
      await decided(server, piece("1", "bolt"));
      await decided(server, sampleGrant("more", money("1")), piece("2", "bolt"));
      expect(server.remembered.positions.of(state.orgId, position)?.posted).toBe(units("2"));
      expect(decisionsOf(await swapped(server, piece("3", "bolt")))).toEqual(["allow"]);
    });

    test("a refusal at a position that is not there is left to a lock", async () => {
      const server = newServer();
      await swapped(server, charge("1"));
      const dear = piece("2", "acme", { quantity: units("1000") });
      expect(await swapped(server, dear)).toBeUndefined();
      expect(decisionsOf(await decided(server, dear))).toEqual(["deny"]);
    });
  });

  test("servers that race for the last cents let exactly three through", async () => {
    const servers = [newServer(), newServer(), newServer()];
    for (const server of servers)
      await swapped(server, charge(`b${servers.indexOf(server)}`, { account: "bolt" }));
    const answers = await Promise.all(
      Array.from({ length: 24 }, async (_, nth) => {
        const server = servers[nth % servers.length];
        return server === undefined ? [] : decisionsOf(await decided(server, charge(`${nth}`)));
      }),
    );
    expect(answers.flat().filter((one) => one === "allow")).toHaveLength(3);
    expect(answers.flat()).toHaveLength(24);
  });
});
