import type { Pool } from "pg";
import { z } from "zod";
import { Decimal, sum } from "@turnpike/engine/exact/decimal.ts";
import { quantityScale } from "@turnpike/engine/ledger/asset.ts";
import { movements } from "@turnpike/engine/ledger/book.ts";
import { authorized } from "./authorization-client.ts";
import type { Observed } from "./random-run.ts";
import { countings, type RandomWorld } from "./random-world.ts";

/** What the stored rows and the answers of a random run show of the invariants, as sentences of what is wrong. */

interface Run {
  readonly pool: Pool;
  readonly orgId: string;
}

const fromDatabase = async <Row extends object>({ pool, orgId }: Run, text: string) =>
  (await pool.query<Row>(text, [orgId])).rows;

/** At every moment: what no audit of rows compares with its limit (I13, I25, I28). */
export const exceededLimits = async (run: Run): Promise<string[]> => {
  const rows = await fromDatabase<{ fault: string }>(
    run,
    `WITH limits AS (SELECT id::text, kind, document FROM record WHERE org_id = $1)
     SELECT 'I13 ' || (document->>'code') || ' stands at ' || (posted + held) AS fault
       FROM budget_counter JOIN limits ON limits.id = budget_id AND kind = 'budget'
       -- Units may be more than were held: only what costs is rejected beyond a hold.
       WHERE org_id = $1 AND document->>'mode' = 'hard' AND document ? 'asset'
         AND posted + held > (document->>'limit')::numeric * 1000000
     UNION ALL
     SELECT 'I28 ' || (document->>'code') || ' has ' || count(*) FROM ledger_authorization
       JOIN limits ON kind = 'concurrencyLimit' AND terms::jsonb->'concurrencyLimits' ? limits.id
       WHERE org_id = $1 AND state = 'HELD' GROUP BY document
       HAVING count(*) > (document->>'limit')::integer
     UNION ALL
     SELECT 'I25 ' || rule_id || ' has ' || count(*) FROM top_up
       WHERE org_id = $1 AND state = 'pending' AND rule_id IS NOT NULL GROUP BY rule_id HAVING count(*) > 1`,
  );
  return rows.map(({ fault }) => fault);
};

/** I14, I18, I25, I26, I32, as far as the rows show them when all is done. */
export const brokenAtTheEnd = async (run: Run): Promise<string[]> => {
  const rows = await fromDatabase<{ fault: string }>(
    run,
    `SELECT 'I14 ' || id || ' was denied and moved ' || kind AS fault FROM ledger_authorization
       JOIN posting ON posting.org_id = $1 AND posting.authorization_id = id
       WHERE ledger_authorization.org_id = $1 AND state = 'DENIED'
     UNION ALL
     SELECT 'I25 ' || transaction || ' credited ' || count(*) FROM posting
       WHERE org_id = $1 AND kind = 'credit' AND transaction LIKE 'creditTopUp:%' GROUP BY transaction
       HAVING count(*) > 1
     UNION ALL
     SELECT 'I25 ' || payment || ' credited ' || count(*) FROM top_up
       WHERE org_id = $1 AND state = 'credited' GROUP BY payment HAVING count(*) > 1
     UNION ALL
     SELECT 'I26 ' || authorization_id || ' gained by exchange' FROM (
       SELECT authorization_id,
         sum(CASE WHEN kind IN ('exchangedCharge', 'exchangedSettlement') THEN amount
                  WHEN kind IN ('exchangedRefund', 'exchangedRefundForfeiture') THEN -amount ELSE 0 END) AS tokens,
         sum(CASE kind WHEN 'conversion' THEN amount WHEN 'conversionReversal' THEN -amount ELSE 0 END) AS atoms
       FROM posting WHERE org_id = $1 AND authorization_id IS NOT NULL GROUP BY 1) AS exchanged
       WHERE tokens * 30000 < atoms
     UNION ALL
     SELECT 'I32 ' || budget_id || ' alerted ' || percent || ' at ' || used FROM budget_alert
       WHERE org_id = $1 AND used * 100 < "limit" * percent`,
  );
  return rows.map(({ fault }) => fault);
};

interface SettledColumns {
  readonly account: string;
  readonly meter: string;
  readonly price_version: string | null;
  readonly quantity: string;
  readonly further: readonly { readonly settled: string; readonly refunded: string }[] | null;
}

/** What has to be metered by account, meter and method, as `account meter SUM`: settled, less what was refunded (I18). */
export const settledUnits = async (
  run: Run,
  { methods }: Pick<RandomWorld, "methods">,
): Promise<ReadonlyMap<string, Decimal>> => {
  const rows = await fromDatabase<SettledColumns>(
    run,
    `SELECT account, terms::json->'spender'->>'meter' AS meter, terms::json->>'priceVersion' AS price_version,
       settled_quantity - refunded_quantity AS quantity, further::json AS further
     FROM ledger_authorization WHERE org_id = $1 AND terms::json->'spender'->>'meter' IS NOT NULL`,
  );
  const used = rows.flatMap(({ account, meter, price_version: version, quantity, further }) => {
    const others = (further ?? []).map((use) => BigInt(use.settled) - BigInt(use.refunded));
    const pricings = version?.split("+").map((one) => one.slice(0, one.indexOf("@")));
    const counted = pricings?.map((id) => methods.get(id)) ?? countings[meter] ?? [];
    return [BigInt(quantity), ...others].map((atoms, place): [string, Decimal] => [
      `${account} ${meter} ${counted[place] ?? ""}`,
      new Decimal(atoms, quantityScale),
    ]);
  });
  return added(used);
};

const added = (parts: Iterable<readonly [string, Decimal]>): Map<string, Decimal> => {
  const all = new Map<string, Decimal>();
  for (const [name, value] of parts)
    all.set(name, sum([all.get(name) ?? new Decimal(0n, 0), value]));
  return all;
};

