import { sql } from "kysely";
import type { Database } from "../ports/database.ts";
import type { BackfillKey } from "../ports/usage-backfills.ts";

/** Adds to the measurements of a backfill that something was wrong with. */
export const countFailures = async (
  database: Database,
  { orgId, backfillId }: BackfillKey,
  count: number,
): Promise<void> => {
  await database
    .insertInto("backfill_failures")
    .values({ org_id: orgId, backfill_id: backfillId, failed_rows: count })
    .onConflict((conflict) =>
      conflict
        .columns(["org_id", "backfill_id"])
        .doUpdateSet({ failed_rows: sql`backfill_failures.failed_rows + ${count}` }),
    )
    .execute();
};

export const readFailures = async (
  database: Database,
  { orgId, backfillId }: BackfillKey,
): Promise<number> => {
  const row = await database
    .selectFrom("backfill_failures")
    .select("failed_rows")
    .where("org_id", "=", orgId)
    .where("backfill_id", "=", backfillId)
    .executeTakeFirst();
  return Number(row?.failed_rows ?? 0);
};
