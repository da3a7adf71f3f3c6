import { z } from "zod";
import { code, dateTime, id } from "../schema.ts";
import { uidLengthMax } from "../usage/measurement-rules.ts";
import { partOf } from "../validation.ts";
import {
  accountCode,
  actor,
  amount,
  amountAboveZero,
  assetCode,
  metadataText,
  ownId,
  seconds,
  uid,
  usageTime,
} from "./exact.ts";

const texts = z.record(code, z.string().max(1000));
const numbers = z.record(code, z.number());

/** What was, or is to be, used: the fields of a measurement (m3ter semantics 3.1). */
const usageFields = {
  who: texts.optional(),
  what: texts.optional(),
  where: texts.optional(),
  other: texts.optional(),
  metadata: z.record(code, metadataText).optional(),
  measure: numbers.optional(),
  cost: numbers.optional(),
  income: numbers.optional(),
};

const explicitPriceHasItsAsset = (
  request: { amount?: string | undefined; asset?: string | undefined },
  context: z.RefinementCtx,
): void => {
  if ((request.amount === undefined) === (request.asset === undefined)) return;
  const path = [request.amount === undefined ? "amount" : "asset"];
  context.addIssue({ code: "custom", path, message: "amount and asset must be given together" });
};

const noneIsRepeated = (codes: string[], context: z.RefinementCtx): void => {
  const repeated = codes.findIndex((one, index) => codes.indexOf(one) !== index);
  if (repeated < 0) return;
  context.addIssue({ code: "custom", path: [repeated], message: "is given twice" });
};

/** A measurement plus a mode (authorization semantics f.3). */
export const authorization = z
  .object({
    uid,
    account: accountCode,
    meter: z.string().min(1).max(80),
    ts: usageTime.optional(),
    ets: usageTime.optional(),
    ...usageFields,
    mode: z
      .enum(["check", "charge", "hold", "session"])
      .describe(
        "check only asks; charge debits at once; hold reserves what is settled later; a session is a hold that reports what " +
          "it used and asks for more.",
      ),
    amount: amount.optional().describe("An explicit price instead of the plan's, in asset."),
    asset: assetCode.optional(),
    maxAmount: amount
      .optional()
      .describe(
        "What it may cost, as it is decided, in the asset of the price. Where no price is known it is the price, in the first " +
          "of assets.",
      ),
    subject: actor.optional().describe("The end user that it is for: limits may be theirs."),
    agent: actor.optional(),
    feature: actor.optional(),
    ttlSeconds: seconds.default(3600).describe("Of a hold or session: how long it stands."),
    idleTimeoutSeconds: seconds
      .optional()
      .describe("It ends earlier when nothing is reported for so long."),
    onExpiry: z
      .enum(["release", "settle"])
      .default("release")
      .describe("What becomes of what is held when it ends by itself."),
    settleOverage: z
      .enum(["reject", "cap", "debt"])
      .default("debt")
      .describe(
        "Of what is settled above the hold: reject refuses it; cap takes what is available, the rest is shortfall; debt owes " +
          "the rest up to the debtLimit of the wallet.",
      ),
    partial: z
      .enum(["never", "allow"])
      .default("never")
      .describe("Whether less may be granted than was asked for."),
    assets: z
      .array(assetCode)
      .max(10)
      .superRefine(noneIsRepeated)
      .optional()
      .describe("What may pay, in order; the asset of the price alone when absent."),
    expectedPriceVersion: z
      .string()
      .max(2000)
      .optional()
      .describe("Denied when the priceVersion is another."),
    dryRun: z.boolean().default(false).describe("Decides as usual, and leaves no trace."),
  })
  .superRefine(explicitPriceHasItsAsset);
export type AuthorizationRequest = z.output<typeof authorization>;

export const authorizationBatch = z.object({
  authorizations: z.array(partOf(authorization)).min(1).max(1000),
  linked: z.boolean().default(false).describe("All or nothing."),
});

/** The parts of one authorization count 1, 2, 3 …: a part sent again is answered again. */
const sequence = z.int().min(1).max(1_000_000_000);
const used = { ...usageFields, ts: usageTime.optional(), amount: amount.optional() };

