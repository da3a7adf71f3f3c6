import type { DuckDBConnection } from "@duckdb/node-api";
import type { BackfillState, BackfillStep } from "../../ports/usage-backfills.ts";
import { backfillSteps } from "../../ports/usage-backfills.ts";
import type { BackfillEntry, StoredReplacement } from "../../ports/usage-log.ts";
import { integer, rowsOf, text } from "./cells.ts";
import type { Generation } from "./database.ts";
import type { MeterTable } from "./meter-table.ts";
import { literal } from "./cells.ts";

/** What has become of a backfill. */
export interface Backfill {
  readonly orgId: string;
  readonly backfillId: string;
  readonly state: BackfillState;
  /** Where it was revealed: its rows count as if they had been stored there. */
  readonly revealedAt?: number;
  readonly revertedAt?: number;
  readonly replaces?: StoredReplacement | undefined;
}

const stateAfter: Readonly<Record<BackfillStep, BackfillState>> = {
  reveal: "revealed",
  revert: "reverted",
  discard: "discarded",
};

/** One that nothing was heard of is hidden. */
export const noStep = (orgId: string, backfillId: string): Backfill => ({
  orgId,
  backfillId,
  state: "hidden",
});

/** The backfills of which a step is known, by id. */
export class BackfillSteps {
  /** By position: the same step may be told twice. */
  readonly #backfills = new Map<string, Backfill>();

  static async load(connection: DuckDBConnection): Promise<BackfillSteps> {
    const steps = new BackfillSteps();
    const rows = await rowsOf(
      connection,
      "SELECT position, org_id, backfill_id, step, replaces, requested_by FROM backfill ORDER BY position",
    );
    for (const [position, orgId, backfillId, stored, replaces, requestedBy] of rows) {
      const step = backfillSteps.find((known) => known === stored);
      if (step === undefined) throw new Error(`a backfill has the step ${text(stored)}`);
      const given: StoredReplacement | undefined =
        replaces === null ? undefined : JSON.parse(text(replaces));
      steps.take({
        orgId: text(orgId),
        backfillId: text(backfillId),
        step,
        position: integer(position),
        ...(given && { replaces: given }),
        requestedBy: text(requestedBy),
      });
    }
    return steps;
  }

  take({ orgId, backfillId, step, position, replaces }: BackfillEntry): void {
    const before = this.find(orgId, backfillId);
    const at = step === "reveal" ? { revealedAt: position, replaces } : {};
    const until = step === "revert" ? { revertedAt: position } : {};
    const after = { ...before, ...at, ...until, state: stateAfter[step] };
    this.#backfills.set(`${orgId}/${backfillId}`, after);
  }

  find(orgId: string, backfillId: string): Backfill {
    return this.#backfills.get(`${orgId}/${backfillId}`) ?? noStep(orgId, backfillId);
  }

  of(orgId: string): readonly Backfill[] {
    return [...this.#backfills.values()].filter((backfill) => backfill.orgId === orgId);
  }

  revealed(orgId: string): readonly Backfill[] {
    return this.of(orgId).filter(({ state }) => state === "revealed");
  }
}

export const insertStep = async (
  connection: DuckDBConnection,
  generation: Generation,
  { position, orgId, backfillId, step, replaces, requestedBy }: BackfillEntry,
): Promise<void> => {
  const given = replaces === undefined ? "NULL" : literal(JSON.stringify(replaces));
  const texts = [orgId, backfillId, step].map(literal);
  await connection.run(
    `INSERT INTO ${generation}.backfill
     VALUES (${[position, ...texts, given, literal(requestedBy)].join(", ")})`,
  );
};

/**
 * Rows of a meter's table, as `stored`, that a backfill takes the place of: those that counted where it was revealed.
 * Undefined when there are none such.
 */
export const replacedSql = (
  { meterId, backfillId }: MeterTable,
  { replaces, revealedAt }: Backfill,
  own: Backfill | undefined,
): string | undefined => {
  if (replaces === undefined || revealedAt === undefined) return undefined;
  if (!replaces.meterIds.includes(meterId)) return undefined;
  // Rows of a backfill count as if they had been stored where it was revealed.
  if (backfillId !== undefined && (own?.revealedAt ?? Infinity) >= revealedAt) return undefined;
  return [
    `stored.ts >= make_timestamp(${replaces.start})`,
    `stored.ts < make_timestamp(${replaces.end})`,
    ...(replaces.accounts === undefined
      ? []
      : [`stored.account IN (${["-1", ...replaces.accounts].join(", ")})`]),
    ...(backfillId === undefined ? [`stored.position < ${revealedAt}`] : []),
  ].join(" AND ");
};

/** What the revealed backfills of its organization replace of a table; undefined when they replace nothing. */
export const hiddenSql = (table: MeterTable, steps: BackfillSteps): string | undefined => {
  const own =
    table.backfillId === undefined ? undefined : steps.find(table.orgId, table.backfillId);
  const conditions = steps
    .revealed(table.orgId)
    .flatMap((backfill) => replacedSql(table, backfill, own) ?? []);
  return conditions.length === 0
    ? undefined
    : conditions.map((condition) => `(${condition})`).join(" OR ");
};
