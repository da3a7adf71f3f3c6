import { expect, test } from "vitest";
import { decide } from "./decide.ts";
import { faultsOfRows } from "./invariants.ts";
import type { Changes } from "./rows.ts";
import { SampleLedger } from "./sample-ledger.ts";
import { sampleCharge, sampleGrant, sampleHold } from "./sample-request.ts";

/** What a batch writes that grants 100, charges 30 and holds 20. */
const written = decide(
  new SampleLedger().state,
  [sampleGrant("g", 100n), sampleCharge("c", 30n), sampleHold("h", 20n)],
  0,
).changes;

/** The same with the first row of a kind changed. */
const but = <Kind extends "walletAccounts" | "grants" | "authorizations" | "postings">(
  kind: Kind,
  row: Partial<Changes[Kind][number]>,
): Changes => ({
  ...written,
  [kind]: written[kind].map((one) => ({ ...one, ...row })).slice(0, 1),
});

test.each<[string, Changes, string[]]>([
  ["what was decided", written, []],
  [
    "more spent than credited",
    but("walletAccounts", { debited: 81n }),
    ["I3 USD/acme is overspent"],
  ],
  [
    "a negative hold of an account",
    but("walletAccounts", { held: -1n }),
    ["I3 USD/acme holds less than nothing"],
  ],
  ["debt without a limit", but("walletAccounts", { debt: 1n }), ["I4 USD/acme owes too much"]],
  ["a grant that lost an atom", but("grants", { remaining: 49n }), ["I5 g does not add up"]],
  [
    "a grant that gave what it had not",
    but("grants", { remaining: -1n, consumed: 81n }),
    ["I5 g has a negative part"],
  ],
  ["a charge that holds", but("authorizations", { held: 1n }), ["I11 c holds after its end"]],
  [
    "a negative hold",
    but("authorizations", { held: -1n, state: "HELD" }),
    ["I11 c holds less than nothing", "I12 c pins more than it holds"],
  ],
  [
    "a refund of more than was paid",
    but("authorizations", { refunded: 31n }),
    ["I12 c refunds too much", "I12 c is settled by something unknown"],
  ],
  ["a posting of nothing", but("postings", { amount: 0n }), ["I2 grant:g moves 0"]],
])("%s", (_, rows, faults) => {
  expect(faultsOfRows(rows)).toEqual(faults);
});
