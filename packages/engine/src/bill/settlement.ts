import type { Decimal } from "../exact/decimal.ts";
import type { BillTerms } from "./facts.ts";
import type { LineDraft } from "./line.ts";
import { printMoney } from "./printing.ts";
import { derived } from "./proration.ts";

/** The line less what earlier bills charged for it; undefined when that is what it comes to, as printed. */
export const settled = (
  terms: BillTerms,
  due: LineDraft,
  billed: Decimal,
): LineDraft | undefined => {
  const printed = printMoney(terms, due.exact, due.currency);
  if (!("failure" in printed) && printed.amount.eq(billed)) return undefined;
  return { ...due, ...derived({ how: "SETTLED", due: due.derivation, billed }) };
};

/** Only what comes back; undefined when nothing was billed or no more than is due. */
export const refunded = (
  terms: BillTerms,
  due: LineDraft | undefined,
  billed: Decimal | undefined,
): LineDraft | undefined => {
  if (due === undefined || billed === undefined || billed.lte(due.exact)) return undefined;
  const line = settled(terms, due, billed);
  return line && { ...line, key: `${line.key}/refund` };
};