const batch = z.object({ authorizations: z.array(z.unknown()) });

/** The first answers of authorizations, one by one; those of checks and of linked batches are of no moment of their own. */
const firstAnswers = (seen: readonly Observed[]) =>
  seen.flatMap((one) => {
    const { path, body } = one.operation;
    if (one.status !== 200 || body["linked"] === true) return [];
    const requests = z
      .array(z.looseObject({ account: z.string(), subject: z.string().optional() }))
      .parse(
        path === "authorizations/batch"
          ? body["authorizations"]
          : path === "authorizations"
            ? [body]
            : [],
      );
    const answers =
      path === "authorizations/batch" ? batch.parse(one.body).authorizations : [one.body];
    return requests.flatMap((request, nth) => {
      const answer = authorized.safeParse(answers[nth]);
      return answer.success && !answer.data.replayed ? [{ request, answer: answer.data, one }] : [];
    });
  });

/** I27: of what carries the limited subject, no window sees more than the limit and its burst. */
export const exceededRate = async (
  run: Run,
  seen: readonly Observed[],
  { most, windowMs }: { readonly most: number; readonly windowMs: number },
): Promise<string[]> => {
  const passed = firstAnswers(seen)
    .filter(({ request, answer }) => request.subject !== undefined && answer.decision !== "deny")
    .map(({ answer }) => answer.uid);
  const { rows } = await run.pool.query<{ at: string }>(
    `SELECT terms::json->>'authorizedAt' AS at FROM ledger_authorization
     WHERE org_id = $1 AND id = ANY($2) ORDER BY (terms::json->>'authorizedAt')::bigint`,
    [run.orgId, passed],
  );
  const times = rows.map(({ at }) => Number(at));
  return times.flatMap((at, nth) =>
    (times[nth + most] ?? Number.POSITIVE_INFINITY) - at < windowMs
      ? [`I27 more than ${most} passed in the window from ${at}`]
      : [],
  );
};

/** What was available after each transaction of an account, and which one it was. */
interface Moment {
  readonly transaction: string;
  readonly available: bigint;
}

const historyOf = async ({ pool, orgId }: Run, account: string): Promise<Moment[]> => {
  const { rows } = await pool.query<{
    transaction: string;
    kind: keyof typeof movements;
    amount: string;
  }>(
    `SELECT transaction, kind, amount FROM posting
     WHERE org_id = $1 AND account = $2 AND asset = 'USD' ORDER BY sequence`,
    [orgId, account],
  );
  const moments: Moment[] = [{ transaction: "", available: 0n }];
  for (const { transaction, kind, amount } of rows) {
    const [credited, debited, held, debt] = movements[kind].effect;
    const step = BigInt(credited - debited - held - debt) * BigInt(amount);
    const last = moments.at(-1);
    const available = (last?.available ?? 0n) + step;
    if (last?.transaction === transaction) moments.pop();
    moments.push({ transaction, available });
  }
  return moments;
};

const partVerbs: ReadonlySet<string> = new Set(["settle", "update", "report"]);

/** The transactions of an operation, as the ledger names them. */
const transactionsOf = ({ path, body }: Observed["operation"]): string[] => {
  const [first = "", id = "", verb = ""] = path.split("/");
  if (first === "authorizations" && verb === "" && id === "")
    return [`authorize:${String(body["uid"])}`];
  if (first === "refunds") return [`refund:${String(body["uid"])}`];
  if (first === "grants" && id === "") return [`grant:${String(body["id"])}`];
  if (partVerbs.has(verb)) return [`part:${id}#part#${String(body["sequence"])}`];
  if (verb === "void" && first === "authorizations") return [`void:${id}`];
  return verb === "extend" ? [`extend:${id}#${String(body["sequence"])}`] : [];
};

/**
 * I17: every first answer shows what was available at some moment of the account's one history that lies between its
 * question and its answer: not before what was answered by then, not after what was asked later.
 */
export const outOfOrder = async (run: Run, seen: readonly Observed[]): Promise<string[]> => {
  const sentAt = new Map<string, number>();
  const answeredAt = new Map<string, number>();
  for (const one of seen.filter(({ status }) => status === 200))
    for (const name of transactionsOf(one.operation)) {
      sentAt.set(name, Math.min(sentAt.get(name) ?? Infinity, one.sentAt));
      answeredAt.set(name, Math.min(answeredAt.get(name) ?? Infinity, one.answeredAt));
    }
  const faults: string[] = [];
  for (const [account, answers] of Map.groupBy(
    firstAnswers(seen),
    ({ request }) => request.account,
  )) {
    const history = await historyOf(run, account);
    for (const { answer, one } of answers) {
      const from = history.findLastIndex(
        ({ transaction }) => (answeredAt.get(transaction) ?? Infinity) < one.sentAt,
      );
      const later = history.findIndex(
        ({ transaction }) => (sentAt.get(transaction) ?? -Infinity) > one.answeredAt,
      );
      const possible = history.slice(Math.max(0, from), later === -1 ? undefined : later);
      const shown = atomsOf(answer.remaining.account);
      if (!possible.some(({ available }) => available === shown))
        faults.push(
          `I17 ${answer.uid} of ${account} saw ${answer.remaining.account}, which it was at none of ` +
            possible.map((each) => `${each.available} after ${each.transaction}`).join(", "),
        );
    }
  }
  return faults;
};

const atomsOf = (text: string): bigint => {
  const [whole = "", fraction = ""] = text.replace("-", "").split(".");
  const atoms = BigInt(whole + fraction.padEnd(6, "0"));
  return text.startsWith("-") ? -atoms : atoms;
};
