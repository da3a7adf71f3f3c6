import { randomUUID } from "node:crypto";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { DuckDBConnection, DuckDBValue } from "@duckdb/node-api";
import { decimal } from "@turnpike/engine/exact/decimal.ts";
import { Turns } from "../../ingest/turns.ts";
import type { CustomSqlChecker } from "../../ports/usage-store.ts";
import type { RelationColumn } from "../sql-sandbox/protocol.ts";
import type { SqlSandbox } from "../sql-sandbox/sql-sandbox.ts";
import type { AccountNumbers } from "./accounts.ts";
import type { GroupValue } from "./aggregation.ts";
import { integer, rowsOf } from "./cells.ts";
import { type FieldPlace, mantissaColumn, type MeterTable, scaleColumn } from "./meter-table.ts";
import type { Readers } from "./readers.ts";
import { dimension, fromSql } from "./relation.ts";
import { literal } from "./cells.ts";
import type { GroupKey, Scope } from "./relation.ts";
import { uidSql } from "./uid-columns.ts";

/** The codes that a meter and an account have now; undefined for one that is gone. */
type Codes = (
  orgId: string,
  ids: { readonly meterId: string; readonly accountId: string },
) => Promise<{ readonly meter: string | undefined; readonly account: string | undefined }>;

interface CustomSqlParts {
  readonly readers: Readers;
  readonly accounts: AccountNumbers;
  readonly sandbox: SqlSandbox;
  /** For files that live as long as a query. */
  readonly folder: string;
  readonly codes: Codes;
}

interface Field {
  readonly code: string;
  readonly isNumeric: boolean;
}

const fixedColumns: readonly RelationColumn[] = [
  { name: "uid", type: "VARCHAR" },
  { name: "ts", type: "TIMESTAMP" },
  { name: "ets", type: "TIMESTAMP" },
  { name: "account", type: "VARCHAR" },
  { name: "meter", type: "VARCHAR" },
];

/**
 * SQL does not tell names apart by case: of several fields the one that its meter got first is in the relation, and the
 * fixed columns come before all.
 */
const fieldsOf = <F extends Field>(fields: readonly F[]): readonly F[] => {
  const taken = new Set(fixedColumns.map(({ name }) => name));
  return fields.filter(({ code }) => {
    const name = code.toLowerCase();
    return !taken.has(name) && taken.add(name);
  });
};

interface Exact {
  readonly type: string;
  readonly scale: number;
}

const digitsMax = 38;
/** Wide enough for most, and products of two still fit. */
const shortDigits = 18;

/**
 * Exact for every value of the field, so the scale is that of the values. What no exact type can hold is a BLOB, which
 * can be counted and not calculated with: better no answer than a rounded one.
 */
const exactType = (scale: number, wholeDigits: number): Exact => {
  const digits = scale + wholeDigits;
  if (digits > digitsMax) return { type: "BLOB", scale };
  return { type: `DECIMAL(${digits > shortDigits ? digitsMax : shortDigits}, ${scale})`, scale };
};

/** Of fields without values. */
const usualType = "DECIMAL(18, 6)";

const placesOf = ({ fields }: MeterTable, field: Field): readonly FieldPlace[] =>
  fields.filter(({ code, isNumeric }) => code === field.code && isNumeric === field.isNumeric);

/** How many digits the numbers of a field have after and before the point, at most. */
const extent = (places: readonly FieldPlace[]): string => {
  const scales = places.map((place) => `max(usage.${scaleColumn(place)})`);
  const wholes = places.map((place) => {
    const digits = `length(abs(usage.${mantissaColumn(place)})::VARCHAR)`;
    return `max(${digits} - usage.${scaleColumn(place)})`;
  });
  return `greatest(0, ${scales.join(", ")}), greatest(1, ${wholes.join(", ")})`;
};

const coalesced = (texts: readonly string[]): string =>
  texts.length === 1 ? `(${texts[0]})` : `coalesce(${texts.join(", ")})`;

/**
 * The number itself, as a decimal. DuckDB's own reading of `123e-4` runs over with as many digits as there may be, so
 * only integers are read from text.
 */
