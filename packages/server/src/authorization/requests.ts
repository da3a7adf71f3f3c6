import {
  authorization,
  type AuthorizationRequest,
} from "@turnpike/contract/authorization/request.ts";
import type { Price } from "@turnpike/engine/ledger/price.ts";
import type { Authorize, Update, Used } from "@turnpike/engine/ledger/request.ts";
import type { Authorization } from "@turnpike/engine/ledger/rows.ts";
import { assetOf, atomsOf } from "./amounts.ts";
import type { Configuration } from "./configuration.ts";
import { fingerprintOf, fingerprintsOf } from "./fingerprint.ts";
import type { LedgerParts } from "./ledger.ts";
import type { MeasuredUsage, MeasurementFields } from "./measurements.ts";
import { occurredAt, priceAtOwnVersion, priceUsage } from "./usage-request.ts";

/** A command with what was measured, by event id. */
export interface Asked<C> {
  readonly command: C;
  readonly usage: ReadonlyMap<string, MeasuredUsage>;
}

export interface Asker {
  readonly orgId: string;
  readonly accessKey: string;
}

const authorizationFingerprint = fingerprintsOf("authorize", Object.keys(authorization.shape));

export const toAuthorize = async (
  parts: LedgerParts,
  { orgId, accessKey }: Asker,
  body: AuthorizationRequest,
): Promise<Asked<Authorize>> => {
  const priced = await priceUsage(parts, orgId, body);
  const configuration = await parts.configurations.of(orgId);
  for (const code of body.assets ?? []) assetOf(configuration, code, "assets");
  const { price } = priced;
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
      ...(priced.productId === undefined ? {} : { product: priced.productId }),
    },
    unit: priced.unit,
    quantity: priced.quantity,
    price,
    assets: body.assets ?? [],
    occurredAt: priced.occurredAt,
    maxAmount: maxAmountOf(configuration, price, body.maxAmount),
    ttlMs: body.ttlSeconds * 1000,
    idleTimeoutMs: body.idleTimeoutSeconds === undefined ? null : body.idleTimeoutSeconds * 1000,
    onExpiry: body.onExpiry,
    settleOverage: body.settleOverage,
    partial: priced.isIndivisible ? "never" : body.partial,
    expectedPriceVersion: body.expectedPriceVersion ?? null,
    isDryRun: body.dryRun,
  };
  return { command, usage: new Map([[body.uid, priced.measured]]) };
};

const maxAmountOf = (
  configuration: Configuration,
  price: Price,
  text: string | undefined,
): bigint | null =>
  text === undefined || price.kind === "unrateable"
    ? null
    : atomsOf({ text, field: "maxAmount" }, assetOf(configuration, price.asset));

interface UsedRequest extends MeasurementFields {
  readonly ts?: string | undefined;
  readonly amount?: string | undefined;
}

/** What was used of an authorization, at its own price. */
export const toUsed = async (
  parts: LedgerParts,
  orgId: string,
  { row, used, field }: { row: Authorization; used: UsedRequest; field: string },
): Promise<{ readonly used: Used; readonly measured: MeasuredUsage }> => {
  const { price, measured } = await priceAtOwnVersion(parts, orgId, { row, used, field });
  // Without a time of its own, a part counts when its authorization did: in the same period (f.10.4).
  const at = used.ts === undefined ? row.terms.occurredAt : occurredAt(used.ts, parts.now());
  const quantity = measured.counted[0]?.quantity ?? 0n;
  const further = measured.counted.slice(1).map((counted) => counted.quantity);
  return { used: { quantity, further, price, occurredAt: at }, measured };
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
  const { used, measured } = await toUsed(parts, orgId, {
    row,
    used: body.used,
    field: "used.amount",
  });
  const next = await toUsed(parts, orgId, { row, used: body.request, field: "request.amount" });
  return {
    command: {
      kind: "update",
      id: row.id,
      fingerprint: fingerprintOf(["update", row.id, body]),
      sequence: body.sequence,
      used,
      request: { quantity: next.used.quantity, price: next.used.price },
    },
    usage: new Map([[`${row.id}#${body.sequence}`, measured]]),
  };
};
