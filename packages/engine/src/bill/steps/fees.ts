import type { CommitmentTerms, FeeDue } from "../../commitments/commitment.ts";
import { one } from "../../exact/decimal.ts";
import { stated } from "../derivation.ts";
import { addLines, type BillStep } from "../draft.ts";
import type { LineDraft } from "../line.ts";
import { derived } from "../proration.ts";
import { chargeLines } from "./ad-hoc-charges.ts";

const feeLine = (commitment: CommitmentTerms, fee: FeeDue, index: number): LineDraft => ({
  key: `COMMITMENT_FEE/${commitment.id}/${fee.servicePeriod.start.toString()}/${index}`,
  lineItemType: "COMMITMENT_FEE",
  description: commitment.feeDescription ?? "Commitment Fee",
  servicePeriod: fee.servicePeriod,
  quantity: one,
  units: one,
  unit: "",
  currency: commitment.currency,
  ...derived(stated(fee.amount)),
  bandUsage: [],
  accountingProduct: commitment.feesAccountingProduct ?? commitment.accountingProduct,
  commitmentId: commitment.id,
  contractId: commitment.contractId,
});

/** What is paid for commitments and balances themselves; nothing draws on these (15.7, 18.3). */
export const feesStep: BillStep = (facts, draft) =>
  addLines(facts, draft, [
    ...facts.commitments.flatMap((commitment) =>
      commitment.feesDue.map((fee, index) => feeLine(commitment, fee, index)),
    ),
    ...chargeLines(facts, "BALANCE_FEE"),
  ]);
