import { jobFrequencies } from "@turnpike/contract/billing/bill-job.ts";
import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";
import type { BillFilter } from "../billing/bill-queries.ts";

const frequencies = [...jobFrequencies, "MIXED"] as const;

/** `…/billingperiod/2024-05-31/MONTHLY`: the bills of the day after the last one of the period. */
export const periodOf = (params: Readonly<Record<string, string>>): BillFilter => {
  const { lastDateInBillingPeriod = "", billingFrequency = "" } = params;
  const frequency = frequencies.find((known) => known === billingFrequency.toUpperCase());
  if (frequency === undefined) {
    const message = `must be one of ${frequencies.join(", ")}`;
    throw fieldProblem("VALIDATION_FAILED", "billingFrequency", message);
  }
  if (!/^\d{4}-\d\d-\d\d$/.test(lastDateInBillingPeriod)) {
    throw fieldProblem("VALIDATION_FAILED", "lastDateInBillingPeriod", "must be a date");
  }
  return { billDate: dayAfter(lastDateInBillingPeriod), billingFrequency: frequency };
};

const dayAfter = (date: string): string => {
  try {
    return Temporal.PlainDate.from(date, { overflow: "reject" }).add({ days: 1 }).toString();
  } catch (cause) {
    const message = `is no date: ${date}`;
    throw new Problem("VALIDATION_FAILED", [{ field: "lastDateInBillingPeriod", message }], {
      cause,
    });
  }
};
