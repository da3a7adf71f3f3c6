import { describe, expect, test } from "vitest";
import { billingScenario } from "./billing-scenario.ts";
import { rowsOf } from "./billing-world.ts";

/** Usage that comes late, is voided or amended: before the bill, before and after its approval. */
const scenario = billingScenario();
const { sell, use, commit, totals, expectLines } = scenario;

const put = (uid: string | undefined, how: "void" | "amend", body: object = {}) =>
  scenario.world.api.call("POST", `measurements/${uid}/${how}`, { reason: "put right", ...body });
/** An amendment says all of what the measurement measures. */
const amounted = (amount: number, changes = {}) => ({
  measurement: { measure: { amount }, what: { region: "UK", tier: "Standard" }, ...changes },
});

const tiers = [
  [0, 1],
  [100, 0.5],
] as const;

/** January's 90 and 30: 100 × 1 + 20 × 0.5 = 110; February's 10. The uids of the two. */
const customer = async (sale: Parameters<typeof sell>[0] = {}) => {
  const sold = await sell({ bands: tiers, ...sale });
  const uids = await use(sold, [
    ["2024-01-10", 90],
    ["2024-01-20", 30],
  ]);
  await use(sold, [["2024-02-10", 10]]);
  return { sold, account: sold.account, uids };
};

/** With January approved. */
const approved = async (january: readonly string[], sale: Parameters<typeof sell>[0] = {}) => {
  const given = await customer(sale);
  const bill = await expectLines(given.account, "2024-02-01", january);
  await scenario.world.approve(bill.id);
  return { ...given, bill };
};

