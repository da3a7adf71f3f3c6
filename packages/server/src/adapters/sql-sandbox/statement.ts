/** The one relation that custom SQL may read (m3ter semantics 6.2). */
export const relationName = "measurements";

/** Words of DuckDB that a query must not use, in lower case: read from DuckDB itself, see `vocabulary.ts`. */
export interface Vocabulary {
  /** Functions whose answer depends on more than their arguments. */
  readonly unsteadyFunctions: ReadonlySet<string>;
  /** Tables and views that exist in every database. */
  readonly systemTables: ReadonlySet<string>;
}

/** Functions in FROM that read nothing but their arguments. */
const tableFunctions: ReadonlySet<string> = new Set(["range", "generate_series", "unnest"]);

/** Names that stand for the clock where no column has them. */
const clockNames: ReadonlySet<string> = new Set([
  "current_date",
  "current_time",
  "current_timestamp",
  "localtime",
  "localtimestamp",
]);

/** What FROM may be made of; `SHOW_REF` (DESCRIBE, SUMMARIZE) and whatever comes with a later DuckDB is not. */
const sources: ReadonlySet<string> = new Set([
  "EMPTY",
  "BASE_TABLE",
  "SUBQUERY",
  "JOIN",
  "TABLE_FUNCTION",
  "EXPRESSION_LIST",
  "COLUMN_DATA",
]);

type Node = Readonly<Record<string, unknown>>;

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const textOf = (value: unknown): string => (typeof value === "string" ? value.toLowerCase() : "");

function* nodesIn(value: unknown): Generator<Node> {
  if (Array.isArray(value)) for (const item of value) yield* nodesIn(item);
  if (!isNode(value)) return;
  yield value;
  for (const part of Object.values(value)) yield* nodesIn(part);
}

const isSource = (node: Node): boolean =>
  "sample" in node && "alias" in node && !("class" in node) && typeof node["type"] === "string";

/** The names that WITH gives to queries. */
const namedQueries = (nodes: readonly Node[]): string[] =>
  nodes.flatMap(({ cte_map: map }) =>
    isNode(map) && Array.isArray(map["map"])
      ? map["map"].flatMap((entry) => (isNode(entry) ? [textOf(entry["key"])] : []))
      : [],
  );

const sourceFault = (node: Node, readable: ReadonlySet<string>): string | undefined => {
  const type = node["type"];
  if (typeof type !== "string" || !sources.has(type)) {
    return "may only select from measurements, subqueries and values";
  }
  if (type === "BASE_TABLE") {
    const name = textOf(node["table_name"]);
    const isQualified = node["schema_name"] !== "" || node["catalog_name"] !== "";
    if (isQualified || !readable.has(name)) return `may not read ${name}, only ${relationName}`;
  }
  if (type === "TABLE_FUNCTION") {
    const called = isNode(node["function"]) ? textOf(node["function"]["function_name"]) : "";
    if (!tableFunctions.has(called)) return `may not call ${called} in FROM`;
  }
  return undefined;
};

const expressionFault = (node: Node, { unsteadyFunctions }: Vocabulary): string | undefined => {
  const called = textOf(node["function_name"]);
  if (unsteadyFunctions.has(called)) {
    return `may not call ${called}: an answer depends on the measurements alone`;
  }
  if (node["class"] !== "COLUMN_REF" || !Array.isArray(node["column_names"])) return undefined;
  const name = textOf(node["column_names"].at(-1));
  return clockNames.has(name) ? `may not use ${name}: an answer has no clock` : undefined;
};

/**
 * Why a statement, as `json_serialize_sql` writes it, is not one SELECT over the measurements alone; undefined when it
 * is. The database that it runs in has nothing else to read anyway: this rule is what gives a reason, and what keeps
 * answers the same whenever they are asked for.
 */
export const statementFault = (serialized: unknown, vocabulary: Vocabulary): string | undefined => {
  if (!isNode(serialized)) return "cannot be read";
  if (serialized["error"] !== false) {
    const message = serialized["error_message"];
    return typeof message === "string" ? message : "cannot be read";
  }
  const { statements } = serialized;
  if (!Array.isArray(statements) || statements.length !== 1) return "must be one SELECT statement";
  const nodes = [...nodesIn(statements)];
  const named = namedQueries(nodes);
  const taken = named.find((name) => vocabulary.systemTables.has(name) || name === relationName);
  if (taken !== undefined) return `may not call a query of its own ${taken}`;
  const readable = new Set([relationName, ...named]);
  for (const node of nodes) {
    const fault = isSource(node)
      ? (sourceFault(node, readable) ?? (node["sample"] ? "may not take samples" : undefined))
      : expressionFault(node, vocabulary);
    if (fault !== undefined) return fault;
    // A query node has a sample of its own.
    if (node["sample"]) return "may not take samples";
  }
  return undefined;
};
