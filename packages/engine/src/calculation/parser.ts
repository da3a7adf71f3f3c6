import { numberFromText } from "./arithmetic.ts";
import {
  CalculationError,
  type CalculationErrorCode,
  Site,
  type Span,
} from "./calculation-error.ts";
import { type Token, tokenize } from "./lexer.ts";
import { depthMax, digitsMax, textLengthMax } from "./limits.ts";
import { constantNamed, referenceNamed } from "./names.ts";
import { binding, isLookupKeyName, isRightAssociative, refusedFunctions } from "./rules.ts";
import {
  type BinaryOperator,
  type Calculation,
  type Expression,
  type LookupFunctionName,
  type LookupKey,
  partsOf,
} from "./syntax.ts";
import { parameterCountProblem, signatureOf } from "./signatures.ts";
import type { Value } from "./value.ts";

export type Parsing =
  | { readonly ok: true; readonly calculation: Calculation }
  | { readonly ok: false; readonly error: CalculationError };

/**
 * Reads a calculation (m3ter semantics 5.1). Takes any string: what is too long, too deep or not
 * in the language is an error that says where. Names are not checked here, see `validation.ts`.
 */
export const parse = (text: string): Parsing => {
  const root = readCalculation(text);
  return root instanceof CalculationError
    ? { ok: false, error: root }
    : { ok: true, calculation: { text, root } };
};

type Read<T> = T | CalculationError;

const readCalculation = (text: string): Read<Expression> => {
  const start = new Site(text, { start: 0, end: 0 });
  if (text.length > textLengthMax) {
    return start.fail("TOO_LONG", `a calculation has at most ${textLengthMax} characters`);
  }
  const tokens = tokenize(text);
  if (tokens instanceof CalculationError) return tokens;
  if (tokens.length === 1) return start.fail("EMPTY", "a calculation cannot be empty");
  const root = new Parser(text, tokens).readAll();
  if (root instanceof CalculationError) return root;
  return depthOf(root) > depthMax ? start.fail("TOO_DEEP", tooDeep) : root;
};

const tooDeep = `a calculation nests at most ${depthMax} levels deep`;

/** Walks level by level, because a tree too deep for the stack is what it looks for. */
const depthOf = (root: Expression): number => {
  let depth = 0;
  for (let level: readonly Expression[] = [root]; level.length > 0; depth += 1) {
    level = level.flatMap(partsOf);
  }
  return depth;
};

