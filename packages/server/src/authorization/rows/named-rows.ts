import { isOpening, keyOf } from "@turnpike/engine/ledger/decide.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Command, TrueUp } from "@turnpike/engine/ledger/request.ts";

/** The ids that a batch names: the rows that must be loaded beside those of its accounts. */
export interface NamedRows {
  readonly authorizations: Set<string>;
  readonly decisions: Set<string>;
  readonly grants: Set<string>;
  readonly positions: Set<string>;
  readonly topUps: Set<string>;
  readonly payments: Set<string>;
  readonly trueUps: Set<TrueUp>;
}

export const namedRows = (commands: readonly Command[]): NamedRows => {
  const named: NamedRows = {
    authorizations: new Set(),
    decisions: new Set(),
    grants: new Set(),
    positions: new Set(),
    topUps: new Set(),
    payments: new Set(),
    trueUps: new Set(),
  };
  for (const command of commands) {
    if (!isOpening(command)) named.decisions.add(keyOf(command));
    nameRows(named, command);
  }
  return named;
};

const namePrice = (named: NamedRows, price: Price): void => {
  if (price.kind !== "rateable") return;
  for (const { position } of [price, ...price.further])
    if (position !== null) named.positions.add(position);
};

const nameRows = (named: NamedRows, command: Command): void => {
  switch (command.kind) {
    case "authorize":
      named.authorizations.add(command.id);
      namePrice(named, command.price);
      return;
    case "record":
      named.authorizations.add(command.id);
      if (command.insteadOf !== null) named.authorizations.add(command.insteadOf);
      namePrice(named, command.price);
      return;
    case "settle":
      named.authorizations.add(command.id);
      namePrice(named, command.used.price);
      return;
    case "update":
      named.authorizations.add(command.id);
      namePrice(named, command.used.price);
      namePrice(named, command.request.price);
      return;
    case "reportLease":
      named.authorizations.add(command.id);
      for (const { id } of command.spends) named.authorizations.add(id);
      return;
    case "openLease":
    case "renewLease":
    case "releaseLease":
    case "void":
    case "extend":
      named.authorizations.add(command.id);
      return;
    case "refund":
      named.authorizations.add(command.of);
      return;
    case "grant":
    case "voidGrant":
      named.grants.add(command.id);
      return;
    case "topUp":
    case "failTopUp":
      named.topUps.add(command.id);
      return;
    case "creditTopUp":
      named.topUps.add(command.id);
      named.payments.add(command.payment);
      return;
    case "trueUp":
      named.trueUps.add(command);
      for (const id of command.authorizations) named.authorizations.add(id);
      return;
    case "setWallet":
    case "changePaymentMethod":
      return;
  }
};
