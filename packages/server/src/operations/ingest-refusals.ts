import { Problem } from "@turnpike/contract/problem.ts";
import type { IngestOutcome } from "../ports/usage-store.ts";

/** Why the usage store took nothing, as the reply says it. */
export const refuseIngest = (outcome: Exclude<IngestOutcome, { kind: "accepted" }>): Problem => {
  switch (outcome.kind) {
    case "invalid":
      return new Problem("VALIDATION_FAILED", outcome.errors);
    case "overloaded":
      return new Problem("OVERLOADED");
    case "storage-full":
      return new Problem("STORAGE_FULL");
    case "unavailable":
      return new Problem("UNAVAILABLE", [], { cause: outcome.reason });
  }
};
