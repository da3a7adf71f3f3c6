import { contract } from "@turnpike/contract/accounts/contract.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { lookupEvery } from "../../records/lookup.ts";
import type { Rules, Write } from "../rule.ts";
import { keepsItsAccountInUse } from "./contract-link.ts";

/** A filter on a dimension that nothing has would bill nothing, or everything (m3ter semantics 14.3). */
const filtersWhatIsMeasured = async (
  { transaction, orgId }: Write,
  codes: readonly string[],
): Promise<void> => {
  if (codes.length === 0) return;
  const meters = await lookupEvery(transaction, meter, orgId);
  const dimensions = new Set(
    meters.flatMap(({ dataFields, derivedFields }) =>
      [...dataFields, ...derivedFields].flatMap(({ category, code }) =>
        isNumericCategory(category) ? [] : [code],
      ),
    ),
  );
  const index = codes.findIndex((code) => !dimensions.has(code));
  if (index < 0) return;
  const message = `is a dimension of no meter: ${codes[index]}`;
  throw fieldProblem("RULE_VIOLATED", `usageFilters[${index}].dimensionCode`, message);
};

const standsForOneAccount = async (write: Write) => {
  const { accountId, usageFilters = [] } = contract.fields.parse(write.document);
  await keepsItsAccountInUse(write, { kind: contract.kind, accountId });
  await filtersWhatIsMeasured(
    write,
    usageFilters.map(({ dimensionCode }) => dimensionCode),
  );
  return write.document;
};

export const contractRules: Rules = { write: standsForOneAccount };
