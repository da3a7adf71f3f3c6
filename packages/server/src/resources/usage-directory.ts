import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { account } from "@turnpike/contract/accounts/account.ts";
import { customField } from "@turnpike/contract/accounts/custom-field.ts";
import { lookupTable } from "@turnpike/contract/catalog/lookup-table.ts";
import { lookupTableRevision } from "@turnpike/contract/catalog/lookup-table-revision.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { product } from "@turnpike/contract/catalog/product.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Database } from "../ports/database.ts";
import type {
  AccountResolution,
  CustomFieldOwners,
  DirectoryChange,
  MeterSchema,
  OwnedCustomFields,
  UsageDirectory,
} from "../ports/usage-directory.ts";
import { serverPrincipal } from "../records/caller.ts";
import type { CatalogChange } from "../records/catalog-change.ts";
import { customFieldValues } from "../records/custom-field-values.ts";
import { findLookupRows } from "../records/lookup-answers.ts";
import { lookup, lookupAll, lookupCodes } from "../records/lookup.ts";
import { noSecrets } from "./secrets.ts";
import { foldCode, insert, recordChange } from "./writes.ts";

/** Kinds of records that calculations of derived fields depend on (m3ter semantics 2.10, 8). */
const surroundings: ReadonlySet<string> = new Set(
  [account, customField, lookupTable, lookupTableRevision, meter, product].map(({ kind }) => kind),
);

export interface CatalogDirectory extends UsageDirectory {
  /** To be called after every committed change of the catalog. */
  readonly announce: (change: CatalogChange) => void;
}

/**
 * What metering asks of the catalog, answered from PostgreSQL. The database is asked for when it is needed: the usage
 * store, which holds the lock of the data directory, opens before the database is started.
 */
export const createDirectory = (database: () => Database, now: () => Date): CatalogDirectory => {
  const listeners = new Set<(change: DirectoryChange) => void>();
  /** Many at once that create the same accounts would wait for each other's rows, one account at a time. */
  const inTurn = createTurns();
  const announce = ({ orgId, kind, isNew }: CatalogChange): void => {
    // Only accounts that exist are remembered, and there may be new ones every second.
    if (kind === account.kind && isNew) return;
    const change = {
      orgId,
      kind: kind === "meter" || kind === "account" ? kind : "surroundings",
    } as const;
    if (surroundings.has(kind)) for (const listener of listeners) listener(change);
  };
  return {
    announce,
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    meters: (orgId, codes) => findMeters(database(), orgId, codes),
    customFields: (orgId, owners) => findCustomFields(database(), orgId, owners),
    lookups: (orgId, lookups) => findLookupRows(database(), orgId, lookups),
    codes: async (orgId, { meterId, accountId }) => ({
      meter: await findCode(database(), { orgId, kind: meter.kind, id: meterId }),
      account: await findCode(database(), { orgId, kind: account.kind, id: accountId }),
    }),
    accounts: async (orgId, codes) => {
      const found = await findAccounts(database(), orgId, codes);
      if (codes.every((code) => found.has(code))) return found;
      return inTurn(orgId, () => findOrCreate(database(), { orgId, codes, at: now() }));
    },
  };
};