/** Precedence climbing over the tokens of one text. */
class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  #index = 0;
  #depth = 0;

  constructor(text: string, tokens: readonly Token[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  readAll(): Read<Expression> {
    const root = this.#expression();
    if (root instanceof CalculationError || this.#next.kind === "end") return root;
    return this.#unexpected("an operator");
  }

  #expression(): Read<Expression> {
    return this.#nested(() => this.#conditional());
  }

  /** Every recursion passes here, so that no input can exhaust the stack. */
  #nested(read: () => Read<Expression>): Read<Expression> {
    if (this.#depth === depthMax) return this.#fail(this.#next.span, "TOO_DEEP", tooDeep);
    this.#depth += 1;
    const expression = read();
    this.#depth -= 1;
    return expression;
  }

  #conditional(): Read<Expression> {
    const condition = this.#binary(0);
    if (condition instanceof CalculationError || !this.#take("?")) return condition;
    const whenTrue = this.#expression();
    if (whenTrue instanceof CalculationError) return whenTrue;
    if (!this.#take(":")) return this.#unexpected(": and what to take otherwise");
    const whenFalse = this.#expression();
    if (whenFalse instanceof CalculationError) return whenFalse;
    const span = between(condition, whenFalse);
    return { kind: "conditional", condition, whenTrue, whenFalse, span };
  }

  #binary(bindingMin: number): Read<Expression> {
    let left = this.#unary();
    while (!(left instanceof CalculationError)) {
      const operator = binaryOperatorOf(this.#next);
      if (operator === undefined || binding[operator] < bindingMin) return left;
      this.#index += 1;
      const rightMin = binding[operator] + (isRightAssociative(operator) ? 0 : 1);
      const right = this.#nested(() => this.#binary(rightMin));
      if (right instanceof CalculationError) return right;
      left = { kind: "binary", operator, left, right, span: between(left, right) };
    }
    return left;
  }

  #unary(): Read<Expression> {
    const { text, kind, span } = this.#next;
    if (kind !== "symbol" || (text !== "+" && text !== "-")) return this.#primary();
    this.#index += 1;
    const operand = this.#nested(() => this.#unary());
    if (operand instanceof CalculationError) return operand;
    return { kind: "unary", operator: text, operand, span: between({ span }, operand) };
  }

  #primary(): Read<Expression> {
    const token = this.#next;
    if (binaryOperatorOf(token) !== undefined) return this.#unexpected("a value");
    switch (token.kind) {
      case "number":
        this.#index += 1;
        return this.#number(token);
      case "string":
        this.#index += 1;
        return { kind: "literal", value: token.text, span: token.span };
      case "name":
        this.#index += 1;
        return this.#take("(") ? this.#call(token) : this.#name(token);
      case "symbol":
        return this.#take("(") ? this.#parenthesized(token) : this.#unexpected("a value");
      case "end":
        return this.#unexpected("a value");
    }
  }

  #number({ text, span }: Token): Read<Expression> {
    if (this.#next.kind === "name" && this.#next.span.start === span.end) {
      return this.#fail(this.#next.span, "BAD_NUMBER", `${text} runs into ${this.#next.text}`);
    }
    const value = numberFromText(text);
    if (value !== undefined) return { kind: "literal", value, span };
    const message = `a number has at most ${digitsMax} digits and is below 10^1000`;
    return this.#fail(span, "BAD_NUMBER", message);
  }

  #parenthesized(open: Token): Read<Expression> {
    const inner = this.#expression();
    if (inner instanceof CalculationError) return inner;
    const close = this.#next;
    if (!this.#take(")")) return this.#unexpected(")");
    return { ...inner, span: between(open, close) };
  }

  #name({ text, span }: Token): Read<Expression> {
    const value = keywords.get(text);
    if (value !== undefined) return { kind: "literal", value, span };
    const name = constantNamed(text);
    if (name !== undefined) return { kind: "constant", name, span };
    const reference = referenceNamed(text);
    if (typeof reference !== "string") return { kind: "reference", reference, span };
    return this.#fail(span, "UNKNOWN_NAME", reference);
  }

  #call(token: Token): Read<Expression> {
    const { text } = token;
    const refusal = refusedFunctions.get(text);
    if (refusal !== undefined) return this.#fail(token.span, "UNKNOWN_FUNCTION", refusal);
    const signature = signatureOf(text);
    if (signature === undefined) {
      return this.#fail(token.span, "UNKNOWN_FUNCTION", `there is no function ${text}`);
    }
    const parameters = this.#parameters();
    if (parameters instanceof CalculationError) return parameters;
    const span = { start: token.span.start, end: this.#endOfPrevious };
    const problem = parameterCountProblem(signature, parameters.length);
    if (problem !== undefined) return this.#fail(span, "WRONG_ARGUMENT_COUNT", problem);
    return signature.kind === "call"
      ? { kind: "call", name: signature.name, parameters, span }
      : this.#lookup(signature.name, parameters, span);
  }

  /** What stands between the parentheses of a call; the opening one has been taken. */
  #parameters(): Read<Expression[]> {
    const parameters: Expression[] = [];
    if (this.#take(")")) return parameters;
    do {
      const parameter = this.#expression();
      if (parameter instanceof CalculationError) return parameter;
      parameters.push(parameter);
    } while (this.#take(","));
    return this.#take(")") ? parameters : this.#unexpected(", or )");
  }

  #lookup(
    name: LookupFunctionName,
    parameters: readonly Expression[],
    span: Span,
  ): Read<Expression> {
    const [table, field, fallback] = parameters;
    const reads = name !== "Lookup.exists";
    const keys = this.#lookupKeys(parameters.slice(reads ? 3 : 1));
    if (keys instanceof CalculationError) return keys;
    if (table === undefined) return this.#unexpected("the code of a lookup table");
    if (!reads) return { kind: "lookup", name, table, column: null, keys, span };
    if (field === undefined || fallback === undefined) return this.#unexpected("a value");
    return { kind: "lookup", name, table, column: { field, fallback }, keys, span };
  }

  #lookupKeys(parameters: readonly Expression[]): Read<LookupKey[]> {
    const keys: LookupKey[] = [];
    for (const expression of parameters) {
      if (isLookupKeyName(expression)) {
        const reference = referenceNamed(expression.value);
        const { span } = expression;
        if (typeof reference === "string") return this.#fail(span, "UNKNOWN_NAME", reference);
        keys.push({ kind: "named", reference, span });
      } else {
        keys.push({ kind: "computed", expression });
      }
    }
    return keys;
  }

  get #next(): Token {
    // The last token is the end and is never taken, so the index stays within the list.
    return this.#tokens[this.#index] ?? endToken;
  }

  get #endOfPrevious(): number {
    return this.#tokens[this.#index - 1]?.span.end ?? 0;
  }

  #take(symbol: string): boolean {
    const { kind, text } = this.#next;
    if (kind !== "symbol" || text !== symbol) return false;
    this.#index += 1;
    return true;
  }

  #unexpected(wanted: string): CalculationError {
    const { kind, text, span } = this.#next;
    const found = kind === "end" ? "the calculation ends" : `${text} stands`;
    const hint = lowerCaseHints.get(text) ?? "";
    return this.#fail(span, "UNEXPECTED_TOKEN", `${found} where ${wanted} should be${hint}`);
  }

  #fail(span: Span, code: CalculationErrorCode, message: string): CalculationError {
    return new Site(this.#text, span).fail(code, message);
  }
}

const endToken: Token = { kind: "end", text: "", span: { start: 0, end: 0 } };

const keywords: ReadonlyMap<string, Value> = new Map([
  ["null", null],
  ["true", true],
  ["false", false],
]);

const lowerCaseHints: ReadonlyMap<string, string> = new Map([
  ["and", "; AND is upper case"],
  ["or", "; OR is upper case"],
]);

const binaryOperators: ReadonlyMap<string, BinaryOperator> = new Map(
  (["OR", "AND", "==", "!=", "<", ">", "<=", ">=", "+", "-", "*", "/", "%", "^"] as const).map(
    (operator) => [operator, operator],
  ),
);

const binaryOperatorOf = ({ kind, text }: Token): BinaryOperator | undefined =>
  kind === "symbol" || kind === "name" ? binaryOperators.get(text) : undefined;

const between = (first: { readonly span: Span }, last: { readonly span: Span }): Span => ({
  start: first.span.start,
  end: last.span.end,
});
