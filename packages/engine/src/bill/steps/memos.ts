import { one } from "../../exact/decimal.ts";
import { correctionLine } from "../corrections.ts";
import { stated } from "../derivation.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { BillFacts, MemoTerms } from "../facts.ts";
import type { LineDraft } from "../line.ts";
import { derived } from "../proration.ts";

const memoLine = (facts: BillFacts, memo: MemoTerms): LineDraft => ({
  key: `${memo.lineItemType}/${memo.id}`,
  lineItemType: memo.lineItemType,
  description: memo.description,
  servicePeriod: memo.servicePeriod,
  quantity: one,
  units: one,
  unit: "",
  currency: facts.currency,
  ...derived(stated(memo.lineItemType === "CREDIT_MEMO" ? memo.amount.neg() : memo.amount)),
  bandUsage: [],
  product: memo.product,
  accountingProduct: memo.accountingProduct,
  referencedBillId: memo.referencedBillId,
  referencedLineItemId: memo.referencedLineItemId,
  reasonId: memo.reasonId,
});

/** Lines that are not computed from this bill's terms: memos by hand, corrections of earlier bills. */
export const memosStep: BillStep = (facts, draft) =>
  addLines(facts, draft, [
    ...facts.memos.map((memo) => memoLine(facts, memo)),
    ...facts.corrections.map((correction) => correctionLine(facts, correction)),
  ]);
