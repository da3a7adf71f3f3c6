import type { Decimal } from "@turnpike/engine/exact/decimal.ts";

/** A JSON number with exactly the decimal's digits, however many of them a double would keep. */
export const exactNumber = (exact: Decimal | string): unknown => JSON.rawJSON(exact.toString());
