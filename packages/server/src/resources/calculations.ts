import { fieldProblem } from "@turnpike/contract/problem.ts";
import { eventFields } from "@turnpike/contract/event-fields.ts";
import type { CalculationError } from "@turnpike/engine/calculation/calculation-error.ts";
import { parse } from "@turnpike/engine/calculation/parser.ts";
import type { Calculation } from "@turnpike/engine/calculation/syntax.ts";
import { type Scope, validate } from "@turnpike/engine/calculation/validation.ts";

/** What is wrong with a calculation and where, in one sentence. */
const sentence = ({ message, position }: CalculationError): string =>
  `${message} (line ${position.line}, column ${position.column})`;

/** Why a text cannot be a calculation in the scope; undefined when it can. */
export const calculationFault = (text: string, scope: Scope): string | undefined => {
  const parsing = parse(text);
  if (!parsing.ok) return sentence(parsing.error);
  const [first] = validate(parsing.calculation, scope);
  return first && sentence(first);
};

/** The calculation in a field; VALIDATION_FAILED naming the place of what is wrong with it. */
export const readCalculation = (field: string, text: string, scope: Scope): Calculation => {
  const parsing = parse(text);
  const fault = parsing.ok ? calculationFault(text, scope) : sentence(parsing.error);
  if (parsing.ok && fault === undefined) return parsing.calculation;
  throw fieldProblem("VALIDATION_FAILED", field, `cannot be calculated: ${fault}`);
};

/** Of a notification on an event whose fields are known; on any other, whatever its record holds. */
export const scopeOfEvent = (eventName: string): Scope => {
  const fields = Object.keys(eventFields(eventName));
  return fields.length === 0 ? eventScope : { eventFields: new Set(fields) };
};

/** Of a notification: whatever the event's record holds now and held before (m3ter semantics 22). */
export const eventScope: Scope = { eventFields: new Set(["new", "old"]) };
