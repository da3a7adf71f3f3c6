import {
  authorization,
  type AuthorizationRequest,
} from "@turnpike/contract/authorization/request.ts";
import { fieldProblem, inPart } from "@turnpike/contract/problem.ts";
import { isReadOnly } from "@turnpike/engine/ledger/authorize.ts";
import { isHold } from "@turnpike/engine/ledger/evaluation.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import { partName } from "@turnpike/engine/ledger/part-name.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Authorize, Update, Used } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "./amounts.ts";
import type { Configuration } from "./configuration.ts";
import { fingerprintOf, fingerprintsOf } from "./fingerprint.ts";
import type { LedgerParts } from "./ledger.ts";
import { type MeasuredUsage, textsOf } from "./usage/measurements.ts";
import type { MeterPrice, PricedCount } from "./prices/meter-price.ts";
import { storedRow, unlessAnswered } from "./stored-authorizations.ts";
import { priceAtOwnVersion } from "./own-version.ts";
import {
  occurredAt,
  planPrice,
  type PricedUsage,
  priceUsage,
  refuseNegative,
} from "./usage-request.ts";
import type { CommandUsage } from "./work.ts";

export interface Asked<C> {
  readonly command: C;
  readonly usage: CommandUsage;
}

export interface Asker {
  readonly orgId: string;
  readonly accessKey: string;
}

const nothingMeasured: CommandUsage = new Map();

const authorizationFingerprint = fingerprintsOf("authorize", Object.keys(authorization.shape));

/** What today's catalog makes of a request. */
interface Priced {
  readonly usage: PricedUsage;
  readonly maxAmount: bigint | null;
}

export const toAuthorize = async (
  parts: LedgerParts,
  { orgId, accessKey }: Asker,
  body: AuthorizationRequest,
): Promise<Asked<Authorize>> => {
  const isRemembered = !onlyAsks(body);
  const { usage, maxAmount } = await unlessAnswered(() => priced(parts, orgId, body), {
    stored: async () => (isRemembered ? storedRow(parts.pool, orgId, body.uid) : undefined),
    answered,
  });
  const command: Authorize = {
    kind: "authorize",
    id: body.uid,
    fingerprint: authorizationFingerprint(body),
    mode: body.mode,
    account: body.account,
    meter: body.meter,
    scope: {
      key: accessKey,
      ...(body.subject === undefined ? {} : { subject: body.subject }),
      ...(body.agent === undefined ? {} : { agent: body.agent }),
      ...(body.feature === undefined ? {} : { feature: body.feature }),
      ...(usage.productId === undefined ? {} : { product: usage.productId }),
    },
    unit: usage.unit,
    quantity: usage.quantity,
    price: usage.price,
    assets: body.assets ?? [],
    occurredAt: usage.occurredAt,
    maxAmount,
    ttlMs: body.ttlSeconds * 1000,
    idleTimeoutMs: body.idleTimeoutSeconds === undefined ? null : body.idleTimeoutSeconds * 1000,
    onExpiry: body.onExpiry,
    settleOverage: body.settleOverage,
    partial: usage.isIndivisible ? "never" : body.partial,
    expectedPriceVersion: body.expectedPriceVersion ?? null,
    isDryRun: body.dryRun,
    fields: keptFields(body, usage),
  };
  return {
    command,
    usage: isReadOnly(command) ? nothingMeasured : new Map([[body.uid, usage.measured]]),
  };
};

const priced = async (
  parts: LedgerParts,
  orgId: string,
  body: AuthorizationRequest,
): Promise<Priced> => {
  const usage = await priceUsage(parts, { orgId, isReadOnly: onlyAsks(body) }, body);
  refuseNegative(usage.measured);
  if (body.onExpiry === "settle" && usage.isDerived && isHold(body))
    throw fieldProblem(
      "VALIDATION_FAILED",
      "onExpiry",
      "must be release: what is derived of usage is unknown until it is reported",
    );
  const configuration = await parts.configurations.of(orgId);
  for (const code of body.assets ?? []) assetOf(configuration, code, "assets");
  return { usage, maxAmount: maxAmountOf(configuration, usage.price, body.maxAmount) };
};

/** No price is asked for any more. */
const answered: Priced = {
  usage: {
    price: { kind: "unrateable", why: "it was answered", asset: "", further: [] },
    quantity: 0n,
    unit: null,
    productId: undefined,
    occurredAt: 0,
    measured: { fields: {}, counted: [] },
    dividingTexts: null,
    isIndivisible: false,
    isDerived: false,
  },
  maxAmount: null,
};

