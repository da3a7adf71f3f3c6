import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { compoundAggregation } from "@turnpike/contract/catalog/compound-aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Stored } from "@turnpike/contract/resource.ts";
import type { Reader } from "../../ports/database.ts";
import { lookup, lookupEvery, typed } from "../../records/lookup.ts";
import type { Followed, Rules, Write } from "../rule.ts";
import { unsuitableField } from "./aggregation-fields.ts";
import { keepsPrices } from "./priced-product.ts";
import { keepsPricedSegments } from "./priced-segments.ts";
import { referencedAggregations, segmentsOfCompound } from "./compound-segments.ts";

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

/** A compound names aggregations by their codes, which no reference holds (m3ter semantics 7). */
const compoundsNaming = async (
  reader: Reader,
  { orgId, code }: { orgId: string; code: string },
): Promise<Stored<typeof compoundAggregation>[]> =>
  (await lookupEvery(reader, compoundAggregation, orgId)).filter(({ calculation }) =>
    referencedAggregations(calculation).includes(code),
  );

const keepsItsCodeInUse = async (
  { transaction, orgId }: Pick<Write, "transaction" | "orgId">,
  code: unknown,
  field: "code" | "id",
): Promise<void> => {
  if (typeof code !== "string") return;
  const [compound] = await compoundsNaming(transaction, { orgId, code });
  if (compound === undefined) return;
  const message = `is named by compoundAggregation ${compound.id} (${compound.name}): ${code}`;
  throw fieldProblem("RECORD_IN_USE", field, message);
};

/** Its own segments are priced, and those of compounds, which follow them (m3ter semantics 6.4, 7). */
const keepsSegments = async ({ writer: { transaction }, row }: Followed): Promise<void> => {
  const { id, code, segments = [] } = typed(aggregation, row);
  const orgId = row.org_id;
  const scope = { transaction, orgId };
  const field = "segments";
  await keepsPricedSegments(scope, { by: "aggregationId", id, segments, field });
  if (code === undefined) return;
  for (const compound of await compoundsNaming(transaction, { orgId, code })) {
    const { id: compoundId, calculation } = compound;
    const left = await segmentsOfCompound(transaction, { orgId, calculation });
    const priced = { by: "compoundAggregationId", id: compoundId, segments: left, field } as const;
    await keepsPricedSegments(scope, priced);
  }
};

/** An aggregation is of its meter's product, and so are the plans that price it (m3ter semantics 4). */
const keepsPricedProduct = async ({ writer, row, before }: Followed): Promise<void> => {
  if (before === undefined || before.document["meterId"] === row.document["meterId"]) return;
  const scope = { transaction: writer.transaction, orgId: row.org_id };
  await keepsPrices(scope, { by: "aggregationId", ids: [row.id], field: "meterId" });
};

export const aggregationRules: Rules = {
  follow: async (followed) => {
    await keepsPricedProduct(followed);
    if (followed.before !== undefined) await keepsSegments(followed);
  },
  write: async (write) => {
    const next = aggregation.fields.parse(write.document);
    await targetsSuitableFields(write, next);
    const was = write.before?.["code"];
    if (next.code !== was) await keepsItsCodeInUse(write, was, "code");
    return write.document;
  },
  remove: (write) => keepsItsCodeInUse(write, write.document["code"], "id"),
};
