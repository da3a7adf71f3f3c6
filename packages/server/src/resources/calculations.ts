import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { CalculationError } from "@turnpike/engine/calculation/calculation-error.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { Calculation } from "@turnpike/engine/calculation/syntax.ts";

/** What is wrong with a calculation and where, in one sentence. */
export const calculationFault = ({ message, position }: CalculationError): string =>
  `${message} (line ${position.line}, column ${position.column})`;

/** The calculation in a field; VALIDATION_FAILED naming the place when the text is not in the language. */
export const readCalculation = (field: string, text: string): Calculation => {
  const parsing = parse(text);
  if (parsing.ok) return parsing.calculation;
  const message = `is not a calculation: ${calculationFault(parsing.error)}`;
  throw fieldProblem("VALIDATION_FAILED", field, message);
};
