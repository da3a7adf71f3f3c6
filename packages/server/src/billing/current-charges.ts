import type { BillFacts, BillTerms } from "@turnpike/engine/bill/facts.ts";
import type { Line } from "@turnpike/engine/bill/line.ts";
import { rateBill } from "@turnpike/engine/bill/rate-bill.ts";
import { type UsageWindow, usageWindows } from "@turnpike/engine/bill/usage-windows.ts";
import type { UsageStore } from "../ports/usage-store.ts";
import { takeAdvanceLines } from "./advance-lines.ts";
import type { BillingBook } from "./billing-book.ts";
import type { Reader } from "../ports/database.ts";
import { customFieldsOf } from "./custom-fields.ts";
import { type AskedWindows, measure } from "./measured-usage.ts";

/** A bill's lines with what they were rated from. */
export interface Rated {
  readonly facts: BillFacts;
  readonly lines: readonly Line[];
}

/** Windows to be measured as things are configured now. */
export const askedNow = (
  book: BillingBook,
  terms: BillTerms,
  windows: readonly UsageWindow[],
): AskedWindows => {
  const customFields = customFieldsOf(book, terms);
  const { aggregations, organization } = terms;
  const givenFor = (window: UsageWindow) => ({
    customFields: customFields(window),
    lookups: [],
  });
  return { windows, aggregations, zone: organization.zone, givenFor };
};

/** What bills of such terms charge as things are now, in the order given: no credit draws, and nothing is put right. */
export const rateCharges = async (
  { reader, usage }: { readonly reader: Reader; readonly usage: UsageStore },
  book: BillingBook,
  given: readonly BillTerms[],
): Promise<(Rated | undefined)[]> => {
  const nothing = { commitments: [], balances: [], charges: [], memos: [], corrections: [] };
  const bare = given.map((terms) => ({ ...terms, ...nothing }));
  const asked = bare.map((terms) => askedNow(book, terms, usageWindows(terms)));
  const { orgId } = book;
  const measured = await measure({ reader, usage, orgId }, asked);
  const advance = await takeAdvanceLines(reader, orgId, bare);
  return bare.map((terms, nth) => {
    const windows = asked[nth]?.windows ?? [];
    const facts = {
      ...terms,
      quantities: Object.fromEntries(
        windows.map((window) => [window.key, measured.get(window) ?? { quantity: null }]),
      ),
      billedInAdvance: advance.billedBefore({ id: "", billDate: terms.billDate.toString() }, terms),
    };
    const rated = rateBill(facts);
    return rated.outcome === "rated" ? { facts, lines: rated.lines } : undefined;
  });
};
