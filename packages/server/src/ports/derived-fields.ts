import type { Decimal } from "@turnpike/engine/exact/decimal.ts";

type Fields = Readonly<Record<string, string | number>>;

/** Usage that metering does not have yet, with every data field of its meter. */
export interface UsageToDerive {
  readonly meter: string;
  readonly account: string;
  readonly accountId: string;
  /** Epoch milliseconds. */
  readonly occurredAt: number;
  readonly ets: string | undefined;
  /** By category, such as `measure`. */
  readonly fields: Readonly<Record<string, Fields | undefined>>;
}

export interface DerivedValues {
  /** By code; a field that cannot be calculated has none, as in the usage store (m3ter semantics 3.4). */
  readonly values: ReadonlyMap<string, Decimal | string>;
  /** Fields that depend on when the usage is received: their values are of now. */
  readonly byReceipt: ReadonlySet<string>;
}

/** The derived fields of usage, as metering calculates them when it gets it. */
export interface DerivedFields {
  of(orgId: string, usage: UsageToDerive): Promise<DerivedValues>;
}
