import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { Outcome } from "@turnpike/engine/ledger/outcome.ts";
import type { Command } from "@turnpike/engine/ledger/request.ts";
import {
  money,
  sampleCharge,
  sampleGrant,
  sampleHold,
  sampleRateable,
  sampleRefund,
  sampleSettle,
  sampleTariff,
  units,
} from "@turnpike/engine/ledger/sample-request.ts";
import { auditLedger } from "./audit.ts";
import { type BatchParts, prepareBatch } from "./batch-decision.ts";
import { decideBatch } from "./batch.ts";
import { ledgerDatabase, workOf } from "./rows/ledger-database.suite.ts";
import { decideBySwap } from "./swap.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 20);
const seed = process.env["TURNPIKE_SEED"];
const settings = { numRuns, ...(seed === undefined ? {} : { seed: Number(seed) }) };

const { pool, server, organization } = ledgerDatabase();

const accounts = ["acme", "bolt", "cog", "dune"];

/** Dearer above three and above nine, cheaper again above twenty. */
const tariff = sampleTariff(true, ["0", "0.01"], ["3", "0.03"], ["9", "0.05"], ["20", "0.01"]);

/** By the plan of an account, which may be another's than who calls. */
const pricedBy = (owner: string) => ({ ...sampleRateable(tariff), position: `price@0/${owner}` });

/** So few ids that some commands repeat an earlier one, or are another one of the same id. */
const command: fc.Arbitrary<Command> = fc
  .record({
    id: fc.nat(300).map(String),
    account: fc.constantFrom(...accounts),
    cents: fc.nat(9),
    kind: fc.nat(99),
    owner: fc.option(fc.constantFrom(...accounts)),
  })
  .map(({ id, account, cents, kind, owner }) => {
    const amount = money((cents / 100).toString());
    const price = owner === null ? {} : { price: pricedBy(owner), quantity: units(`${cents}`) };
    const own = { account, meter: null, ...price };
    if (kind === 0) return sampleGrant(`grant ${id}`, amount + 1n, { account });
    if (kind === 1) return sampleHold(id, amount, own);
    if (kind === 2) return sampleSettle(id, amount);
    if (kind === 3) return sampleRefund(`refund ${id}`, id, null);
    if (kind === 4) return sampleCharge(id, amount, { ...own, mode: "check" });
    return sampleCharge(id, amount, { ...own, partial: kind < 9 ? "allow" : "never" });
  });

/** Of all accounts where a command does not say of which. */
const workFor = (orgId: string, commands: readonly Command[]) => {
  const isOfAny = commands.some((one) => !("account" in one));
  const work = workOf(orgId, commands);
  return isOfAny ? { ...work, accounts } : work;
};

const batches = fc.array(
  fc.record({ isFirst: fc.boolean(), commands: fc.array(command, { minLength: 1, maxLength: 4 }) }),
  { minLength: 10, maxLength: 30 },
);

/** What callers are told, without times. */
const told = (outcomes: readonly Outcome[] | undefined): unknown =>
  outcomes?.map((outcome) => ({ ...outcome, validUntil: null }));

/** What accounts have in the end, without times. */
const holdings = async (orgId: string): Promise<unknown> => {
  const { rows } = await pool().query(
    `SELECT account, asset, credited, debited, held, debt FROM wallet_account
     WHERE org_id = $1 ORDER BY account, asset`,
    [orgId],
  );
  const positions = await pool().query(
    "SELECT id, posted, held FROM usage_position WHERE org_id = $1 ORDER BY id",
    [orgId],
  );
  return [rows, positions.rows];
};

test(
  "two servers that swap decide as one that locks",
  async () => {
    const counts = { swapped: 0, all: 0 };
    await fc.assert(
      fc.asyncProperty(batches, async (asked) => {
        const [swapping, locking] = [await organization(accounts), await organization(accounts)];
        const [first, second, locker] = [server(), server(), server()];
        const bySwap = async (parts: BatchParts, commands: readonly Command[]) => {
          const works = [workFor(swapping, commands)];
          const outcomes = await decideBySwap(parts, await prepareBatch(parts, swapping, works));
          counts.all += 1;
          if (outcomes !== undefined) counts.swapped += 1;
          return (outcomes ?? (await decideBatch(parts, swapping, works)))[0];
        };
        const byLock = async (commands: readonly Command[]) => {
          locker.remembered.doubt(locking);
          return (await decideBatch(locker, locking, [workFor(locking, commands)]))[0];
        };
        const funds = accounts.map((account) =>
          sampleGrant(`of ${account}`, money("0.4"), { account }),
        );
        expect(told(await bySwap(first, funds))).toEqual(told(await byLock(funds)));
        for (const { isFirst, commands } of asked) {
          const outcomes = await bySwap(isFirst ? first : second, commands);
          expect(told(outcomes)).toEqual(told(await byLock(commands)));
        }
        expect(await holdings(swapping)).toEqual(await holdings(locking));
        expect(await auditLedger(pool(), swapping)).toEqual([]);
      }),
      settings,
    );
    expect(counts.swapped / counts.all).toBeGreaterThan(0.1);
  },
  60_000 + numRuns * 10_000,
);