/** Work of one organization in turn, in the order in which it was asked for. */
const createTurns = () => {
  const last = new Map<string, Promise<unknown>>();
  return async <Result>(orgId: string, work: () => Promise<Result>): Promise<Result> => {
    const turn = (last.get(orgId) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    last.set(orgId, settled);
    try {
      return await turn;
    } finally {
      if (last.get(orgId) === settled) last.delete(orgId);
    }
  };
};

const findOrCreate = async (
  database: Database,
  { orgId, codes, at }: { orgId: string; codes: readonly string[]; at: Date },
): Promise<Map<string, AccountResolution>> => {
  const found = await findAccounts(database, orgId, codes);
  const missing = codes.filter((code) => !found.has(code));
  if (missing.length === 0) return found;
  const close = await findCloseCodes(database, orgId, missing);
  for (const code of missing) {
    const closeTo = close.get(foldCode(code));
    if (closeTo === code) {
      // Somebody else has created it since it was looked for.
      for (const [known, resolution] of await findAccounts(database, orgId, [code])) {
        found.set(known, resolution);
      }
      continue;
    }
    found.set(
      code,
      closeTo === undefined
        ? await createAccount(database, { orgId, code, at })
        : { kind: "refused", closeTo },
    );
    // A new account is itself close to the codes that follow it in the same question.
    if (closeTo === undefined) close.set(foldCode(code), code);
  }
  return found;
};

const findMeters = async (
  database: Database,
  orgId: string,
  codes: readonly string[],
): Promise<Map<string, MeterSchema>> => {
  const found = await lookupCodes(database, meter, { orgId, codes });
  return new Map(
    found.map(({ id, code, dataFields, derivedFields }) => [
      code,
      { id, code, dataFields, derivedFields },
    ]),
  );
};

/** An entity's own over the organization's defaults for its kind; a product's only where the meter has one (2.10). */
const findCustomFields = async (
  database: Database,
  orgId: string,
  { meterIds, accountIds }: CustomFieldOwners,
): Promise<OwnedCustomFields> => {
  const defaults = await lookup(database, customField, { orgId, id: orgId });
  const meters = await lookupAll(database, meter, { orgId, ids: meterIds });
  const accounts = await lookupAll(database, account, { orgId, ids: accountIds });
  const productIds = [...meters.values()].flatMap(({ productId }) => productId ?? []);
  const products = await lookupAll(database, product, { orgId, ids: productIds });
  const ofMeter = ({ productId, customFields }: Stored<typeof meter>) => ({
    ...customFieldValues("organization", defaults?.organization),
    ...customFieldValues("meter", defaults?.meter, customFields),
    ...(productId === undefined
      ? {}
      : customFieldValues("product", defaults?.product, products.get(productId)?.customFields)),
  });
  return {
    meters: new Map(meters.values().map((one) => [one.id, ofMeter(one)])),
    accounts: new Map(
      accounts
        .values()
        .map(({ id, customFields }) => [
          id,
          customFieldValues("account", defaults?.account, customFields),
        ]),
    ),
  };
};

const findAccounts = async (
  database: Database,
  orgId: string,
  codes: readonly string[],
): Promise<Map<string, AccountResolution>> => {
  const found = await lookupCodes(database, account, { orgId, codes });
  return new Map(found.map(({ id, code }) => [code, { kind: "found", id }]));
};

const findCode = async (
  database: Database,
  { orgId, kind, id }: { orgId: string; kind: string; id: string },
): Promise<string | undefined> => {
  const row = await database
    .selectFrom("record")
    .select("code")
    .where("org_id", "=", orgId)
    .where("kind", "=", kind)
    .where("id", "=", id)
    .executeTakeFirst();
  return row?.code ?? undefined;
};

/** Existing codes by what they are folded to. */
const findCloseCodes = async (
  database: Database,
  orgId: string,
  codes: readonly string[],
): Promise<Map<string, string>> => {
  const rows = await database
    .selectFrom("record")
    .select(["code", "folded_code"])
    .where("org_id", "=", orgId)
    .where("kind", "=", account.kind)
    .where(sql<boolean>`folded_code = ANY(${codes.map(foldCode)}::text[])`)
    .execute();
  return new Map(rows.map(({ code, folded_code }) => [folded_code ?? "", code ?? ""]));
};

/** The skeleton account of m3ter semantics 3.5, or the one that somebody else created in the meantime. */
const createAccount = async (
  database: Database,
  { orgId, code, at }: { orgId: string; code: string; at: Date },
): Promise<AccountResolution> => {
  const caller = { orgId, principal: serverPrincipal };
  const body = {
    code,
    name: `${code}-autocreated`,
    emailAddress: `${randomBytes(8).toString("hex")}-autocreated@example.com`,
  };
  try {
    const { row } = await database.transaction().execute(async (transaction) => {
      const written = await insert(transaction, account, { caller, secrets: noSecrets, body, at });
      await recordChange(transaction, caller, { ...written, at });
      return written;
    });
    return { kind: "created", id: row.id };
  } catch (error) {
    if (!(error instanceof Problem) || error.code !== "DUPLICATE_VALUE") throw error;
    const found = (await findAccounts(database, orgId, [code])).get(code);
    if (found === undefined) throw error;
    return found;
  }
};