describe.concurrent("usage that comes late (several months)", () => {
  test("takes nothing of a commitment that a later locked bill has: an open one behind that puts both right", async () => {
    const sold = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 30],
        ["2024-03-10", 70],
      ],
    });
    const { account } = sold;
    await commit(account, 100);
    for (const [billDate, used] of [
      ["2024-02-01", 30],
      ["2024-04-01", 70],
    ] as const) {
      const lines = [`USAGE ${used}`, `COMMITMENT_CONSUMED -${used}`, "TOTAL 0"];
      await scenario.world.approveAndLock((await expectLines(account, billDate, lines)).id);
    }
    await expectLines(account, "2024-05-01", ["TOTAL 0"]);
    await use(sold, [["2024-01-20", 50]]);
    for (let times = 0; times < 2; times += 1) {
      // All of the 100 are taken, 70 of them for March.
      const february = await expectLines(account, "2024-03-01", ["USAGE 50", "TOTAL 50"]);
      // January's 80 are covered, and 20 of March's 70.
      const both = ["COMMITMENT_CONSUMED -50", "COMMITMENT_CONSUMED 50", "TOTAL 0"];
      await expectLines(account, "2024-05-01", both);
      // Made again, it counts nothing of what the bill behind it carries and is made again after it.
      if (times === 0) await scenario.world.api.call("DELETE", `bills/${february.id}`);
    }
  });

  test("leaves a locked bill what an earlier one that is open gives back to a commitment", async () => {
    // Of a commitment of 60 January takes all, and February's 40 find nothing. Then 30 of January's are voided: in date order
    // January takes 30, February the other 30.
    const sold = await sell({ bands: [[0, 1]], usage: [["2024-02-10", 40]] });
    const { account } = sold;
    await commit(account, 60);
    const [, wrong] = await use(sold, [
      ["2024-01-10", 30],
      ["2024-01-20", 30],
    ]);
    await expectLines(account, "2024-02-01", ["USAGE 60", "COMMITMENT_CONSUMED -60", "TOTAL 0"]);
    const february = await expectLines(account, "2024-03-01", ["USAGE 40", "TOTAL 40"]);
    await scenario.world.approveAndLock(february.id);
    await put(wrong, "void");
    await expectLines(account, "2024-02-01", ["USAGE 30", "COMMITMENT_CONSUMED -30", "TOTAL 0"]);
    for (let times = 0; times < 2; times += 1)
      await expectLines(account, "2024-04-01", ["COMMITMENT_CONSUMED -30", "TOTAL -30"]);
    expect(await scenario.world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 60 },
    ]);
  });

  test("leaves a locked bill what a later locked one gives back to a commitment that it had first", async () => {
    // March's 50 are billed first, of a commitment of 60, and January's 60 find 10. Then 30 of March's are voided. In date order
    // January takes all 60.
    const sold = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 60]] });
    const { account } = sold;
    await commit(account, 60);
    const [, wrong] = await use(sold, [
      ["2024-03-10", 20],
      ["2024-03-20", 30],
    ]);
    for (const [billDate, lines] of [
      ["2024-04-01", ["USAGE 50", "COMMITMENT_CONSUMED -50", "TOTAL 0"]],
      ["2024-02-01", ["USAGE 60", "COMMITMENT_CONSUMED -10", "TOTAL 50"]],
    ] as const)
      await scenario.world.approveAndLock((await expectLines(account, billDate, lines)).id);
    await put(wrong, "void");
    const marchs = ["USAGE -30", "COMMITMENT_CONSUMED 30", "TOTAL 0"];
    const april = await expectLines(account, "2024-05-01", marchs);
    await scenario.world.approveAndLock(april.id);
    for (let times = 0; times < 2; times += 1) {
      const both = ["COMMITMENT_CONSUMED -50", "COMMITMENT_CONSUMED 20", "TOTAL -30"];
      await expectLines(account, "2024-06-01", both);
    }
  });

  test("settles once over several approved months, and stays settled", async () => {
    // Commitment 100, usage at 1: January 60 and February 30 are covered, 10 are left. Both approved. 20 more arrive for
    // January: 80 of January and 20 of February would be covered. March's bill: usage +20, consumed −20; February's
    // consumption +10; its own 5 find nothing left. Together 20 − 20 + 10 + 5 = 15.
    const sold = await sell({
      bands: [[0, 1]],
      usage: [
        ["2024-01-10", 60],
        ["2024-02-10", 30],
        ["2024-03-10", 5],
      ],
    });
    const { account } = sold;
    await commit(account, 100);
    for (const [billDate, used] of [
      ["2024-02-01", 60],
      ["2024-03-01", 30],
    ] as const) {
      const lines = [`USAGE ${used}`, `COMMITMENT_CONSUMED -${used}`, "TOTAL 0"];
      await scenario.world.approve((await expectLines(account, billDate, lines)).id);
    }
    await use(sold, [["2024-01-20", 20]]);
    const carrier = await expectLines(account, "2024-04-01", [
      "USAGE 20",
      "USAGE 5",
      "COMMITMENT_CONSUMED -20",
      "COMMITMENT_CONSUMED 10",
      "TOTAL 15",
    ]);
    expect(await scenario.world.list(`commitments?accountId=${account.id}`)).toMatchObject([
      { amountSpent: 100 },
    ]);
    await scenario.world.approve(carrier.id);
    // Nothing is corrected back.
    await expectLines(account, "2024-05-01", ["TOTAL 0"]);
  });

  test("lands in the tiers where it belongs, and draws what it would have drawn", async () => {
    // 90, and 30 more: 120 → 110, 20 more. Of a commitment of 100 January took 90, and would have taken 100.
    const sold = await sell({ bands: tiers, usage: [["2024-01-10", 90]] });
    await commit(sold.account, 100);
    const january = ["USAGE 90", "COMMITMENT_CONSUMED -90", "TOTAL 0"];
    await scenario.world.approve((await expectLines(sold.account, "2024-02-01", january)).id);
    await use(sold, [
      ["2024-01-20", 30],
      ["2024-02-10", 10],
    ]);
    for (let run = 0; run < 2; run += 1) {
      await expectLines(sold.account, "2024-03-01", [
        "USAGE 20",
        "COMMITMENT_CONSUMED -10",
        "USAGE 10",
        "TOTAL 20",
      ]);
    }
  });
});

describe.concurrent("before approval", () => {
  test("what is voided before the bill is not on it", async () => {
    const { account, uids } = await customer();
    await put(uids[1], "void");
    await expectLines(account, "2024-02-01", ["USAGE 90", "TOTAL 90"]);
  });

  test("what is amended before the bill is on it as amended: 40 + 30", async () => {
    const { account, uids } = await customer();
    await put(uids[0], "amend", amounted(40));
    await expectLines(account, "2024-02-01", ["USAGE 70", "TOTAL 70"]);
  });

  test("a pending bill is calculated again, without a correction", async () => {
    const { account, uids } = await customer();
    await expectLines(account, "2024-02-01", ["USAGE 110", "TOTAL 110"]);
    await put(uids[1], "void");
    await expectLines(account, "2024-02-01", ["USAGE 90", "TOTAL 90"]);
    await expectLines(account, "2024-03-01", ["USAGE 10", "TOTAL 10"]);
  });
});

