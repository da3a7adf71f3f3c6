import { expect, test } from "vitest";
import { decimal } from "../../exact/decimal.ts";
import { rateBill } from "../rate-bill.ts";
import {
  at,
  billText,
  on,
  planFacts,
  sampleBalance,
  sampleCharge,
  sampleCommitment,
} from "../sample-facts.ts";

const servicePeriod = { start: at("2024-06-01"), end: at("2024-07-01") };
const nothing = { pricings: [] };

test("charges of this date and without a date; others wait (m3ter semantics 17)", () => {
  const charges = [
    sampleCharge({ id: "today", billDate: on("2024-07-01") }),
    sampleCharge({ id: "next", units: decimal(3), unitPrice: decimal(-20) }),
    sampleCharge({ id: "later", billDate: on("2024-08-01") }),
  ];
  expect(billText(planFacts(nothing, { terms: { charges } }))).toEqual([
    "AD_HOC -60.00",
    "AD_HOC 500.00",
    "= 440.00",
  ]);
});

test("nothing draws on the fees of commitments and balances", () => {
  const fee = { amount: decimal(1250), servicePeriod };
  const terms = {
    commitments: [sampleCommitment({ feesDue: [fee] })],
    balances: [sampleBalance()],
    charges: [sampleCharge({ lineItemType: "BALANCE_FEE", balanceId: "balance" })],
  };
  expect(billText(planFacts(nothing, { terms }))).toEqual([
    "COMMITMENT_FEE 1250.00",
    "BALANCE_FEE 500.00",
    "= 1750.00",
  ]);
});

test("memos are subtracted and added in the billing currency and name their reason", () => {
  const memo = {
    id: "memo",
    lineItemType: "CREDIT_MEMO",
    amount: decimal("12.5"),
    description: "Goodwill",
    servicePeriod,
    reasonId: "reason",
    referencedBillId: "may",
  } as const;
  const facts = planFacts(nothing, {
    terms: {
      currency: "EUR",
      memos: [memo, { ...memo, id: "other", lineItemType: "DEBIT_MEMO", amount: decimal(2) }],
    },
  });
  expect(billText(facts)).toEqual(["CREDIT_MEMO -12.50", "DEBIT_MEMO 2.00", "= -10.50"]);
  const bill = rateBill(facts);
  expect(bill.outcome === "rated" && bill.lines[0]).toMatchObject({
    reasonId: "reason",
    referencedBillId: "may",
    currency: "EUR",
  });
});
