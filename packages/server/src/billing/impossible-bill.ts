import { Problem } from "@turnpike/contract/problem.ts";
import type { BillFailure } from "@turnpike/engine/bill/printing.ts";

const sentence = (failure: BillFailure): string => {
  switch (failure.failure) {
    case "MISSING_CONVERSION_RATE":
      return `there is no rate from ${failure.from} to ${failure.to}`;
    case "UNKNOWN_CURRENCY":
      return `there is no currency ${failure.currency}`;
    case "ROUNDING_NECESSARY":
      return `${failure.amount.toString()} ${failure.currency} needs rounding, which the currency forbids`;
    case "MISSING_QUANTITY":
      return `no quantity was measured for ${failure.windowKey}`;
    case "CALCULATION_ERROR":
      return `the calculation of ${failure.windowKey} fails: ${failure.message}`;
  }
};

/** Every reason why the bill cannot be calculated, each in a sentence. */
export const billImpossible = (failures: readonly BillFailure[]): Problem =>
  new Problem(
    "BILL_IMPOSSIBLE",
    failures.map((failure) => ({ field: failure.failure, message: sentence(failure) })),
  );