describe.concurrent("after approval, on the next bill", () => {
  test("voided usage comes back out of the tier that it was in: 110 → 90", async () => {
    const { account, uids, bill } = await approved(["USAGE 110", "TOTAL 110"]);
    await put(uids[1], "void");
    const next = await expectLines(account, "2024-03-01", ["USAGE -20", "USAGE 10", "TOTAL -10"]);
    expect(next.lineItems.find(({ subtotal }) => subtotal === -20)).toMatchObject({
      description: "Correction: Usage",
      referencedBillId: bill.id,
      referencedLineItemId: bill.lineItems[0]?.["id"],
    });
    // The bill that was wrong stands; the month after has nothing to put right.
    expect(await scenario.world.bills(account.id, "2024-02-01")).toMatchObject([
      { id: bill.id, billTotal: 110, status: "APPROVED" },
    ]);
    await expectLines(account, "2024-04-01", ["TOTAL 0"]);
  });

  test("amended usage: 90 → 190 makes 150 of 110", async () => {
    // 220 used: 100 + 120 × 0.5 = 160, 50 more.
    const { account, uids } = await approved(["USAGE 110", "TOTAL 110"]);
    await put(uids[0], "amend", amounted(190));
    await expectLines(account, "2024-03-01", ["USAGE 50", "USAGE 10", "TOTAL 60"]);
  });

  test("usage that moves to another month leaves the one for the other", async () => {
    // January 110 → 90; February 10 + 30.
    const { account, uids } = await approved(["USAGE 110", "TOTAL 110"]);
    await put(uids[1], "amend", amounted(30, { ts: "2024-02-20T00:00:00Z" }));
    await expectLines(account, "2024-03-01", ["USAGE -20", "USAGE 40", "TOTAL 20"]);
  });

  test("by volume fewer units may cost more: 120 × 0.5 = 60, 90 × 1 = 90", async () => {
    const { account, uids } = await approved(["USAGE 60", "TOTAL 60"], {
      price: { cumulative: false },
    });
    await put(uids[1], "void");
    await expectLines(account, "2024-03-01", ["USAGE 30", "USAGE 10", "TOTAL 40"]);
  });

  test("a minimum takes up what usage gives back: 110 → 90 of at least 100", async () => {
    // February: 10 of 100, topped up by 90. January: −20, topped up by 10.
    const { account, uids } = await approved(["USAGE 110", "TOTAL 110"], {
      template: { minimumSpend: 100 },
    });
    await put(uids[1], "void");
    await expectLines(account, "2024-03-01", [
      "USAGE -20",
      "MINIMUM_SPEND 10",
      "USAGE 10",
      "MINIMUM_SPEND 90",
      "TOTAL 90",
    ]);
  });

  test("a commitment gets back what it would not have paid, and its surcharge goes", async () => {
    // 100 of 110 are paid, 10 % on 10. At 90 nothing is beyond: −20, 10 back, −1. The 10 pay February's 10.
    const sold = await sell({ bands: tiers });
    await commit(sold.account, 100, { overageSurchargePercent: 10 });
    const uids = await use(sold, [
      ["2024-01-10", 90],
      ["2024-01-20", 30],
    ]);
    await use(sold, [["2024-02-10", 10]]);
    const january = await expectLines(sold.account, "2024-02-01", [
      "USAGE 110",
      "COMMITMENT_CONSUMED -100",
      "OVERAGE_SURCHARGE 1",
      "TOTAL 11",
    ]);
    await scenario.world.approve(january.id);
    await put(uids[1], "void");
    await expectLines(sold.account, "2024-03-01", [
      "USAGE -20",
      "COMMITMENT_CONSUMED 10",
      "OVERAGE_SURCHARGE -1",
      "USAGE 10",
      "COMMITMENT_CONSUMED -10",
      "TOTAL -11",
    ]);
    expect(await scenario.world.list(`commitments?accountId=${sold.account.id}`)).toMatchObject([
      { amountSpent: 100 },
    ]);
  });

  test("usage that spans the plan moves the months after it, too", async () => {
    // 90 and 30 span: 110. February's 10 × 0.5 = 5, approved. Without the 30: January 90, February 10 × 1.
    const { account, uids } = await approved(["USAGE 110", "TOTAL 110"], {
      price: { tiersSpanPlan: true },
    });
    const february = await expectLines(account, "2024-03-01", ["USAGE 5", "TOTAL 5"]);
    await scenario.world.approve(february.id);
    await put(uids[1], "void");
    await expectLines(account, "2024-04-01", ["USAGE -20", "USAGE 5", "TOTAL -15"]);
  });

  test("a locked bill is put right the same way, and a correction can itself be corrected", async () => {
    const { account, uids, bill, sold } = await approved(["USAGE 110", "TOTAL 110"]);
    await scenario.world.api.call("PUT", `bills/${bill.id}/lock`, {});
    await put(uids[1], "void");
    const carrier = await expectLines(account, "2024-03-01", [
      "USAGE -20",
      "USAGE 10",
      "TOTAL -10",
    ]);
    await scenario.world.approve(carrier.id);
    // 5 more of January: 95, 5 above what was billed and corrected.
    await use(sold, [["2024-01-25", 5]]);
    await expectLines(account, "2024-04-01", ["USAGE 5", "TOTAL 5"]);
    await expectLines(account, "2024-04-01", ["USAGE 5", "TOTAL 5"]);
    // Together what one bill of the right usage charges: 110 − 20 + 5 = 95, and February's 10.
    const [january] = await totals(account, "2024-02-01");
    expect((january ?? 0) + carrier.billTotal + 5).toBe(95 + 10);
  });
});

