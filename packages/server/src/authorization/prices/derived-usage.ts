import type { meter as meterResource } from "@turnpike/contract/catalog/meter.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { MeasurementFields } from "@turnpike/engine/ledger/measurement-fields.ts";
import type { DerivedValues } from "../../ports/derived-fields.ts";
import type { LedgerParts } from "../ledger.ts";
import { completed, fieldsOf, isDerived } from "../usage/measurements.ts";
import type { QuantityRule } from "./kept-prices.ts";

const nothing: DerivedValues = { values: new Map(), byReceipt: new Set() };

/** The derived fields of usage, where a rule counts one, of the measurement that it is to become. */
export const derivedOf = async (
  { customers, derivedFields }: Pick<LedgerParts, "customers" | "derivedFields">,
  orgId: string,
  {
    account,
    meter,
    rules,
    fields,
    at,
  }: {
    readonly account: string;
    readonly meter: Stored<typeof meterResource> | undefined;
    readonly rules: readonly QuantityRule[];
    readonly fields: MeasurementFields;
    readonly at: number;
  },
): Promise<DerivedValues> => {
  if (meter === undefined || !rules.some((rule) => isDerived(rule, meter))) return nothing;
  const accountId = (await customers.idsOf(orgId, [account])).get(account);
  if (accountId === undefined) return nothing;
  const { ets, ...maps } = completed(fieldsOf(fields), meter);
  const usage = { meter: meter.code, account, accountId, occurredAt: at, ets, fields: maps };
  return derivedFields.of(orgId, usage);
};
