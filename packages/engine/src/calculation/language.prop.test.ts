import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Decimal, decimal } from "../exact/decimal.ts";
import { environmentOf, type Lookup } from "./environment.ts";
import { evaluate } from "./evaluator.ts";
import { referenceNamed } from "./names.ts";
import { parse } from "./parser.ts";
import { levels, printed, printedSparsely } from "./reference-printer.ts";
import { walk } from "./reference-walk.ts";
import type {
  BinaryOperator,
  Calculation,
  Expression,
  FunctionName,
  LookupKey,
  Reference,
} from "./syntax.ts";
import { validate } from "./validation.ts";
import type { Input, Value } from "./value.ts";

const numRuns = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 200);

const span = { start: 0, end: 0 };

const referenceOf = (name: string): Reference => {
  const reference = referenceNamed(name);
  if (typeof reference === "string") throw new Error(reference);
  return reference;
};

/** Names by what they mostly stand for. */
const numberNames = ["n", "m", "$_1", "ts", "aggregation.requests", "new.amount", "timestamp.ets"];
const textNames = ["s", "account", "account.tier"];
const otherNames = ["flag", "empty", "old.amount"];
const names = [...numberNames, ...textNames, ...otherNames];

const named = (...among: readonly string[]): fc.Arbitrary<Expression> =>
  fc
    .constantFrom(...among)
    .map((name) => ({ kind: "reference", reference: referenceOf(name), span }));

const written = (value: fc.Arbitrary<Value>): fc.Arbitrary<Expression> =>
  value.map((content) => ({ kind: "literal", value: content, span }));

const binary = (
  operators: readonly BinaryOperator[],
  ...sides: readonly [fc.Arbitrary<Expression>, fc.Arbitrary<Expression>]
): fc.Arbitrary<Expression> =>
  fc
    .tuple(fc.constantFrom(...operators), ...sides)
    .map(([operator, left, right]) => ({ kind: "binary", operator, left, right, span }));

const call = (
  among: readonly FunctionName[],
  ...parameters: readonly fc.Arbitrary<Expression>[]
): fc.Arbitrary<Expression> =>
  fc
    .tuple(fc.constantFrom(...among), fc.tuple(...parameters))
    .map(([name, values]) => ({ kind: "call", name, parameters: values, span }));

const conditional = (
  condition: fc.Arbitrary<Expression>,
  branch: fc.Arbitrary<Expression>,
): fc.Arbitrary<Expression> =>
  fc.tuple(condition, branch, branch).map(([holds, whenTrue, whenFalse]) => ({
    kind: "conditional",
    condition: holds,
    whenTrue,
    whenFalse,
    span,
  }));

/** A string on its own would be read as the name of a field. */
const keysOf = (part: fc.Arbitrary<Expression>): fc.Arbitrary<LookupKey[]> =>
  fc.array(
    fc.oneof(
      fc.constantFrom(...names).map((name) => ({
        kind: "named" as const,
        reference: referenceOf(name),
        span,
      })),
      part
        .filter(({ kind }) => kind !== "literal")
        .map((expression) => ({ kind: "computed" as const, expression })),
    ),
    { minLength: 1, maxLength: 2 },
  );

const table = written(fc.constantFrom("rates", "rates", "rates", "gone"));

const found = (
  name: "Lookup.findNumber" | "Lookup.findString",
  fallback: fc.Arbitrary<Expression>,
): fc.Arbitrary<Expression> =>
  fc
    .tuple(table, written(fc.constantFrom("rate", "label", "none")), fallback, keysOf(fallback))
    .map(([code, field, otherwise, keys]) => ({
      kind: "lookup",
      name,
      table: code,
      column: { field, fallback: otherwise },
      keys,
      span,
    }));

const exists = (part: fc.Arbitrary<Expression>): fc.Arbitrary<Expression> =>
  fc.tuple(table, keysOf(part)).map(([code, keys]) => ({
    kind: "lookup",
    name: "Lookup.exists",
    table: code,
    column: null,
    keys,
    span,
  }));

const number = fc
  .tuple(fc.bigInt({ min: 0n, max: 10n ** 12n }), fc.nat(6))
  .map(([coefficient, scale]) => new Decimal(coefficient, scale));