describe.concurrent("a bill that is locked before an earlier one is made", () => {
  // 10 a month in advance, nothing used. January's bill: 10 for January, which no bill charged before, 10 for February.
  // March's the same, locked. February's opens March: its 10 are on both. They come back: 50 for five months.
  const opened = async () => {
    const { account } = await sell({
      template: { minimumSpend: 10, minimumSpendBillInAdvance: true },
      bands: [[0, 1]],
    });
    const both = ["MINIMUM_SPEND 10", "MINIMUM_SPEND 10", "TOTAL 20"];
    await expectLines(account, "2024-02-01", both);
    const march = await expectLines(account, "2024-04-01", both);
    await scenario.world.approveAndLock(march.id);
    return { account, march };
  };
  const february = ["MINIMUM_SPEND 10", "TOTAL 10"];
  const april = ["MINIMUM_SPEND -10", "MINIMUM_SPEND 10", "TOTAL 0"];

  test("gives back on the next what both charge", async () => {
    const { account, march } = await opened();
    await expectLines(account, "2024-03-01", february);
    const next = await expectLines(account, "2024-05-01", april);
    expect(next.lineItems).toContainEqual(
      expect.objectContaining({ subtotal: -10, referencedBillId: march.id }),
    );
    await scenario.world.approveAndLock(next.id);
    await expectLines(account, "2024-06-01", february);
  });

  test("takes back what it put right when the bill that was wrong is made again", async () => {
    // January 60; 20 more come late and are on February's bill, locked. January's, made again, has them, too.
    const sold = await sell({ bands: [[0, 1]], usage: [["2024-01-10", 60]] });
    const { account } = sold;
    const january = await expectLines(account, "2024-02-01", ["USAGE 60", "TOTAL 60"]);
    await scenario.world.approve(january.id);
    await use(sold, [["2024-01-20", 20]]);
    const carrier = await expectLines(account, "2024-03-01", ["USAGE 20", "TOTAL 20"]);
    await scenario.world.approveAndLock(carrier.id);
    await expectLines(account, "2024-02-01", ["USAGE 80", "TOTAL 80"]);
    const march = await expectLines(account, "2024-04-01", ["USAGE -20", "TOTAL -20"]);
    expect(march.lineItems).toMatchObject([
      { referencedBillId: january.id, referencedLineItemId: january.lineItems[0]?.["id"] },
    ]);
    // Approved once more, it is still what it says; and again the one that takes back.
    await scenario.world.approve(january.id);
    await expectLines(account, "2024-04-01", ["USAGE -20", "TOTAL -20"]);
    await scenario.world.approve(march.id);
    await expectLines(account, "2024-05-01", ["TOTAL 0"]);
  });

  test("gives it back on a later one that is there already", async () => {
    const { account } = await opened();
    await expectLines(account, "2024-05-01", february);
    await expectLines(account, "2024-03-01", february);
    const bills = await scenario.world.bills(account.id, "2024-05-01");
    expect(bills.map(rowsOf)).toEqual([april]);
  });
});
