import type { BillStep } from "../draft.ts";
import { byText } from "../fact-order.ts";
import { type Line, lineItemTypes } from "../line.ts";
import { compareInstants } from "../../time/period.ts";

const typeRank = new Map(lineItemTypes.map((type, rank) => [type, rank]));

const rank = (line: Line): number => typeRank.get(line.lineItemType) ?? 0;

const inPrintOrder = (a: Line, b: Line): number =>
  rank(a) - rank(b) ||
  compareInstants(a.servicePeriod.start, b.servicePeriod.start) ||
  byText(a.key, b.key);

/** Type, then service period, then key: the order never depends on the order of the facts. */
export const printOrderStep: BillStep = (_facts, draft) => ({
  ...draft,
  lines: draft.lines.toSorted(inPrintOrder),
});