const smallNumber = fc.nat(5).map((value) => decimal(value));
const content = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 6 }),
  fc.constantFrom("UK", 'say "\\"', "12.5", "true", "2024-02-29"),
);
const limits = { maxDepth: 5, depthSize: "small" } as const;

const trees = fc.letrec<{
  numeric: Expression;
  text: Expression;
  condition: Expression;
  any: Expression;
}>((tie) => {
  const [numeric, text, condition, any] = [
    tie("numeric"),
    tie("text"),
    tie("condition"),
    tie("any"),
  ];
  return {
    numeric: fc.oneof(
      limits,
      fc.oneof(written(number), written(smallNumber), named(...numberNames)),
      binary(["+", "-", "*", "/", "%"], numeric, numeric),
      binary(["^"], numeric, written(smallNumber)),
      fc
        .tuple(fc.constantFrom("+" as const, "-" as const), numeric)
        .map(([operator, operand]) => ({ kind: "unary" as const, operator, operand, span })),
      call(["Math.max", "Math.min", "isnull"], numeric, numeric),
      call(["Math.floor", "Math.ceil", "Math.round", "Math.pow"], numeric, written(smallNumber)),
      call(["Math.abs", "Math.round", "Number"], numeric),
      call(["DateTime.parse"], text),
      conditional(condition, numeric),
      found("Lookup.findNumber", numeric),
    ),
    text: fc.oneof(
      limits,
      fc.oneof(written(content), named(...textNames)),
      binary(["+"], text, any),
      binary(["+"], any, text),
      call(["String"], any),
      call(["isnull"], text, text),
      conditional(condition, text),
      found("Lookup.findString", text),
      call(
        ["DateTime.format"],
        numeric,
        fc.constant({ kind: "constant", name: "DateTime.TS_FMT", span }),
      ),
    ),
    condition: fc.oneof(
      limits,
      fc.oneof(written(fc.boolean()), named(...otherNames)),
      binary(["<", ">", "<=", ">="], numeric, numeric),
      binary(["<", ">", "<=", ">="], text, text),
      binary(["==", "!="], any, any),
      binary(["AND", "OR"], condition, condition),
      call(["IN"], any, any, any),
      call(["IN", "Boolean"], any),
      exists(text),
    ),
    any: fc.oneof(
      limits,
      fc.oneof(written(fc.constant(null)), named(...names)),
      numeric,
      text,
      condition,
    ),
  };
});

/** Mostly well typed, so that most evaluations get far; now and then of any types at all. */
const expression = fc.oneof(
  { weight: 3, arbitrary: fc.oneof(trees.numeric, trees.text, trees.condition) },
  { weight: 1, arbitrary: binary(levels.flat(), trees.any, trees.any) },
);

const inputFor = (name: string): fc.Arbitrary<Input> => {
  const usual: fc.Arbitrary<Input> = numberNames.includes(name)
    ? fc.oneof(
        fc.integer(),
        fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
        number,
      )
    : fc.constantFrom("UK", "12.5", "");
  const odd: fc.Arbitrary<Input> = fc.oneof(fc.boolean(), fc.constant(null), fc.constant("x"));
  return fc.oneof({ weight: 6, arbitrary: usual }, { weight: 1, arbitrary: odd });
};

const environment = fc
  .tuple(...names.map((name) => fc.option(inputFor(name), { freq: 8, nil: undefined })))
  .map((inputs) => {
    const values = new Map<string, Input>();
    for (const [index, name] of names.entries()) {
      const input = inputs[index];
      if (input !== undefined) values.set(name, input);
    }
    return values;
  });

const lookup: Lookup = (code, keys) => {
  if (code !== "rates") return "NO_TABLE";
  return keys[0] === "UK"
    ? new Map<string, Input>([
        ["rate", 0.8],
        ["label", "x"],
      ])
    : "NO_ROW";
};

const calculationOf = (text: string): Calculation => {
  const parsing = parse(text);
  if (!parsing.ok) throw new Error(`${text}: ${parsing.error.message}`);
  return parsing.calculation;
};

const textOf = (value: Value): unknown => (value instanceof Decimal ? value.toString() : [value]);

