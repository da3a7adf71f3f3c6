import { lookupKeysMax } from "./limits.ts";
import type { FunctionName, LookupFunctionName } from "./syntax.ts";

/** A function by its name and the number of parameters that it takes. */
export type Signature = {
  readonly parametersMin: number;
  readonly parametersMax: number;
} & (
  | { readonly kind: "call"; readonly name: FunctionName }
  | { readonly kind: "lookup"; readonly name: LookupFunctionName }
);

const call = (name: FunctionName, parametersMin: number, parametersMax: number): Signature => ({
  kind: "call",
  name,
  parametersMin,
  parametersMax,
});

/** A lookup takes the table, what else it needs, and the keys. */
const lookup = (name: LookupFunctionName, parametersBeforeKeys: number): Signature => ({
  kind: "lookup",
  name,
  parametersMin: parametersBeforeKeys + 1,
  parametersMax: parametersBeforeKeys + lookupKeysMax,
});

const signatures: ReadonlyMap<string, Signature> = new Map(
  [
    call("Math.max", 2, Infinity),
    call("Math.min", 2, Infinity),
    call("Math.floor", 1, 2),
    call("Math.ceil", 1, 2),
    call("Math.round", 1, 2),
    call("Math.pow", 2, 2),
    call("Math.abs", 1, 1),
    call("isnull", 2, 2),
    call("IN", 1, Infinity),
    call("Number", 1, 1),
    call("String", 1, 1),
    call("Boolean", 1, 1),
    call("DateTime.parse", 1, 2),
    call("DateTime.format", 2, 2),
    lookup("Lookup.findNumber", 3),
    lookup("Lookup.findString", 3),
    lookup("Lookup.exists", 1),
  ].map((signature) => [signature.name, signature]),
);

export const signatureOf = (name: string): Signature | undefined => signatures.get(name);

/** A sentence when a function is called with the wrong number of parameters. */
export const parameterCountProblem = (signature: Signature, count: number): string | undefined => {
  const { name, parametersMin: min, parametersMax: max } = signature;
  if (count >= min && count <= max) return undefined;
  return `${name} takes ${countWords(min, max)}, not ${count}`;
};

const countWords = (min: number, max: number): string => {
  if (max === Infinity) return `${min} or more parameters`;
  if (min === max) return min === 1 ? "1 parameter" : `${min} parameters`;
  return `${min} to ${max} parameters`;
};
