import type { BillJobRequest } from "@turnpike/contract/billing/bill-job.ts";

/** What of a run's request a later recalculation repeats: how it calculates, not what it selects. */
export const repeatable = (request: BillJobRequest): BillJobRequest => {
  const { dueDate, externalInvoiceDate, targetCurrency, currencyConversions } = request;
  const { timezone, yearEpoch, monthEpoch, weekEpoch, dayEpoch } = request;
  return {
    dueDate,
    externalInvoiceDate,
    targetCurrency,
    currencyConversions,
    timezone,
    yearEpoch,
    monthEpoch,
    weekEpoch,
    dayEpoch,
  };
};
