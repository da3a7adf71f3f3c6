import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import type { CustomFieldEntity } from "@turnpike/engine/calculation/syntax.ts";
import type { Document } from "../../ports/database.ts";
import { lookupCodes, typed } from "../../records/lookup.ts";
import { customFieldsOf, publishedTables } from "../calculation-scope.ts";
import { readCalculation } from "../calculations.ts";
import type { Followed, Read, Rules, Write } from "../rule.ts";
import { referencedAggregations, segmentsOfCompound } from "./compound-segments.ts";
import { keepsPricedProduct } from "./priced-product.ts";
import { keepsPricedSegments } from "./priced-segments.ts";

/** The entities whose custom fields a formula may name: never an aggregation's own (m3ter semantics 2.10). */
const customFieldEntities: readonly CustomFieldEntity[] = [
  "organization",
  "account",
  "accountPlan",
  "meter",
  "product",
  "plan",
  "planTemplate",
  "contract",
];

const namesWhatExists = async (write: Write) => {
  const { transaction, orgId, document } = write;
  const { calculation } = compoundAggregation.fields.parse(document);
  const codes = referencedAggregations(calculation);
  const found = await lookupCodes(transaction, aggregation, { orgId, codes });
  readCalculation("calculation", calculation, {
    aggregations: new Set(found.flatMap(({ code }) => code ?? [])),
    customFields: await customFieldsOf(write, customFieldEntities),
    lookupTables: await publishedTables(write),
  });
  return document;
};

/** The segments that can be priced follow the referenced aggregations as they are now. */
const withSegments = async ({ reader, orgId, rows }: Read): Promise<Map<string, Document>> => {
  const found = new Map<string, Document>();
  for (const row of rows) {
    const { calculation } = typed(compoundAggregation, row);
    const segments = await segmentsOfCompound(reader, { orgId, calculation });
    if (segments.length > 0) found.set(row.id, { segments });
  }
  return found;
};

const keepsSegments = async ({ writer: { transaction }, row }: Followed): Promise<void> => {
  const { id, calculation } = typed(compoundAggregation, row);
  const orgId = row.org_id;
  const segments = await segmentsOfCompound(transaction, { orgId, calculation });
  const priced = { by: "compoundAggregationId", id, segments, field: "calculation" } as const;
  await keepsPricedSegments({ transaction, orgId }, priced);
};

export const compoundAggregationRules: Rules = {
  write: namesWhatExists,
  follow: async (followed) => {
    await keepsPricedProduct("compoundAggregationId")(followed);
    if (followed.before !== undefined) await keepsSegments(followed);
  },
  compute: withSegments,
};
