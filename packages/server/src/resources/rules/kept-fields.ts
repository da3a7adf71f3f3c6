import { fieldProblem } from "@turnpike/contract/problem.ts";
import type { Write } from "../rule.ts";

/** For fields that rows elsewhere rely on, so that a change has to be another record. */
export const keepFields = (
  { document, before }: Pick<Write, "document" | "before">,
  fields: readonly string[],
): void => {
  if (before === undefined) return;
  for (const field of fields)
    if (document[field] !== before[field])
      throw fieldProblem("RULE_VIOLATED", field, "must not change");
};
