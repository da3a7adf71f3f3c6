import { account } from "@turnpike/contract/accounts/account.ts";
import { accountPlan } from "@turnpike/contract/accounts/account-plan.ts";
import { contract } from "@turnpike/contract/accounts/contract.ts";
import type { BillingEntity, EndDating } from "@turnpike/contract/accounts/operations.ts";
import { commitment } from "@turnpike/contract/billing/commitment.ts";
import { counterPricing } from "@turnpike/contract/catalog/counter-pricing.ts";
import { plan } from "@turnpike/contract/catalog/plan.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { Problem } from "@turnpike/contract/problem.ts";
import type { Resource } from "@turnpike/contract/resource.ts";
import { localDate } from "@turnpike/engine/time/cadence.ts";
import { lookup, lookupReferring } from "../records/lookup.ts";
import { organizationZone } from "./organization.ts";
import type { Writer } from "./writer.ts";

/** What was ended and what could not be, by kind of entity. */
export interface EndDated {
  readonly statusMessage: string;
  readonly updatedEntities: Partial<Record<BillingEntity, string[]>>;
  readonly failedEntities: Partial<Record<BillingEntity, string[]>>;
}

const resourceOf: Readonly<Record<BillingEntity, Resource>> = {
  CONTRACT: contract,
  ACCOUNTPLAN: accountPlan,
  PREPAYMENT: commitment,
  PRICINGS: pricing,
  COUNTER_PRICINGS: counterPricing,
};

/** Their ends are days, the others' are instants. */
const endsOnADay: ReadonlySet<BillingEntity> = new Set(["CONTRACT", "PREPAYMENT"]);

interface Dated {
  readonly id: string;
  readonly startDate: string;
  readonly endDate?: string | undefined;
}

type Candidates = Readonly<Record<BillingEntity, () => Promise<readonly Dated[]>>>;

/** Prices belong to many accounts; only those of an account's own bespoke plans are its to end ([R], 14.3). */
const bespokePlanIds = async (writer: Writer, accountIds: readonly string[]): Promise<string[]> => {
  const { orgId } = writer.caller;
  const on = { orgId, field: "accountId", ids: accountIds };
  return (await lookupReferring(writer.transaction, plan, on)).map(({ id }) => id);
};

const ofAccounts = (writer: Writer, accountIds: readonly string[]): Candidates => {
  const { transaction } = writer;
  const { orgId } = writer.caller;
  const own = { orgId, field: "accountId", ids: accountIds };
  const priced = async () => ({
    orgId,
    field: "planId",
    ids: await bespokePlanIds(writer, accountIds),
  });
  return {
    CONTRACT: () => lookupReferring(transaction, contract, own),
    ACCOUNTPLAN: () => lookupReferring(transaction, accountPlan, own),
    PREPAYMENT: () => lookupReferring(transaction, commitment, own),
    PRICINGS: async () => lookupReferring(transaction, pricing, await priced()),
    COUNTER_PRICINGS: async () => lookupReferring(transaction, counterPricing, await priced()),
  };
};

/** Only what is linked to the contract: the account may have others ([R], m3ter semantics 14.3). */
const ofContract = (writer: Writer, own: Dated & { accountId: string }): Candidates => {
  const { transaction } = writer;
  const on = { orgId: writer.caller.orgId, field: "contractId", ids: [own.id] };
  return {
    ...ofAccounts(writer, [own.accountId]),
    CONTRACT: async () => [own],
    ACCOUNTPLAN: () => lookupReferring(transaction, accountPlan, on),
    PREPAYMENT: () => lookupReferring(transaction, commitment, on),
  };
};

/** What is still open at the date is ended there; what begins later than it cannot be. */
const endAll = async (
  writer: Writer,
  { endDate, billingEntities }: EndDating,
  candidates: Candidates,
): Promise<EndDated> => {
  const updatedEntities: EndDated["updatedEntities"] = {};
  const failedEntities: EndDated["failedEntities"] = {};
  const zone = await organizationZone(writer.transaction, writer.caller.orgId);
  for (const entity of new Set(billingEntities)) {
    const end = endsOnADay.has(entity)
      ? localDate(Temporal.Instant.from(endDate), zone).toString()
      : endDate;
    for (const dated of await candidates[entity]()) {
      if (dated.endDate !== undefined && dated.endDate <= end) continue;
      const isEnded = dated.startDate <= end && (await tryToEnd(writer, entity, { ...dated, end }));
      const outcome = isEnded ? updatedEntities : failedEntities;
      (outcome[entity] ??= []).push(dated.id);
    }
  }
  const statusMessage =
    Object.keys(failedEntities).length === 0
      ? "The end date was applied"
      : "The end date could not be applied to every entity";
  return { statusMessage, updatedEntities, failedEntities };
};

const tryToEnd = async (
  writer: Writer,
  entity: BillingEntity,
  { id, end }: { id: string; end: string },
): Promise<boolean> => {
  try {
    await writer.amend(resourceOf[entity], { id, fields: { endDate: end } });
    return true;
  } catch (error) {
    if (error instanceof Problem) return false;
    throw error;
  }
};

/** Ends what an account is billed by, and its children's where that is asked for (m3ter semantics 14.3). */
export const endDateOfAccount = async (
  writer: Writer,
  id: string,
  request: EndDating,
): Promise<EndDated> => {
  const { orgId } = writer.caller;
  const { transaction } = writer;
  if ((await lookup(transaction, account, { orgId, id })) === undefined) {
    throw new Problem("NOT_FOUND");
  }
  const on = { orgId, field: "parentAccountId", ids: [id] };
  const children = request.applyToChildren ? await lookupReferring(transaction, account, on) : [];
  const accountIds = [id, ...children.map((child) => child.id)];
  return endAll(writer, request, ofAccounts(writer, accountIds));
};

/** Ends what belongs to a contract; the contract itself only where CONTRACT is named. */
export const endDateOfContract = async (
  writer: Writer,
  id: string,
  request: EndDating,
): Promise<EndDated> => {
  const own = await lookup(writer.transaction, contract, { orgId: writer.caller.orgId, id });
  if (own === undefined) throw new Problem("NOT_FOUND");
  return endAll(writer, request, ofContract(writer, own));
};