const numberSql = (places: readonly FieldPlace[], { type, scale }: Exact): string => {
  const mantissas = places.map((place) => ({
    digits: `usage.${mantissaColumn(place)}`,
    own: `usage.${scaleColumn(place)}`,
  }));
  if (type === "BLOB") {
    return `${coalesced(mantissas.map(({ digits, own }) => `${digits} || 'e' || (-${own})`))}::BLOB`;
  }
  const widened = mantissas.map(
    ({ digits, own }) => `${digits} || repeat('0', (${scale} - ${own})::INTEGER)`,
  );
  const one = scale === 0 ? "1" : `0.${"1".padStart(scale, "0")}`;
  return `(${coalesced(widened)}::DECIMAL(${digitsMax}, 0)
    * '${one}'::DECIMAL(${digitsMax}, ${scale}))::${type}`;
};

/** The relation of a scope: what its columns are called, of what type and from where. */
interface Relation {
  readonly columns: readonly RelationColumn[];
  readonly expressions: readonly string[];
}

const relationOf = async (connection: DuckDBConnection, scope: Scope): Promise<Relation> => {
  const { table } = scope;
  const fields = fieldsOf(table.fields);
  const numbers = fields.filter(({ isNumeric }) => isNumeric);
  const extents = numbers.map((field) => extent(placesOf(table, field)));
  const [row = []] =
    extents.length === 0
      ? []
      : await rowsOf(connection, `SELECT ${extents.join(", ")} ${fromSql(scope, [])}`);
  const types = new Map(
    numbers.map(({ code }, index) => {
      const exact = exactType(integer(row[index * 2]), integer(row[index * 2 + 1]));
      return [code, exact] as const;
    }),
  );
  const columns = fields.map((field) => {
    const exact = types.get(field.code);
    return {
      name: field.code,
      type: exact?.type ?? "VARCHAR",
      expression:
        exact === undefined
          ? dimension(table, field.code)
          : numberSql(placesOf(table, field), exact),
    };
  });
  return {
    columns: [...fixedColumns, ...columns.map(({ name, type }) => ({ name, type }))],
    expressions: [
      uidSql("usage"),
      "usage.ts",
      "usage.ets",
      "named.code::VARCHAR",
      "named.meter::VARCHAR",
      ...columns.map(({ expression }) => expression),
    ],
  };
};

export interface CustomQuestion {
  readonly sql: string;
  readonly keys: readonly GroupKey[];
  readonly groupsMax: number;
}

interface Export {
  readonly columns: readonly RelationColumn[];
  /** In the order of the groups' numbers. */
  readonly groups: readonly (readonly DuckDBValue[])[];
}

/** Evaluates custom SQL (m3ter semantics 6.2) on each group of a scope, in the sandbox. */
export class CustomSql {
  readonly #parts: CustomSqlParts;
  /** Of an organization's queries one at a time has a file, or keeps those of the others waiting. */
  readonly #turns = new Map<string, Turns>();

  private constructor(parts: CustomSqlParts) {
    this.#parts = parts;
  }

  /** Clears away what a killed process has left. */
  static async open(parts: CustomSqlParts): Promise<CustomSql> {
    await rm(parts.folder, { recursive: true, force: true });
    return new CustomSql(parts);
  }

  faultOf: CustomSqlChecker["faultOfSql"] = async ({ orgId, sql, fields }) => {
    const own = fieldsOf(fields).map(({ code, isNumeric }) => ({
      name: code,
      type: isNumeric ? usualType : "VARCHAR",
    }));
    const columns = [...fixedColumns, ...own];
    const { sandbox } = this.#parts;
    const outcome = await this.#inTurn(orgId, () => sandbox.run({ sql, columns, groups: 1 }));
    if (outcome.kind === "refused") return outcome.reason;
    const [answer] = outcome.answers;
    return answer !== undefined && "fault" in answer ? answer.fault : undefined;
  };

