import type { BinaryOperator, Expression, LookupKey } from "./syntax.ts";

/**
 * An expression as text, with a pair of parentheses around every operation, for tests to compare
 * with. Reading it needs no precedence, so two trees are the same exactly when these texts are.
 */
export const printed = (expression: Expression): string =>
  printedWith(expression, (part) => `(${part})`);

/** The same with no parentheses except where the reading would change. */
export const printedSparsely = (expression: Expression): string =>
  printedWith(expression, (part, inner, place) => (tightness(inner) < place ? `(${part})` : part));

type Wrap = (text: string, inner: Expression, place: number) => string;

/** The binary operators, loosest first; written out here a second time so that the tests do not believe the parser. */
export const levels: readonly (readonly BinaryOperator[])[] = [
  ["OR"],
  ["AND"],
  ["==", "!="],
  ["<", ">", "<=", ">="],
  ["+", "-"],
  ["*", "/", "%"],
  ["^"],
];

const levelOf = (operator: BinaryOperator): number =>
  1 + levels.findIndex((level) => level.includes(operator));

const unaryLevel = levels.length + 1;

const tightness = (expression: Expression): number => {
  switch (expression.kind) {
    case "conditional":
      return 0;
    case "binary":
      return levelOf(expression.operator);
    case "unary":
      return unaryLevel;
    case "literal":
    case "constant":
    case "reference":
    case "call":
    case "lookup":
      return unaryLevel + 1;
  }
};

const printedWith = (expression: Expression, wrap: Wrap): string => {
  const part = (inner: Expression, place: number): string => {
    const text = printedWith(inner, wrap);
    return tightness(inner) > unaryLevel ? text : wrap(text, inner, place);
  };
  const list = (parts: readonly Expression[]): string[] => parts.map((inner) => part(inner, 0));
  switch (expression.kind) {
    case "literal":
      return literal(expression.value);
    case "constant":
      return expression.name;
    case "reference":
      return expression.reference.name;
    case "unary":
      return `${expression.operator}${part(expression.operand, unaryLevel)}`;
    case "binary": {
      const { operator, left, right } = expression;
      const level = levelOf(operator);
      const [ofLeft, ofRight] = operator === "^" ? [level + 1, level] : [level, level + 1];
      return `${part(left, ofLeft)} ${operator} ${part(right, ofRight)}`;
    }
    case "conditional": {
      const { condition, whenTrue, whenFalse } = expression;
      return `${part(condition, 1)} ? ${part(whenTrue, 0)} : ${part(whenFalse, 0)}`;
    }
    case "call":
      return `${expression.name}(${list(expression.parameters).join(", ")})`;
    case "lookup": {
      const { name, table, column, keys } = expression;
      const before = list(column === null ? [table] : [table, column.field, column.fallback]);
      const after = keys.map((key) =>
        key.kind === "named" ? keyName(key) : part(key.expression, 0),
      );
      return `${name}(${[...before, ...after].join(", ")})`;
    }
  }
};

const literal = (value: Extract<Expression, { kind: "literal" }>["value"]): string => {
  if (typeof value !== "string") return String(value);
  return `"${value.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
};

const keyName = ({ reference }: Extract<LookupKey, { kind: "named" }>): string =>
  `"${reference.name}"`;
