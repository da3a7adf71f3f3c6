import type { DuckDBConnection } from "@duckdb/node-api";
import type { Vocabulary } from "./statement.ts";

/** DuckDB takes them for steady; they tell of the server all the same. */
const telling = ["current_setting", "getenv", "getvariable"];

const namesOf = async (connection: DuckDBConnection, sql: string): Promise<Set<string>> => {
  const rows = (await connection.runAndReadAll(sql)).getRows();
  return new Set(rows.map(([name]) => String(name).toLowerCase()));
};

/** What DuckDB says of its own functions and views, so that a newer one is not met with an older list. */
export const readVocabulary = async (connection: DuckDBConnection): Promise<Vocabulary> => {
  const unsteady = await namesOf(
    connection,
    "SELECT DISTINCT function_name FROM duckdb_functions() WHERE stability <> 'CONSISTENT'",
  );
  for (const name of telling) unsteady.add(name);
  return {
    unsteadyFunctions: unsteady,
    systemTables: await namesOf(connection, "SELECT view_name FROM duckdb_views()"),
  };
};