  /** Undefined when there are too many groups. */
  groups(scope: Scope, question: CustomQuestion): Promise<readonly GroupValue[] | undefined> {
    return this.#inTurn(scope.table.orgId, () => this.#groups(scope, question));
  }

  #inTurn<Result>(orgId: string, work: () => Promise<Result>): Promise<Result> {
    return this.#turns.getOrInsertComputed(orgId, () => new Turns()).take(work);
  }

  async #groups(
    scope: Scope,
    { sql, keys, groupsMax }: CustomQuestion,
  ): Promise<readonly GroupValue[] | undefined> {
    const file = join(this.#parts.folder, `${randomUUID()}.parquet`);
    await mkdir(this.#parts.folder, { mode: 0o700, recursive: true });
    try {
      const { columns, groups } = await this.#parts.readers.use((connection) =>
        this.#export(connection, scope, { keys, file }),
      );
      if (groups.length === 0) return [];
      if (groups.length > groupsMax) return undefined;
      const outcome = await this.#parts.sandbox.run({ sql, columns, file, groups: groups.length });
      return groups.flatMap((ofGroup, index): readonly GroupValue[] => {
        const answer =
          outcome.kind === "refused" ? { fault: outcome.reason } : outcome.answers[index];
        if (answer === undefined) throw new Error("the sandbox has left out a group");
        if ("fault" in answer) return [{ keys: ofGroup, value: null, fault: answer.fault }];
        return answer.value === null ? [] : [{ keys: ofGroup, value: decimal(answer.value) }];
      });
    } finally {
      await rm(file, { force: true });
    }
  }

  /** Writes the rows in an order that does not depend on how they came in, group after group. */
  async #export(
    connection: DuckDBConnection,
    scope: Scope,
    { keys, file }: { readonly keys: readonly GroupKey[]; readonly file: string },
  ): Promise<Export> {
    const { columns, expressions } = await relationOf(connection, scope);
    const codes = await this.#codesSql(connection, scope);
    if (codes === undefined) return { columns, groups: [] };
    const names = keys.map((_, index) => `k${index}`);
    const rows = `SELECT ${[
      ...keys.map(({ expression }, index) => `${expression} AS k${index}`),
      ...expressions.map((expression, index) => `${expression} AS c${index}`),
      "usage.position AS position",
    ].join(", ")} ${fromSql(scope, [...keys, { expression: "", joins: codes }])}`;
    const number =
      names.length === 0 ? "0" : `dense_rank() OVER (ORDER BY ${names.join(", ")}) - 1`;
    const cells = [...names, ...expressions.map((_, index) => `c${index}`)].join(", ");
    await connection.run(
      `COPY (
         SELECT ${number} AS "group", ${cells}
         FROM (${rows}) AS rows ASOF JOIN batch ON rows.position >= batch.first_position
         ORDER BY "group", c1, received_at, c0, position
       ) TO ${literal(file)} (FORMAT parquet)`,
    );
    const groups = await rowsOf(
      connection,
      `SELECT DISTINCT ${['"group"', ...names].join(", ")}
       FROM read_parquet(${literal(file)}) ORDER BY "group"`,
    );
    return { columns, groups: groups.map(([, ...ofGroup]) => ofGroup) };
  }

  /** A join that gives each row the codes of its account and meter; undefined when there are no rows. */
  async #codesSql(connection: DuckDBConnection, scope: Scope): Promise<string | undefined> {
    const { orgId, meterId } = scope.table;
    const found = await rowsOf(connection, `SELECT DISTINCT usage.account ${fromSql(scope, [])}`);
    if (found.length === 0) return undefined;
    const rows = await Promise.all(
      found.map(async ([number]) => {
        const { accountId } = this.#parts.accounts.at(integer(number));
        const { meter, account } = await this.#parts.codes(orgId, { meterId, accountId });
        const texts = [account, meter].map((text) => (text === undefined ? "NULL" : literal(text)));
        return `(${[integer(number), ...texts].join(", ")})`;
      }),
    );
    return `LEFT JOIN (VALUES ${rows.join(", ")}) AS named(account, code, meter)
            ON usage.account = named.account`;
  }
}
