import { type Position, Site } from "./calculation-error.ts";
import { type Calculation, type Expression, partsOf, type Reference } from "./syntax.ts";

/** A name where a calculation uses it. */
export interface NameUse {
  readonly reference: Reference;
  readonly position: Position;
}

/** A lookup where a calculation makes it; `table` is undefined when it is computed. */
export interface LookupUse {
  readonly table: string | undefined;
  readonly position: Position;
}

export interface Identifiers {
  readonly names: readonly NameUse[];
  readonly lookups: readonly LookupUse[];
}

/** Every name and every lookup table that a calculation refers to, in the order of the text. */
export const identifiers = ({ text, root }: Calculation): Identifiers => {
  const expressions = expressionsIn(root);
  const names = expressions.flatMap(referencesIn).map(({ reference, span }) => ({
    reference,
    position: new Site(text, span).position,
  }));
  const lookups = expressions.flatMap((expression) =>
    expression.kind === "lookup"
      ? [
          {
            table: literalText(expression.table),
            position: new Site(text, expression.span).position,
          },
        ]
      : [],
  );
  return { names: names.sort((a, b) => a.position.offset - b.position.offset), lookups };
};

/** An expression and all that it is made of, each before its parts. */
export const expressionsIn = (root: Expression): readonly Expression[] => [
  root,
  ...partsOf(root).flatMap(expressionsIn),
];

/** The names that an expression itself uses; a lookup names fields in its keys. */
export const referencesIn = (
  expression: Expression,
): readonly { reference: Reference; span: Expression["span"] }[] => {
  if (expression.kind === "reference") {
    return [{ reference: expression.reference, span: expression.span }];
  }
  if (expression.kind !== "lookup") return [];
  return expression.keys.flatMap((key) =>
    key.kind === "named" ? [{ reference: key.reference, span: key.span }] : [],
  );
};

/** The string that an expression is written as, if it is one. */
export const literalText = (expression: Expression): string | undefined =>
  expression.kind === "literal" && typeof expression.value === "string"
    ? expression.value
    : undefined;
