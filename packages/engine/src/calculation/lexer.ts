import {
  CalculationError,
  type CalculationErrorCode,
  Site,
  type Span,
} from "./calculation-error.ts";
import { pathPattern } from "./names.ts";
import { escapes } from "./rules.ts";

/** `text` is the token as written, except for a string: there it is the content. */
export interface Token {
  readonly kind: "number" | "string" | "name" | "symbol" | "end";
  readonly text: string;
  readonly span: Span;
}

const spacePattern = /\s*/y;
const numberPattern = /(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d+)?/y;
const stringPattern = /"(?:[^"\\]|\\.)*"/sy;
const namePattern = new RegExp(pathPattern, "uy");
const symbolPattern = /==|!=|<=|>=|[-+*/%^<>?:(),]/y;

const lexemes = [
  ["number", numberPattern],
  ["string", stringPattern],
  ["name", namePattern],
  ["symbol", symbolPattern],
] as const;

/** What people write out of habit, and what this language has instead. */
const hints: ReadonlyMap<string, string> = new Map([
  ["=", "compare with =="],
  ["!", "there is no !; compare with == false"],
  ["&", "write AND"],
  ["|", "write OR"],
  ["'", "strings stand in double quotes"],
  [".", "a dot stands only inside a name or a number, without spaces"],
]);

/** Cuts a text into tokens; the last one is always of kind `end`. */
export const tokenize = (text: string): readonly Token[] | CalculationError => {
  const tokens: Token[] = [];
  let offset = 0;
  for (;;) {
    offset = endOfMatch(spacePattern, text, offset) ?? offset;
    if (offset === text.length) {
      tokens.push({ kind: "end", text: "", span: { start: offset, end: offset } });
      return tokens;
    }
    const token = tokenAt(text, offset);
    if (token instanceof CalculationError) return token;
    tokens.push(token);
    offset = token.span.end;
  }
};

const tokenAt = (text: string, start: number): Token | CalculationError => {
  for (const [kind, pattern] of lexemes) {
    const end = endOfMatch(pattern, text, start);
    if (end !== undefined) {
      const token = { kind, text: text.slice(start, end), span: { start, end } };
      return kind === "string" ? unescaped(text, token) : token;
    }
  }
  return unexpectedCharacter(text, start);
};

const endOfMatch = (pattern: RegExp, text: string, offset: number): number | undefined => {
  pattern.lastIndex = offset;
  return pattern.test(text) ? pattern.lastIndex : undefined;
};

const unescaped = (text: string, token: Token): Token | CalculationError => {
  let content = "";
  for (let at = token.span.start + 1; at < token.span.end - 1; at += 1) {
    let character = text.charAt(at);
    if (character === "\\") {
      at += 1;
      const meaning = escapes.get(text.charAt(at));
      if (meaning === undefined) {
        const message = `\\${text.charAt(at)} has no meaning in a string; a backslash is \\\\`;
        return failure(text, { start: at - 1, end: at + 1 }, ["UNEXPECTED_CHARACTER", message]);
      }
      character = meaning;
    }
    content += character;
  }
  return { ...token, text: content };
};

const unexpectedCharacter = (text: string, start: number): CalculationError => {
  const character = String.fromCodePoint(text.codePointAt(start) ?? 0);
  const span = { start, end: start + character.length };
  if (character === '"') {
    return failure(text, span, ["UNTERMINATED_STRING", "this string has no closing quote"]);
  }
  const hint = hints.get(character);
  const reason = hint === undefined ? "" : `; ${hint}`;
  return failure(text, span, ["UNEXPECTED_CHARACTER", `${character} has no meaning here${reason}`]);
};

const failure = (
  text: string,
  span: Span,
  [code, message]: readonly [CalculationErrorCode, string],
): CalculationError => new Site(text, span).fail(code, message);
