import { usageSavedQuery } from "@turnpike/contract/usage/usage-saved-query.ts";
import { metersSelected } from "../../records/usage-fields.ts";
import type { Rules, Write } from "../rule.ts";

/** A query is saved only as it could be asked (m3ter semantics 20). */
const asksForWhatIsMeasured = async ({ transaction, orgId, document }: Write) => {
  const { usageQuery: selection } = usageSavedQuery.fields.parse(document);
  await metersSelected(transaction, { orgId, selection, within: "usageQuery." });
  return document;
};

export const usageSavedQueryRules: Rules = { write: asksForWhatIsMeasured };
