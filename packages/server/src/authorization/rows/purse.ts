import {
  type Changes,
  type Grant,
  type GrantTerms,
  type WalletAccount,
  walletAccountId,
} from "@turnpike/engine/ledger/rows.ts";
import { atoms, grantOf, type OwnGrant } from "./stored-rows.ts";
import { grantTermsJson } from "./wire.ts";

/**
 * What an account holds, as one text in its row: its wallet accounts, and the grants that may still pay. Whatever was
 * decided for an account, one row of it is read and written.
 */
export interface Purse {
  /** The account's code. */
  readonly id: string;
  /** As it is stored; null of an account that never held anything. */
  readonly text: string | null;
  readonly walletAccounts: readonly WalletAccount[];
  readonly grants: readonly Grant[];
}

/** Whether a grant is in its account's purse: it may still pay, be given back to, or leave something at its end. */
export const isOpen = ({ state, remaining, held, terms }: Grant): boolean =>
  state !== "ended" && (remaining + held > 0n || hasFloor(terms));

/** What a rollover leaves at least is due even of a grant that is used up. */
const hasFloor = ({ expiresAt, rollover }: GrantTerms): boolean =>
  expiresAt !== null && rollover !== null && rollover.min > 0n;

/** What is zero is left out of the text. */
interface WalletAccountText {
  readonly asset: string;
  readonly credited?: string | undefined;
  readonly debited?: string | undefined;
  readonly held?: string | undefined;
  readonly debt?: string | undefined;
  readonly debtLimit?: string | undefined;
  readonly mode: WalletAccount["mode"];
  readonly seenAt: number;
}

interface PurseText {
  readonly walletAccounts: readonly WalletAccountText[];
  readonly grants: readonly OwnGrant[];
}

const unlessZero = (value: bigint): string | undefined => (value === 0n ? undefined : `${value}`);

const walletAccountText = (row: WalletAccount): WalletAccountText => ({
  asset: row.asset,
  credited: unlessZero(row.credited),
  debited: unlessZero(row.debited),
  held: unlessZero(row.held),
  debt: unlessZero(row.debt),
  debtLimit: unlessZero(row.debtLimit),
  mode: row.mode,
  seenAt: row.seenAt,
});

/** Asset codes hold no slash, account codes may. */
export const assetIn = (walletAccount: string): string =>
  walletAccount.slice(0, walletAccount.indexOf("/"));
export const accountIn = (walletAccount: string): string =>
  walletAccount.slice(walletAccount.indexOf("/") + 1);

/** The terms of a grant never change: printed once while it is remembered. */
const termsTexts = new WeakMap<GrantTerms, string>();

const termsText = (terms: GrantTerms): string => {
  const known = termsTexts.get(terms);
  if (known !== undefined) return known;
  const text = JSON.stringify(grantTermsJson(terms));
  termsTexts.set(terms, text);
  return text;
};

const grantText = (row: Grant): string => {
  const standing: Omit<OwnGrant, "terms"> = {
    id: row.id,
    asset: assetIn(row.walletAccount),
    state: row.state,
    remaining: unlessZero(row.remaining),
    held: unlessZero(row.held),
    consumed: unlessZero(row.consumed),
    breakage: unlessZero(row.breakage),
    transferred: unlessZero(row.transferred),
  };
  return `${JSON.stringify(standing).slice(0, -1)},"terms":${termsText(row.terms)}}`;
};

/** The purse that an account has once it holds this. */
export const printedPurse = ({
  id,
  walletAccounts,
  grants,
}: Pick<Purse, "id" | "walletAccounts" | "grants">): Purse => {
  const rows = JSON.stringify(walletAccounts.map(walletAccountText));
  const text = `{"walletAccounts":${rows},"grants":[${grants.map(grantText).join(",")}]}`;
  return { id, text, walletAccounts, grants };
};

/** An account that never held anything has no text. */
export const readPurse = (account: string, text: string | null): Purse => {
  if (text === null) return { id: account, text, walletAccounts: [], grants: [] };
  const { walletAccounts, grants }: PurseText = JSON.parse(text);
  return {
    id: account,
    text,
    walletAccounts: walletAccounts.map((row) => ({
      id: walletAccountId(account, row.asset),
      account,
      asset: row.asset,
      credited: atoms(row.credited),
      debited: atoms(row.debited),
      held: atoms(row.held),
      debt: atoms(row.debt),
      debtLimit: atoms(row.debtLimit),
      mode: row.mode,
      seenAt: row.seenAt,
    })),
    grants: grants.map((row) => grantOf(account, row)),
  };
};

/** The purses that a batch has changed, as they are now. */
export const changedPurses = (
  purses: ReadonlyMap<string, Purse>,
  { walletAccounts, grants }: Pick<Changes, "walletAccounts" | "grants">,
): Purse[] => {
  const walletAccountsOf = Map.groupBy(walletAccounts, ({ account }) => account);
  const grantsOf = Map.groupBy(grants, ({ walletAccount }) => accountIn(walletAccount));
  const accounts = new Set([...walletAccountsOf.keys(), ...grantsOf.keys()]);
  return [...accounts].map((account) => {
    const before = purses.get(account);
    if (before === undefined) throw new Error(`the purse of ${account} was not loaded`);
    return printedPurse({
      id: account,
      walletAccounts: replaced(before.walletAccounts, walletAccountsOf.get(account)),
      grants: replaced(before.grants, grantsOf.get(account)).filter(isOpen),
    });
  });
};

const replaced = <Row extends { readonly id: string }>(
  rows: readonly Row[],
  changed: readonly Row[] | undefined,
): readonly Row[] =>
  changed === undefined
    ? rows
    : [...new Map([...rows, ...changed].map((row) => [row.id, row])).values()];
