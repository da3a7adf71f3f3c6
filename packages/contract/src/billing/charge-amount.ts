import type { z } from "zod";

/** A charge is an amount, or units at a unit price; never both, never neither (m3ter semantics 17). */
export const amountOrUnits = (
  charge: {
    amount?: number | undefined;
    units?: number | undefined;
    unitPrice?: number | undefined;
  },
  context: z.RefinementCtx,
): void => {
  const { amount, units, unitPrice } = charge;
  if (amount !== undefined && (units !== undefined || unitPrice !== undefined)) {
    const message = "cannot be combined with units and unitPrice";
    context.addIssue({ code: "custom", path: ["amount"], message });
    return;
  }
  if (amount !== undefined || (units !== undefined && unitPrice !== undefined)) return;
  const missing = units === undefined && unitPrice === undefined ? "amount" : "units";
  const message =
    missing === "amount" ? "is required, or units and unitPrice" : "and unitPrice go together";
  context.addIssue({ code: "custom", path: [missing], message });
};

/** Half-open; equal ends are an empty period and allowed. */
export const servicePeriodInOrder = (
  period: { servicePeriodStartDate: string; servicePeriodEndDate: string },
  context: z.RefinementCtx,
): void => {
  if (period.servicePeriodStartDate <= period.servicePeriodEndDate) return;
  const message = "must not be before servicePeriodStartDate";
  context.addIssue({ code: "custom", path: ["servicePeriodEndDate"], message });
};
