import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { pricing } from "@turnpike/contract/catalog/pricing.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Document } from "../../ports/database.ts";
import { lookup, lookupEvery, lookupReferring } from "../../records/lookup.ts";
import type { Followed, Rules, Write } from "../rule.ts";
import { unsuitableField } from "./aggregation-fields.ts";
import { keepsPrices } from "./priced-product.ts";
import { referencedAggregations } from "./compound-segments.ts";
import { sameSegment } from "@turnpike/engine/bill/segments.ts";

type Aggregation = ReturnType<typeof aggregation.fields.parse>;

const targetsSuitableFields = async (
  { transaction, orgId }: Write,
  next: Aggregation,
): Promise<void> => {
  const target = await lookup(transaction, meter, { orgId, id: next.meterId });
  const fields = [...(target?.dataFields ?? []), ...(target?.derivedFields ?? [])];
  const categories = new Map(fields.map(({ code, category }) => [code, category]));
  const fault = unsuitableField(next, categories);
  if (fault !== undefined) throw fieldProblem("RULE_VIOLATED", fault.field, fault.message);
};

/** A segment that has a price stays declared: its price is for nothing else (m3ter semantics 6.4). */
const keepsPricedSegments = async (
  { transaction, orgId, id }: Write,
  { segments = [] }: Aggregation,
): Promise<void> => {
  const on = { orgId, field: "aggregationId", ids: [id] };
  for (const priced of await lookupReferring(transaction, pricing, on)) {
    const { segment } = priced;
    if (segment === undefined || segments.some((one) => sameSegment(one, segment))) continue;
    const message = `must keep ${JSON.stringify(segment)}, which pricing ${priced.id} is for`;
    throw fieldProblem("RULE_VIOLATED", "segments", message);
  }
};

/** A compound names aggregations by their codes, which no reference holds (m3ter semantics 7). */
const keepsItsCodeInUse = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  code: unknown,
  field: "code" | "id",
): Promise<void> => {
  if (typeof code !== "string") return;
  for (const compound of await lookupEvery(transaction, compoundAggregation, orgId)) {
    if (!referencedAggregations(compound.calculation).includes(code)) continue;
    const message = `is named by compoundAggregation ${compound.id} (${compound.name}): ${code}`;
    throw fieldProblem("RECORD_IN_USE", field, message);
  }
};

const staysWhatItIsUsedFor = async (
  write: Write,
  next: Aggregation,
  before: Document,
): Promise<void> => {
  await keepsPricedSegments(write, next);
  if (next.code !== before["code"]) await keepsItsCodeInUse(write, before["code"], "code");
};

/** An aggregation is of its meter's product, and so are the plans that price it (m3ter semantics 4). */
const keepsPricedProduct = async ({ writer, row, before }: Followed): Promise<void> => {
  if (before === undefined || before.document["meterId"] === row.document["meterId"]) return;
  const scope = { transaction: writer.transaction, orgId: row.org_id };
  await keepsPrices(scope, { by: "aggregationId", ids: [row.id], field: "meterId" });
};

export const aggregationRules: Rules = {
  follow: keepsPricedProduct,
  write: async (write) => {
    const next = aggregation.fields.parse(write.document);
    await targetsSuitableFields(write, next);
    if (write.before !== undefined) await staysWhatItIsUsedFor(write, next, write.before);
    return write.document;
  },
  remove: (write) => keepsItsCodeInUse(write, write.document["code"], "id"),
};
