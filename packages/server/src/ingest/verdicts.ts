import { timeFault } from "@turnpike/contract/usage/measurement-rules.ts";
import type { FailureKind } from "../ports/usage-store.ts";
import type { Measurement } from "./measurement.ts";

/** Why a measurement is not stored (m3ter semantics 3.4). */
export interface Verdict {
  readonly kind: FailureKind;
  readonly message: string;
}

export const undefinedMeter = (code: string): Verdict => ({
  kind: "UndefinedMeter",
  message: `No meter has the code ${code}`,
});

export const duplicateUid = (uid: string): Verdict => ({
  kind: "DuplicateUid",
  message: `The uid ${uid} was received before`,
});

export const invalidAccountCode = (code: string, closeTo: string): Verdict => ({
  kind: "InvalidAccountCode",
  message: `No account has the code ${code}, but ${closeTo} is too close to it to create one`,
});

export const judgeTime = (measurement: Measurement, receivedAtMs: number): Verdict | undefined => {
  const fault = timeFault(measurement, receivedAtMs);
  return fault && { kind: fault.kind, message: `${fault.field} ${fault.message}` };
};