const onlyAsks = ({ mode, dryRun }: AuthorizationRequest): boolean =>
  isReadOnly({ mode, isDryRun: dryRun });

/**
 * What a hold says if it settles by itself, and its texts, which are those of its parts that name none; what a refund of a
 * part says of a charge.
 */
const keptFields = (
  body: AuthorizationRequest,
  { measured, dividingTexts }: PricedUsage,
): MeasurementFields | null => {
  if (!isHold(body)) return dividingTexts;
  return body.onExpiry === "settle" ? measured.fields : textsOf(measured.fields);
};

const maxAmountOf = (
  configuration: Configuration,
  price: Price,
  text: string | undefined,
): bigint | null =>
  text === undefined || price.kind === "unrateable"
    ? null
    : atomsOf({ text, field: "maxAmount" }, assetOf(configuration, price.asset));

/**
 * When a part counts: at its own time as long as that has the price and the period of its authorization, else when that
 * did. Money and usage then stand on one bill (f.10.4), which is corrected on the next where it is closed.
 */
const countedAt = async (
  parts: LedgerParts,
  orgId: string,
  { row, ts }: { readonly row: Authorization; readonly ts: string | undefined },
): Promise<number> => {
  const { occurredAt: authorizedAt, spender } = row.terms;
  if (ts === undefined) return authorizedAt;
  const at = occurredAt({ ts }, parts.now());
  const { account, meter } = spender;
  if (meter === null) return at;
  const { isPriced } = await parts.prices.usage(orgId, meter);
  const pricedAt = (time: number) =>
    planPrice(parts, { orgId, usage: { account, meter }, at: time, isPriced });
  const [then, now] = [await pricedAt(authorizedAt), await pricedAt(at)];
  return isSamePeriod(then, now) ? at : authorizedAt;
};

/** Which period a price has that is only known when it ends, is not known here. */
const isSamePeriod = (one: MeterPrice, other: MeterPrice): boolean => {
  if (one.kind === "unpriced" || other.kind === "unpriced")
    return [one, other].every(
      (price) => price.kind === "unpriced" && price.currencies.length === 0,
    );
  const periods = other.parts.map(periodOf);
  return (
    one.parts.length === periods.length &&
    one.parts.every((part, nth) => periodOf(part) === periods[nth])
  );
};

/** Of a position that spans several as well. */
const periodOf = ({ periodStart, position }: PricedCount): string => `${periodStart} ${position}`;

interface UsedRequest extends MeasurementFields {
  readonly ts?: string | undefined;
  readonly amount?: string | undefined;
}

/** What was used of an authorization, or is asked for next, at its own price. */
export const toUsed = async (
  parts: LedgerParts,
  orgId: string,
  {
    row,
    used,
    hasHappened,
  }: {
    readonly row: Authorization;
    readonly used: UsedRequest;
    readonly hasHappened: boolean;
  },
): Promise<{ readonly used: Used; readonly measured: MeasuredUsage }> => {
  const at = await countedAt(parts, orgId, { row, ts: used.ts });
  const { price, measured, isMeasured } = await priceAtOwnVersion(parts, orgId, {
    row,
    used,
    at,
    hasHappened,
  });
  refuseNegative(measured);
  const quantity = measured.counted[0]?.quantity ?? 0n;
  const further = measured.counted.slice(1).map((counted) => counted.quantity);
  return { used: { quantity, further, price, occurredAt: at, isMeasured }, measured };
};

export const toUpdate = async (
  parts: LedgerParts,
  orgId: string,
  {
    row,
    body,
  }: {
    readonly row: Authorization;
    readonly body: {
      readonly sequence: number;
      readonly used: UsedRequest;
      readonly request: UsedRequest;
    };
  },
): Promise<Asked<Update>> => {
  const reported = { row, used: body.used, hasHappened: true };
  const wanted = { row, used: body.request, hasHappened: false };
  const { used, measured } = await inPart("used", toUsed(parts, orgId, reported));
  const next = await inPart("request", toUsed(parts, orgId, wanted));
  return {
    command: {
      kind: "update",
      id: row.id,
      fingerprint: fingerprintOf(["update", row.id, body]),
      sequence: body.sequence,
      used,
      request: { quantity: next.used.quantity, price: next.used.price },
    },
    usage: new Map([[partName(row.id, body.sequence), measured]]),
  };
};
