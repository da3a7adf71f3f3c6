import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import { topologicalOrder } from "@turnpike/engine/calculation/derived-field-order.ts";
import type { CustomFieldEntity } from "@turnpike/engine/calculation/syntax.ts";
import { lookupReferring } from "../../records/lookup.ts";
import { customFieldsOf, publishedTables } from "../calculation-scope.ts";
import { readCalculation } from "../calculations.ts";
import { unsuitableField } from "./aggregation-fields.ts";
import type { Followed, Rules, Write } from "../rule.ts";
import { keepsCodeInLedger, staysWhileInLedger } from "./kept-records.ts";
import { keepsPrices } from "./priced-product.ts";

/** A field that an aggregation targets stays on its meter, and of a kind that it can use (m3ter semantics 4, 6.2). */
const keepTargetedFields = async ({ transaction, orgId, id, document, before }: Write) => {
  if (before === undefined) return document;
  const { dataFields, derivedFields } = meter.fields.parse(document);
  const categories = new Map(
    [...dataFields, ...derivedFields].map(({ code, category }) => [code, category]),
  );
  const on = { orgId, field: "meterId", ids: [id] };
  for (const user of await lookupReferring(transaction, aggregation, on)) {
    const used = [user.targetField, ...(user.segmentedFields ?? [])];
    if (user.aggregation === "CUSTOM_SQL") continue;
    const lost = used.find((code) => !categories.has(code));
    const fault = unsuitableField(user, categories);
    if (lost === undefined && fault !== undefined) {
      const message = `must suit aggregation ${user.id} (${user.name}): ${fault.code} ${fault.message}`;
      throw fieldProblem("RULE_VIOLATED", "dataFields", message);
    }
    if (lost === undefined) continue;
    const message = `must keep ${lost}, which aggregation ${user.id} (${user.name}) uses`;
    throw fieldProblem("RULE_VIOLATED", "dataFields", message);
  }
  return document;
};

const customFieldEntities: readonly CustomFieldEntity[] = ["organization", "meter", "account"];

/** A derived field is calculated from the meter's other fields, never in a circle (m3ter semantics 4, 5.2). */
const checkDerivedFields = async (write: Write): Promise<void> => {
  const { dataFields, derivedFields, productId } = meter.fields.parse(write.document);
  if (derivedFields.length === 0) return;
  const entities = [
    ...customFieldEntities,
    ...(productId === undefined ? [] : ["product" as const]),
  ];
  const scope = {
    fields: new Set([...dataFields, ...derivedFields].map(({ code }) => code)),
    hasMeasurement: true,
    customFields: await customFieldsOf(write, entities),
    lookupTables: await publishedTables(write),
  };
  const read = derivedFields.map(({ code, calculation }, index) => {
    const field = `derivedFields[${index}].calculation`;
    return { code, calculation: readCalculation(field, calculation, scope) };
  });
  const order = topologicalOrder(read);
  if (!order.ok) throw fieldProblem("VALIDATION_FAILED", "derivedFields", order.error.message);
};

/** The aggregations of a meter are of its product, and so are the plans that price them (m3ter semantics 4). */
const keepsPricedProduct = async ({ writer, row, before }: Followed): Promise<void> => {
  if (before === undefined || before.document["productId"] === row.document["productId"]) return;
  const scope = { transaction: writer.transaction, orgId: row.org_id };
  const on = { orgId: row.org_id, field: "meterId", ids: [row.id] };
  const ids = (await lookupReferring(writer.transaction, aggregation, on)).map(({ id }) => id);
  await keepsPrices(scope, { by: "aggregationId", ids, field: "productId" });
};

export const meterRules: Rules = {
  follow: keepsPricedProduct,
  write: async (write) => {
    // What wallets paid for it is found by its code (`records/wallet-debits.ts`), and may still be on its way to metering.
    await keepsCodeInLedger(write, meter.kind);
    await checkDerivedFields(write);
    return keepTargetedFields(write);
  },
  remove: (write) => staysWhileInLedger(write, { kind: meter.kind, by: "code" }),
};
