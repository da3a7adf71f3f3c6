import { addLines, type BillStep } from "../draft.ts";
import type { BillFacts, ChargeTerms } from "../facts.ts";
import type { LineDraft } from "../line.ts";
import { derived } from "../proration.ts";

/** Charges of this bill date; one without a date goes on the next bill, which is this ([R], 17). */
const isDue = (facts: BillFacts, { billDate }: ChargeTerms): boolean =>
  billDate === undefined || billDate.equals(facts.billDate);

/** Charges of the type that fall due with this bill, as lines. */
export const chargeLines = (
  facts: BillFacts,
  lineItemType: ChargeTerms["lineItemType"],
): readonly LineDraft[] =>
  facts.charges
    .filter((charge) => charge.lineItemType === lineItemType && isDue(facts, charge))
    .map((charge) => ({
      key: `${lineItemType}/${charge.id}`,
      lineItemType,
      description: charge.description ?? charge.name,
      servicePeriod: charge.servicePeriod,
      quantity: charge.units,
      units: charge.units,
      unit: "",
      currency: charge.currency,
      ...derived({ how: "STATED", units: charge.units, unitPrice: charge.unitPrice }),
      bandUsage: [],
      accountingProduct:
        charge.accountingProduct ??
        facts.balances.find(({ id }) => id === charge.balanceId)?.feesAccountingProduct,
      chargeId: charge.id,
      balanceId: charge.balanceId,
      contractId: charge.contractId,
    }));

/** One-off charges and credits of the account (m3ter semantics 17). */
export const adHocChargesStep: BillStep = (facts, draft) =>
  addLines(facts, draft, chargeLines(facts, "AD_HOC"));
