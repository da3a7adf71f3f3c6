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
    mode: z.enum(["check", "charge", "hold", "session"]),
    /** An explicit price instead of the plan's. */
    amount: amount.optional(),
    asset: assetCode.optional(),
    /** What the request may cost, as it is decided; what it costs where no price is known. */
    maxAmount: amount.optional(),
    subject: actor.optional(),
    agent: actor.optional(),
    feature: actor.optional(),
    ttlSeconds: seconds.default(3600),
    idleTimeoutSeconds: seconds.optional(),
    onExpiry: z.enum(["release", "settle"]).default("release"),
    settleOverage: z.enum(["reject", "cap", "debt"]).default("debt"),
    partial: z.enum(["never", "allow"]).default("never"),
    /** What may pay, in order; the asset of the price alone when absent. */
    assets: z.array(assetCode).max(10).superRefine(noneIsRepeated).optional(),
    /** Of every price of the meter. */
    expectedPriceVersion: z.string().max(2000).optional(),
    dryRun: z.boolean().default(false),
  })
  .superRefine(explicitPriceHasItsAsset);
export type AuthorizationRequest = z.output<typeof authorization>;

export const authorizationBatch = z.object({
  authorizations: z.array(partOf(authorization)).min(1).max(1000),
  /** All or nothing. */
  linked: z.boolean().default(false),
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
      "An authorization, or a measurement that was charged. A part of a hold is refunded with the hold, by the hold's uid; " +
        "one that was amended since then is charged by itself, and refunded by its own: `uid#sequence`, or `uid#expiry`.",
    ),
  amount: amount.optional(),
});

/** What an account may do, whatever it has (authorization semantics f.2, f.3, W18). */
export const walletAccess = z.object({
  /** Nothing is allowed, not even what is free; what runs may still be settled. */
  frozen: z.boolean().default(false),
  /** The features it is entitled to; all of them when absent. */
  features: z.array(actor).max(1000).optional(),
  /** Whether outstanding debt also blocks what is free of charge. */
  blocksFreeOnDebt: z.boolean().default(false),
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
    /** Lower burns first. */
    priority: z.int().min(0).max(255).default(100),
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
