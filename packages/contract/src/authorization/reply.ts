import { z } from "zod";
import { assetCode } from "./exact.ts";
import { scope } from "./scope.ts";

/** What is answered about authorizations and the money that they are decided over. */

/** An amount in the asset of the answer; what is owed is less than nothing. */
const amount = z.string().regex(/^-?\d+(\.\d+)?$/);
const decimal = z.string().regex(/^\d+(\.\d+)?$/);
const quantity = decimal.describe("Of the measurement, in the unit that the price counts.");
const granted = decimal.describe(
  "How much may be used: a quantity of the measurement, or money where an explicit price is all that was asked for.",
);
const instant = z.iso.datetime();
const replayed = z.boolean().describe("Whether it is the stored answer to the same request.");
const priceVersion = z.string().optional();
const validUntil = instant.optional().describe("When a hold ends by itself.");

const budgetName = { budgetId: z.string(), budget: z.string().describe("Its code.") };
const limitName = { limitId: z.string(), limitCode: z.string() };
const shortfall = amount.describe("What nobody has paid and nobody owes.");

const reason = z
  .discriminatedUnion("code", [
    z.object({ code: z.enum(["UNKNOWN_CUSTOMER", "ACCOUNT_FROZEN"]) }),
    z.object({ code: z.literal("NO_ENTITLEMENT"), feature: z.string() }),
    z.object({
      code: z.literal("DENIED_POLICY"),
      policy: z.enum(["PRICE_VERSION", "MAX_AMOUNT", "LINKED"]),
    }),
    z.object({ code: z.literal("CANNOT_RATE"), why: z.string() }),
    z.object({ code: z.literal("CONCURRENCY_EXCEEDED"), ...limitName, limit: z.int() }),
    z.object({ code: z.literal("RATE_LIMITED"), ...limitName, retryAt: instant }),
    z.object({
      code: z.literal("BUDGET_EXCEEDED"),
      ...budgetName,
      scope,
      limit: amount,
      used: amount.describe("With what is held."),
      requested: amount,
    }),
    z.object({ code: z.literal("DEBT_OUTSTANDING"), debt: amount, asset: assetCode }),
    z.object({ code: z.literal("INSUFFICIENT_FUNDS"), shortfall: amount, asset: assetCode }),
    z.object({ code: z.literal("UNCONTROLLED") }).describe("No refusal: it costs nothing."),
  ])
  .describe("In the order in which limits are checked: the first is why.");

const decided = {
  decision: z.enum(["allow", "partial", "deny"]),
  reasons: z.array(reason),
  granted,
  amount,
  asset: z.string().describe("Of the price; empty where there is no price."),
  lines: z.array(z.object({ asset: assetCode, amount })).describe("What each asset pays."),
  holds: amount,
  shortfall,
  remaining: z.object({
    account: amount.describe("What is available in the asset of the price."),
    budgets: z.array(
      z.object({ ...budgetName, used: amount.describe("With what is held."), limit: amount }),
    ),
  }),
  validUntil,
  final: z.boolean().describe("Whether nothing more will be granted to the session."),
  replayed,
  priceVersion,
};

export const authorized = z.object({ uid: z.string(), ...decided });
export const authorizedBatch = z.object({
  authorizations: z
    .array(
      z.union([
        authorized,
        z.object({ uid: z.string(), errorCode: z.string(), message: z.string() }),
      ]),
    )
    .describe("In the order of the request."),
});
export const leased = z.object({ id: z.string(), ...decided });

const state = z.enum(["DENIED", "HELD", "SETTLED", "VOIDED", "EXPIRED", "SETTLED_LATE"]);

const standing = {
  account: z.string(),
  meter: z.string().optional(),
  mode: z
    .enum(["charge", "hold", "session", "lease", "record"])
    .describe("A record is usage that was charged after the fact, or spent of a lease."),
  state,
  decision: decided.decision,
  reasons: decided.reasons,
  amount: amount.describe("As it was decided; settled is what it came to."),
  asset: decided.asset,
  holds: amount,
  granted,
  settled: amount,
  settledQuantity: quantity,
  refunded: amount,
  shortfall,
  debt: amount,
  validUntil,
  priceVersion,
  authorizedAt: instant,
  ts: instant,
};

export const authorizationStanding = z.object({ uid: z.string(), ...standing });
export const leaseStanding = z.object({ id: z.string(), ...standing });

const moved = {
  state,
  amount: amount.describe("What this part costs, with its shortfall."),
  quantity,
  shortfall,
  asset: z.string(),
  holds: amount.describe("What is still held."),
  granted,
  remaining: z.object({ account: amount }),
  validUntil,
  final: z.boolean().describe("Whether it has ended, or nothing more will be granted."),
  replayed,
};

export const settled = z.object({ uid: z.string(), ...moved });
export const leaseSettled = z.object({ id: z.string(), ...moved });

export const refunded = z.object({
  uid: z.string(),
  of: z.string(),
  asset: assetCode,
  amount,
  unfunded: amount.describe("The part of it that nobody had paid."),
  replayed,
});

const accessFields = {
  frozen: z.boolean(),
  features: z.array(z.string()).optional(),
  blocksFreeOnDebt: z.boolean(),
};
const mode = z.enum(["hard", "soft"]);

export const walletAccess = z.object(accessFields);
export const walletSettings = z.object({ asset: assetCode, mode, debtLimit: amount });
export const wallet = z.object({
  ...accessFields,
  accounts: z.array(
    z.object({
      asset: assetCode,
      balance: amount.describe("Credits less debits and debt."),
      available: amount.describe("The balance less what is held."),
      held: amount,
      debt: amount,
      pendingIn: amount.describe("Of top-ups in flight."),
      mode,
      debtLimit: amount,
    }),
  ),
});

const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ data: z.array(item), nextToken: z.string().optional() });

export const walletEntries = pageOf(
  z.object({
    id: z.string(),
    transaction: z.string(),
    kind: z.string().describe("Such as credit, hold, release, settlement, charge or refund."),
    asset: assetCode,
    amount,
    grantId: z.string().optional(),
    uid: z.string().optional(),
    at: instant,
  }),
);

export const grantStanding = z.object({
  id: z.string(),
  account: z.string(),
  asset: assetCode,
  amount: amount.describe("remaining, held, consumed, breakage and transferred together."),
  state: z.enum(["scheduled", "active", "ended"]),
  remaining: amount,
  held: amount,
  consumed: amount,
  breakage: amount.describe("What ended unused."),
  transferred: amount.describe("What rolled over."),
  priority: z.int(),
  purpose: z.enum(["paid", "promotional", "bundled", "refund", "adjustment"]),
  effectiveAt: instant,
  expiresAt: instant.optional(),
  appliesTo: z
    .object({
      products: z.array(z.string()),
      features: z.array(z.string()),
      meters: z.array(z.string()),
    })
    .optional(),
  costBasis: amount,
  rollover: z.object({ max: amount, min: amount, expiresAfterSeconds: z.int() }).optional(),
  source: z.string().describe("api, a top-up, or what it rolled over or was given back from."),
});
export const grants = pageOf(grantStanding);

export const topUpStanding = z.object({
  id: z.string(),
  account: z.string(),
  asset: assetCode,
  creditAmount: amount,
  chargeAmount: amount,
  state: z.enum(["pending", "credited", "failed"]),
  autoTopUpId: z.string().optional(),
  payment: z.string().optional(),
});
export const topUps = pageOf(topUpStanding);