export const settlement = z.object({ sequence, ...used, final: z.boolean().default(true) });
export const extension = z.object({
  sequence: sequence
    .optional()
    .describe(
      "An extension sent again with its sequence is answered again. Without a sequence each is a new one: " +
        "it keeps the hold longer from then on, and holds addAmount more.",
    ),
  ttlSeconds: seconds,
  addAmount: amount.optional(),
});
export const sessionUpdate = z.object({
  sequence,
  used: partOf(z.object(used)),
  request: partOf(z.object(used)).describe(
    "How much may be used next. Its texts are not kept: what settles by itself, when nobody reports any more, is " +
      "metered with those that the session was opened with.",
  ),
});
export const refund = z.object({
  uid,
  // The name of a part is longer than its hold's.
  of: z
    .string()
    .min(1)
    .max(2 * uidLengthMax)
    .describe(
      "An authorization, or a measurement that was charged; or a lease, of which its end took what nobody had reported by " +
        "then. A part of a hold is refunded with the hold, by the hold's uid; " +
        "one that was amended since then is charged by itself, and refunded by its own: `uid#part#sequence`, or `uid#part#expiry`.",
    ),
  amount: amount.optional(),
});

/** What an account may do, whatever it has (authorization semantics f.2, f.3, W18). */
export const walletAccess = z.object({
  frozen: z
    .boolean()
    .default(false)
    .describe("Nothing is allowed, not even what is free; what runs may still be settled."),
  features: z
    .array(actor)
    .max(1000)
    .optional()
    .describe("The features it is entitled to; all of them when absent."),
  blocksFreeOnDebt: z
    .boolean()
    .default(false)
    .describe("Whether outstanding debt also blocks what is free of charge."),
});

export const walletSettings = z.object({
  mode: z.enum(["hard", "soft"]),
  debtLimit: amount.default("0"),
});

const endsBehindItsStart = (
  { effectiveAt, expiresAt }: { effectiveAt?: string | undefined; expiresAt?: string | undefined },
  context: z.RefinementCtx,
): void => {
  if (effectiveAt === undefined || expiresAt === undefined || expiresAt > effectiveAt) return;
  context.addIssue({ code: "custom", path: ["expiresAt"], message: "must be after effectiveAt" });
};

export const grant = z
  .object({
    id: ownId.optional(),
    account: accountCode,
    asset: assetCode,
    amount: amountAboveZero,
    priority: z.int().min(0).max(255).default(100).describe("Lower burns first."),
    effectiveAt: dateTime.optional(),
    expiresAt: dateTime.optional(),
    purpose: z.enum(["paid", "promotional", "bundled", "refund", "adjustment"]).default("paid"),
    /** One dimension that is not known is refused: without it the grant would pay for more than was meant. */
    appliesTo: z
      .strictObject({
        /** By their ids, in lower case as requests have them. */
        products: z.array(id.toLowerCase()).max(100).default([]),
        features: z.array(actor).max(100).default([]),
        meters: z.array(code).max(100).default([]),
      })
      .optional(),
    costBasis: amount.optional(),
    rollover: z
      .object({ max: amount, min: amount.default("0"), expiresAfterSeconds: seconds })
      .optional(),
  })
  .superRefine(endsBehindItsStart);

export const topUp = z.object({
  id: ownId.optional(),
  account: accountCode,
  asset: assetCode,
  creditAmount: amountAboveZero,
  chargeAmount: amount.optional(),
});

export const lease = z.object({
  id: uid.optional(),
  account: accountCode,
  asset: assetCode,
  amount,
  ttlSeconds: seconds,
  onExpiry: z.enum(["release", "settle"]).default("settle"),
  settleOverage: z.enum(["reject", "cap", "debt"]).default("debt"),
});
export const leaseReport = z.object({
  sequence,
  spends: z
    .array(
      partOf(
        z.object({
          uid,
          meter: z.string().min(1).max(80),
          amount,
          ts: usageTime.optional(),
          ...usageFields,
        }),
      ),
    )
    .max(1000),
  final: z.boolean().default(true),
});
export const leaseRenewal = z.object({ sequence, ttlSeconds: seconds });
