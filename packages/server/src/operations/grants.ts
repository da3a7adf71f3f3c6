import { randomUUID } from "node:crypto";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import { type FieldError, fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import { type Asset, formatAtoms, parseAtoms } from "@turnpike/engine/ledger/asset.ts";
import type { CreditGrant, OfferedTerms } from "@turnpike/engine/ledger/request.ts";
import type { EpochMs, Grant, Restriction, Rollover } from "@turnpike/engine/ledger/rows.ts";
import type { z } from "zod";
import type { grant as grantBody } from "@turnpike/contract/authorization/request.ts";
import { assetOf, atomsOf, keepAsset } from "../authorization/amounts.ts";
import {
  amountText,
  asBooked,
  only,
  type Said,
  saidOfId,
  timeText,
} from "../authorization/answers.ts";
import type { Configuration } from "../authorization/configuration.ts";
import { fingerprintOf } from "../authorization/fingerprint.ts";
import type { Ledger } from "../authorization/ledger.ts";
import { unlessAnswered } from "../authorization/stored-authorizations.ts";
import { type GrantColumns, grantFrom } from "../authorization/rows/stored-rows.ts";
import { keyedPage } from "../authorization/keyed-page.ts";
import { isOpen } from "../authorization/rows/purse.ts";
import type { Database } from "../ports/database.ts";
import { epochMs } from "../records/database-time.ts";
import { lookupAll, lookupCodes } from "../records/lookup.ts";
import type { Handlers } from "./handler.ts";

type GrantBody = z.output<typeof grantBody>;

/** What one whole unit cost is kept at twelve digits after the point. */
const costBasisScale = 12;

/** An account that does not exist has no wallet: a credit for it would be lost. */
const checkAccount = async ({ customers }: Ledger, orgId: string, account: string) => {
  if ((await customers.idsOf(orgId, [account])).has(account)) return;
  throw fieldProblem("REFERENCE_NOT_FOUND", "account", `names no account: ${account}`);
};

interface Has {
  readonly has: (name: string) => boolean;
}

/** What is for a product or a meter that does not exist could never be spent. */
const refuseUnknown = (
  { products, meters }: Restriction,
  known: { readonly products: Has; readonly meters: Has },
): void => {
  const unknown = [
    ...unknownOf("product", products, known.products),
    ...unknownOf("meter", meters, known.meters),
  ];
  if (unknown.length > 0) throw new Problem("REFERENCE_NOT_FOUND", unknown);
};

/** What a grant is for stays, so that it can be spent: nothing is kept for a grant that is refused. */
const keepRestriction = async (
  { keptRecords }: Ledger,
  database: Database,
  { orgId, appliesTo }: { readonly orgId: string; readonly appliesTo: Restriction },
): Promise<void> => {
  const { products, meters } = appliesTo;
  const named = await lookupCodes(database, meter, { orgId, codes: meters });
  refuseUnknown(appliesTo, {
    products: await lookupAll(database, product, { orgId, ids: products }),
    meters: new Set(named.map(({ code }) => code)),
  });
  refuseUnknown(appliesTo, {
    products: await keptRecords.keep({ orgId, kind: product.kind, by: "id", names: products }),
    meters: await keptRecords.keep({ orgId, kind: meter.kind, by: "code", names: meters }),
  });
};

const unknownOf = (kind: "product" | "meter", names: readonly string[], known: Has): FieldError[] =>
  names.flatMap((name, nth) =>
    known.has(name)
      ? []
      : [{ field: `appliesTo.${kind}s[${nth}]`, message: `names no ${kind}: ${name}` }],
  );

const termsOf = (configuration: Configuration, body: GrantBody): OfferedTerms => {
  const asset = assetOf(configuration, body.asset);
  const costBasis = parseAtoms(body.costBasis ?? "0", costBasisScale);
  if (costBasis === undefined)
    throw fieldProblem(
      "VALIDATION_FAILED",
      "costBasis",
      "must have at most 12 digits after the point",
    );
  return {
    amount: atomsOf({ text: body.amount, field: "amount" }, asset),
    priority: body.priority,
    effectiveAt: body.effectiveAt === undefined ? null : Date.parse(body.effectiveAt),
    expiresAt: body.expiresAt === undefined ? null : Date.parse(body.expiresAt),
    purpose: body.purpose,
    appliesTo: body.appliesTo ?? null,
    costBasis,
    rollover: body.rollover === undefined ? null : rolloverOf(body.rollover, asset),
    source: "api",
  };
};

const rolloverOf = (said: NonNullable<GrantBody["rollover"]>, asset: Asset): Rollover => {
  const max = atomsOf({ text: said.max, field: "rollover.max" }, asset);
  const min = atomsOf({ text: said.min, field: "rollover.min" }, asset);
  if (min > max)
    throw fieldProblem("VALIDATION_FAILED", "rollover.min", "must not be above rollover.max");
  return { max, min, expiresAfterMs: said.expiresAfterSeconds * 1000 };
};

/** What no request can say of itself is whether it came in time. */
const saidOfGrant: Said = (refused) =>
  refused.code === "INVALID"
    ? { field: "expiresAt", message: "must be in the future" }
    : saidOfId(refused);

export const createGrant: Handlers["createGrant"] = async (
  { orgId, body },
  { ledger, database },
) => {
  await checkAccount(ledger, orgId, body.account);
  const configuration = await ledger.configurations.of(orgId);
  const { id = randomUUID(), account, asset, appliesTo } = body;
  const terms = termsOf(configuration, body);
  if (appliesTo !== undefined)
    await unlessAnswered(() => keepRestriction(ledger, database, { orgId, appliesTo }), {
      stored: () => storedGrant(ledger, orgId, id),
      answered: undefined,
    });
  await keepAsset(ledger, orgId, asset);
  const command: CreditGrant = {
    kind: "grant",
    id,
    fingerprint: fingerprintOf(["grant", body]),
    account,
    asset,
    terms,
  };
  const work = { orgId, accounts: [account], requests: [command], usage: [] };
  asBooked(only(await ledger.decide(work), saidOfGrant));
  return grantReply(configuration, await findGrant(ledger, orgId, id));
};

interface ReadColumns extends GrantColumns {
  readonly read_at: string;
}

interface FoundGrant {
  readonly account: string;
  readonly asset: string;
  readonly grant: Grant;
  /** By the clock that decides. */
  readonly readAt: EpochMs;
}

const found = (row: ReadColumns): FoundGrant => ({
  account: row.account,
  asset: row.asset,
  grant: grantFrom(row),
  readAt: Number(row.read_at),
});

const storedGrant = async (
  { pool }: Ledger,
  orgId: string,
  id: string,
): Promise<FoundGrant | undefined> => {
  const text = `SELECT *, ${epochMs} AS read_at FROM grant_standing WHERE org_id = $1 AND id = $2`;
  const { rows } = await pool.query<ReadColumns>(text, [orgId, id]);
  return rows[0] && found(rows[0]);
};

const findGrant = async (ledger: Ledger, orgId: string, id: string): Promise<FoundGrant> => {
  const stored = await storedGrant(ledger, orgId, id);
  if (stored === undefined) throw new Problem("NOT_FOUND");
  return stored;
};

/** What is used up and leaves nothing is not touched at its end. */
const stateOf = ({ grant, readAt }: FoundGrant): Grant["state"] => {
  const endsAt = grant.terms.expiresAt ?? Number.POSITIVE_INFINITY;
  return isOpen(grant) || endsAt > readAt ? grant.state : "ended";
};

const grantReply = (configuration: Configuration, read: FoundGrant) => {
  const { account, asset, grant } = read;
  const { terms } = grant;
  const text = (atoms: bigint): string => amountText(configuration, asset, atoms);
  return {
    id: grant.id,
    account,
    asset,
    amount: text(terms.amount),
    state: stateOf(read),
    remaining: text(grant.remaining),
    held: text(grant.held),
    consumed: text(grant.consumed),
    breakage: text(grant.breakage),
    transferred: text(grant.transferred),
    priority: terms.priority,
    purpose: terms.purpose,
    effectiveAt: timeText(terms.effectiveAt),
    expiresAt: timeText(terms.expiresAt),
    appliesTo: terms.appliesTo ?? undefined,
    costBasis: formatAtoms(terms.costBasis, costBasisScale),
    rollover:
      terms.rollover === null
        ? undefined
        : {
            max: text(terms.rollover.max),
            min: text(terms.rollover.min),
            expiresAfterSeconds: terms.rollover.expiresAfterMs / 1000,
          },
    source: terms.source,
  };
};

/** What is due happens first: a read never sees an expired grant counted (f.4). */
const bringUpToDate = async (ledger: Ledger, orgId: string, codes: readonly string[]) => {
  const accounts = [...(await ledger.customers.idsOf(orgId, codes)).keys()];
  if (accounts.length > 0) await ledger.decide({ orgId, accounts, requests: [], usage: [] });
};

/** Whether the grant may be another by now than its row says: it begins or ends, or what holds a part of it has ended. */
const mayBeDue = ({ grant, readAt }: FoundGrant): boolean => {
  const { effectiveAt, expiresAt } = grant.terms;
  const begins = grant.state === "scheduled" && effectiveAt <= readAt;
  const ends = expiresAt !== null && expiresAt <= readAt;
  return grant.held > 0n || (isOpen(grant) && (begins || ends));
};

export const listGrants: Handlers["listGrants"] = async ({ orgId, query }, { ledger }) => {
  const configuration = await ledger.configurations.of(orgId);
  const read = () => keyedPage<ReadColumns>(ledger.pool, "grant_standing", { orgId, ...query });
  if (query.account !== undefined) await bringUpToDate(ledger, orgId, [query.account]);
  let page = await read();
  const due = page.data.filter((row) => mayBeDue(found(row)));
  if (query.account === undefined && due.length > 0) {
    await bringUpToDate(ledger, orgId, [...new Set(due.map(({ account }) => account))]);
    page = await read();
  }
  return { ...page, data: page.data.map((row) => grantReply(configuration, found(row))) };
};

export const getGrant: Handlers["getGrant"] = async ({ orgId, params }, { ledger }) => {
  const { account } = await findGrant(ledger, orgId, params["id"] ?? "");
  await bringUpToDate(ledger, orgId, [account]);
  const configuration = await ledger.configurations.of(orgId);
  const grant = await findGrant(ledger, orgId, params["id"] ?? "");
  return grantReply(configuration, grant);
};

export const voidGrant: Handlers["voidGrant"] = async ({ orgId, params }, { ledger }) => {
  const { account, grant } = await findGrant(ledger, orgId, params["id"] ?? "");
  const outcomes = await ledger.decide({
    orgId,
    accounts: [account],
    requests: [
      { kind: "voidGrant", id: grant.id, fingerprint: fingerprintOf(["voidGrant", grant.id]) },
    ],
    usage: [],
  });
  asBooked(only(outcomes));
  const configuration = await ledger.configurations.of(orgId);
  return grantReply(configuration, await findGrant(ledger, orgId, grant.id));
};
