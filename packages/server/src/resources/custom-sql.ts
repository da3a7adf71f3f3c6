import { aggregation } from "@turnpike/contract/catalog/aggregation.ts";
import { isNumericCategory, meter } from "@turnpike/contract/catalog/meter.ts";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Database } from "../ports/database.ts";
import type { CustomSqlChecker } from "../ports/usage-store.ts";
import { lookup } from "../records/lookup.ts";
import type { Examine } from "./verbs.ts";

/**
 * An aggregation's custom SQL must run on its meter as it is now, with no measurements (m3ter semantics 6.2). A trial run
 * can take seconds, which no transaction should wait for. A body that is wrong in another way is refused by its write.
 */
export const examineCustomSql =
  (database: Database, checker: CustomSqlChecker): Examine =>
  async ({ resource, caller }, body) => {
    if (resource.kind !== aggregation.kind) return;
    const { success, data } = aggregation.fields.safeParse(body);
    if (!success || data.aggregation !== "CUSTOM_SQL") return;
    const { orgId } = caller;
    const target = await lookup(database, meter, { orgId, id: data.meterId });
    if (target === undefined) return;
    const fields = [...target.dataFields, ...target.derivedFields].map(({ code, category }) => ({
      code,
      isNumeric: isNumericCategory(category),
    }));
    const fault = await checker.faultOfSql({ orgId, sql: data.customSql ?? "", fields });
    if (fault !== undefined) throw fieldProblem("VALIDATION_FAILED", "customSql", fault);
  };
