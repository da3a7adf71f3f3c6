import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";

/** Rows of a result whose column types the query fixes; the readers below assert them. */
export const rowsOf = async (
  connection: DuckDBConnection,
  sql: string,
): Promise<readonly (readonly DuckDBValue[])[]> => (await connection.runAndReadAll(sql)).getRows();

const unexpected = (value: unknown, type: string): never => {
  throw new TypeError(`DuckDB gave ${typeof value} where the query promises ${type}`);
};

export const text = (value: DuckDBValue | undefined): string =>
  typeof value === "string" ? value : unexpected(value, "text");

export const integer = (value: DuckDBValue | undefined): number =>
  typeof value === "number" ? value : Number(bigInteger(value));

export const bigInteger = (value: DuckDBValue | undefined): bigint => {
  if (typeof value === "bigint") return value;
  return typeof value === "number" ? BigInt(value) : unexpected(value, "an integer");
};

/** SQL knows no way to write NUL in a string. */
export const literal = (content: string): string =>
  content
    .split("\0")
    .map((part) => `'${part.replaceAll("'", "''")}'`)
    .join(" || chr(0) || ");

/** Rows of SQL literals, by the types of their columns. Many of them take a third of the time that VALUES takes. */
export const literalRows = (
  types: Readonly<Record<string, string>>,
  rows: readonly (readonly (string | number)[])[],
): string =>
  `SELECT ${Object.entries(types)
    .map(
      ([name, type], at) =>
        `unnest([${rows.map((row) => row[at]).join(", ")}]::${type}[]) AS ${name}`,
    )
    .join(", ")}`;
