import { isDeepStrictEqual } from "node:util";
import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Write } from "../rule.ts";

/** What relies on the fields, once it is there. */
interface Reliance {
  readonly exists: () => Promise<boolean>;
  readonly message: string;
}

/** For fields that rows elsewhere rely on, from the beginning or once there are any: a change has to be another record. */
export const keepFields = async (
  { document, before }: Pick<Write, "document" | "before">,
  fields: readonly string[],
  reliance?: Reliance,
): Promise<void> => {
  if (before === undefined) return;
  const changed = fields.find((field) => !isDeepStrictEqual(document[field], before[field]));
  if (changed === undefined) return;
  if (reliance === undefined) throw fieldProblem("RULE_VIOLATED", changed, "must not change");
  if (await reliance.exists()) throw fieldProblem("RULE_VIOLATED", changed, reliance.message);
};
