import { DuckDBDecimalValue, DuckDBTypeId } from "@duckdb/node-api";
import type { DuckDBResult, DuckDBValue } from "@duckdb/node-api";
import { Decimal, decimal } from "@turnpike/engine/exact/decimal.ts";

/** What a query came to: an exact decimal in plain notation, null for nothing, or why there is no answer. */
export type Answer = { readonly value: string | null } | { readonly fault: string };

const numberTypes: ReadonlySet<DuckDBTypeId> = new Set([
  DuckDBTypeId.TINYINT,
  DuckDBTypeId.SMALLINT,
  DuckDBTypeId.INTEGER,
  DuckDBTypeId.BIGINT,
  DuckDBTypeId.HUGEINT,
  DuckDBTypeId.UTINYINT,
  DuckDBTypeId.USMALLINT,
  DuckDBTypeId.UINTEGER,
  DuckDBTypeId.UBIGINT,
  DuckDBTypeId.UHUGEINT,
  DuckDBTypeId.DECIMAL,
  DuckDBTypeId.DOUBLE,
  // Of `SELECT NULL`.
  DuckDBTypeId.SQLNULL,
]);

const notANumber: Answer = { fault: "must answer with a number" };

/** Integers and decimals as they are; a double as the shortest text that reads back as it (ECMA-262, Number::toString). */
const cellAnswer = (cell: DuckDBValue | undefined): Answer => {
  if (cell === null || cell === undefined) return { value: null };
  if (typeof cell === "bigint") return { value: cell.toString() };
  if (cell instanceof DuckDBDecimalValue) {
    return { value: new Decimal(cell.value, cell.scale).toString() };
  }
  if (typeof cell !== "number" || !Number.isFinite(cell)) return notANumber;
  return { value: decimal(cell).toString() };
};

/** The only cell of a result that is read no further than it must be; no row at all is null. */
export const answerOf = async (result: DuckDBResult): Promise<Answer> => {
  if (result.columnCount !== 1) return { fault: "must answer with one column" };
  if (!numberTypes.has(result.columnTypeId(0))) return notANumber;
  const cells: DuckDBValue[] = [];
  for (;;) {
    const chunk = await result.fetchChunk();
    if (chunk === null || chunk.rowCount === 0) break;
    if (cells.length + chunk.rowCount > 1) return { fault: "must answer with one row" };
    cells.push(...chunk.getColumnValues(0));
  }
  return cellAnswer(cells[0]);
};
