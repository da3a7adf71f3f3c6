/** Every way in which a calculation can fail; a closed list, so that a caller can tell them apart. */
export type CalculationErrorCode =
  // while reading the text
  | "EMPTY"
  | "TOO_LONG"
  | "TOO_DEEP"
  | "UNEXPECTED_CHARACTER"
  | "UNEXPECTED_TOKEN"
  | "UNTERMINATED_STRING"
  | "BAD_NUMBER"
  | "UNKNOWN_FUNCTION"
  | "WRONG_ARGUMENT_COUNT"
  // against a scope
  | "UNKNOWN_NAME"
  | "UNKNOWN_TABLE"
  | "CYCLE"
  // while evaluating
  | "NULL_OPERAND"
  | "WRONG_TYPE"
  | "DIVISION_BY_ZERO"
  | "OUT_OF_RANGE"
  | "BAD_ARGUMENT";

/** Offsets into the calculation's text in UTF-16 code units, half-open. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** `offset` counts UTF-16 code units from 0; `line` and `column` count from 1. */
export interface Position {
  readonly offset: number;
  readonly line: number;
  readonly column: number;
}

export const textStart: Position = { offset: 0, line: 1, column: 1 };

/**
 * What went wrong, where, in one plain sentence. It is a value and carries no stack: a failing
 * derived field is an everyday outcome, made once per event on the ingest path.
 */
export class CalculationError {
  readonly code: CalculationErrorCode;
  readonly message: string;
  readonly position: Position;

  constructor(code: CalculationErrorCode, message: string, position: Position) {
    this.code = code;
    this.message = message;
    this.position = position;
  }
}

const sourceLengthMax = 40;

/** A place in a calculation's text: what an error points at. */
export class Site {
  readonly #text: string;
  readonly #span: Span;

  constructor(text: string, span: Span) {
    this.#text = text;
    this.#span = span;
  }

  /** The text at this place, shortened so that it fits in a sentence. */
  get source(): string {
    const source = this.#text.slice(this.#span.start, this.#span.end);
    if (source.length <= sourceLengthMax) return source;
    return `${source.slice(0, sourceLengthMax - 1)}…`;
  }

  get position(): Position {
    return positionAt(this.#text, this.#span.start);
  }

  fail(code: CalculationErrorCode, message: string): CalculationError {
    return new CalculationError(code, message, this.position);
  }
}

const positionAt = (text: string, offset: number): Position => {
  let line = 1;
  let lineStart = 0;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) {
    line += 1;
    lineStart = at + 1;
  }
  return { offset, line, column: offset - lineStart + 1 };
};
