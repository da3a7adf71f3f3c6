import type { Span } from "./calculation-error.ts";
import type { Value } from "./value.ts";

/** Entities whose custom fields a calculation can name (m3ter semantics 2.10). */
export type CustomFieldEntity =
  | "organization"
  | "account"
  | "accountPlan"
  | "meter"
  | "product"
  | "plan"
  | "planTemplate"
  | "contract";

/** Facts of the measurement itself; the timestamps are epoch milliseconds. */
export type SystemVariable = "ts" | "ets" | "receivedAt" | "account";

/**
 * What a name in a calculation stands for. `name` is its one canonical spelling:
 * `account.customFields.tier` and `account.tier` are both `account.tier`.
 */
export type Reference =
  | { readonly kind: "field"; readonly name: string; readonly code: string }
  | { readonly kind: "system"; readonly name: string; readonly variable: SystemVariable }
  | { readonly kind: "aggregation"; readonly name: string; readonly code: string }
  | {
      readonly kind: "customField";
      readonly name: string;
      readonly entity: CustomFieldEntity;
      readonly field: string;
    }
  | {
      readonly kind: "event";
      readonly name: string;
      readonly side: "new" | "old";
      readonly path: readonly string[];
    };

export type ArithmeticOperator = "+" | "-" | "*" | "/" | "%" | "^";
export type OrderingOperator = "<" | ">" | "<=" | ">=";
export type EqualityOperator = "==" | "!=";
export type LogicalOperator = "AND" | "OR";
export type BinaryOperator =
  | ArithmeticOperator
  | OrderingOperator
  | EqualityOperator
  | LogicalOperator;
export type UnaryOperator = "+" | "-";
export type ConstantName = "Math.PI" | "DateTime.TS_FMT";
export type FunctionName =
  | "Math.max"
  | "Math.min"
  | "Math.floor"
  | "Math.ceil"
  | "Math.round"
  | "Math.pow"
  | "Math.abs"
  | "isnull"
  | "IN"
  | "Number"
  | "String"
  | "Boolean"
  | "DateTime.parse"
  | "DateTime.format";
export type LookupFunctionName = "Lookup.findNumber" | "Lookup.findString" | "Lookup.exists";

/** A lookup key: the name of a field, written as a string, or an expression that yields the key. */
export type LookupKey =
  | { readonly kind: "named"; readonly reference: Reference; readonly span: Span }
  | { readonly kind: "computed"; readonly expression: Expression };

/** What to read from the row; `Lookup.exists` reads nothing. */
export interface LookupColumn {
  readonly field: Expression;
  readonly fallback: Expression;
}

export type Expression = Node & { readonly span: Span };

type Node =
  | { readonly kind: "literal"; readonly value: Value }
  | { readonly kind: "constant"; readonly name: ConstantName }
  | { readonly kind: "reference"; readonly reference: Reference }
  | { readonly kind: "unary"; readonly operator: UnaryOperator; readonly operand: Expression }
  | {
      readonly kind: "binary";
      readonly operator: BinaryOperator;
      readonly left: Expression;
      readonly right: Expression;
    }
  | {
      readonly kind: "conditional";
      readonly condition: Expression;
      readonly whenTrue: Expression;
      readonly whenFalse: Expression;
    }
  | {
      readonly kind: "call";
      readonly name: FunctionName;
      readonly parameters: readonly Expression[];
    }
  | {
      readonly kind: "lookup";
      readonly name: LookupFunctionName;
      readonly table: Expression;
      readonly column: LookupColumn | null;
      readonly keys: readonly LookupKey[];
    };

/** A text that was read: the tree and the text that its spans point into. */
export interface Calculation {
  readonly text: string;
  readonly root: Expression;
}

/** The direct parts of an expression, in the order of the text. */
export const partsOf = (expression: Expression): readonly Expression[] => {
  switch (expression.kind) {
    case "literal":
    case "constant":
    case "reference":
      return [];
    case "unary":
      return [expression.operand];
    case "binary":
      return [expression.left, expression.right];
    case "conditional":
      return [expression.condition, expression.whenTrue, expression.whenFalse];
    case "call":
      return expression.parameters;
    case "lookup":
      return [
        expression.table,
        ...(expression.column === null
          ? []
          : [expression.column.field, expression.column.fallback]),
        ...expression.keys.flatMap((key) => (key.kind === "computed" ? [key.expression] : [])),
      ];
  }
};
