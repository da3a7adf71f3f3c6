import { decide } from "@turnpike/engine/ledger/decide.ts";
import { SampleLedger, sampleCustomer } from "@turnpike/engine/ledger/sample-ledger.ts";
import { money, sampleCharge, sampleGrant } from "@turnpike/engine/ledger/sample-request.ts";
import type { LedgerState } from "@turnpike/engine/ledger/rows.ts";
import type { Authorize } from "@turnpike/engine/ledger/request.ts";

/**
 * How fast the pure core decides simple charges in batches of 100, without storage: one grant per account,
 * 100 accounts. Prints one JSON object.
 */
const batchSize = 100;
const accounts = 100;
const durationMs = 3000;

const codes = Array.from({ length: accounts }, (_, index) => `account-${index}`);
const ledger = new SampleLedger({ customers: codes.map(sampleCustomer) });
ledger.run(
  ...codes.map((account) => sampleGrant(`grant-${account}`, money("1000000"), { account })),
);
const state: LedgerState = ledger.state;

const batchFrom = (first: number): Authorize[] =>
  Array.from({ length: batchSize }, (_, index) =>
    sampleCharge(`charge-${first + index}`, money("0.01"), {
      account: codes[index % accounts] ?? "",
    }),
  );

const rowsPerDecision = (): number => {
  const { changes } = decide(state, batchFrom(0), 0);
  return Object.values(changes).reduce((total, rows) => total + rows.length, 0) / batchSize;
};

const decisionsPerSecond = (): number => {
  let decisions = 0;
  const start = performance.now();
  let elapsedMs = 0;
  while (elapsedMs < durationMs) {
    decisions += decide(state, batchFrom(decisions), 0).decisions.length;
    elapsedMs = performance.now() - start;
  }
  return Math.round((decisions * 1000) / elapsedMs);
};

decisionsPerSecond();
console.log(
  JSON.stringify({
    decisions_per_s: decisionsPerSecond(),
    rows_per_decision: rowsPerDecision(),
    batch: batchSize,
    accounts,
  }),
);