const outcomeOf = (calculation: Calculation, values: ReadonlyMap<string, Input>): unknown => {
  const evaluation = evaluate(calculation, environmentOf(values, lookup));
  return evaluation.ok ? textOf(evaluation.value) : { code: evaluation.error.code };
};

test("what is printed is read back as the same tree", () => {
  fc.assert(
    fc.property(expression, (tree) => {
      fc.pre(printed(tree).length <= 5000);
      expect(printed(calculationOf(printed(tree)).root)).toBe(printed(tree));
    }),
    { numRuns },
  );
});

test("leaving out the parentheses that precedence makes needless changes nothing", () => {
  fc.assert(
    fc.property(expression, (tree) => {
      fc.pre(printedSparsely(tree).length <= 5000);
      expect(printed(calculationOf(printedSparsely(tree)).root)).toBe(printed(tree));
    }),
    { numRuns },
  );
});

test("compiled = walked", () => {
  const text = expression.map(printed).filter(({ length }) => length <= 5000);
  fc.assert(
    fc.property(text, environment, (source, values) => {
      const calculation = calculationOf(source);
      const walked = walk(calculation, environmentOf(values, lookup));
      const expected = "value" in walked ? textOf(walked.value) : walked;
      expect(outcomeOf(calculation, values)).toEqual(expected);
    }),
    { numRuns },
  );
});

/** Joins the tightest operators of a row first, level by level. */
const grouped = (operands: readonly string[], operators: readonly BinaryOperator[]): string => {
  let row = { operands: [...operands], operators: [...operators] };
  for (const level of levels.toReversed()) {
    const isJoined = (operator: BinaryOperator): boolean => level.includes(operator);
    for (;;) {
      const at = level.includes("^")
        ? row.operators.findLastIndex(isJoined)
        : row.operators.findIndex(isJoined);
      if (at === -1) break;
      const joined = `(${row.operands[at]} ${row.operators[at]} ${row.operands[at + 1]})`;
      row = {
        operands: row.operands.toSpliced(at, 2, joined),
        operators: row.operators.toSpliced(at, 1),
      };
    }
  }
  return row.operands.join();
};

test("a row of operators groups by precedence, from the left, powers from the right", () => {
  const operand = fc.constantFrom("a", "1", "(-b)");
  const row = fc.array(fc.tuple(fc.constantFrom(...levels.flat()), operand), {
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(operand, row, (first, rest) => {
      const text = [first, ...rest.flat()].join(" ");
      const expected = grouped(
        [first, ...rest.map(([, value]) => value)],
        rest.map(([operator]) => operator),
      );
      expect(printed(calculationOf(text.replaceAll("(-b)", "-b")).root)).toBe(
        expected.slice(1, -1),
      );
    }),
    { numRuns },
  );
});

/** Pieces of the language in any order: far more of it parses than of random characters. */
const soup = fc
  .array(
    fc.constantFrom(
      ...levels.flat(),
      ...names,
      "Math.max(",
      "Math.round(",
      "IN(",
      "isnull(",
      "DateTime.format(",
      "(",
      ")",
      ",",
      "?",
      ":",
      '"',
      '"UK"',
      "1",
      "0",
      "9e999",
      "9^9^9^9",
      "1e-999",
      "Lookup.exists(",
      "null",
      "true",
      "\\",
      ".",
      " ",
      "\n",
    ),
    { maxLength: 60 },
  )
  .map((pieces) => pieces.join(""));

test.each([
  ["any characters", fc.string({ unit: "binary", maxLength: 200 })],
  ["pieces of the language", soup],
  ["pieces of the language with spaces", soup.map((text) => text.replaceAll(/(\W)/g, " $1 "))],
])("no exception leaves for %s", (_name, text) => {
  fc.assert(
    fc.property(text, environment, (source, values) => {
      const parsing = parse(source);
      if (parsing.ok) {
        validate(parsing.calculation, {});
        evaluate(parsing.calculation, environmentOf(values, lookup));
      } else {
        const { offset, line, column } = parsing.error.position;
        expect(offset).toBeLessThanOrEqual(source.length);
        const before = source.slice(0, offset).split("\n");
        expect([line, column]).toEqual([before.length, (before.at(-1) ?? "").length + 1]);
      }
    }),
    { numRuns: numRuns * 5 },
  );
});
