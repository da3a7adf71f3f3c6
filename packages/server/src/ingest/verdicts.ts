import type { FailureKind } from "../ports/usage-store.ts";
import type { Measurement } from "./measurement.ts";

/** Why a measurement is not stored (m3ter semantics 3.4). */
export interface Verdict {
  readonly kind: FailureKind;
  readonly message: string;
}

/** How far a client's clock may run ahead (m3ter semantics 3.2, [R]). */
export const futureSkewMs = 5 * 60 * 1000;

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

export const judgeTime = (
  { tsMicros, etsMicros }: Measurement,
  receivedAtMs: number,
): Verdict | undefined => {
  if (tsMicros > (receivedAtMs + futureSkewMs) * 1000) {
    return { kind: "TimestampInFuture", message: "ts must not be in the future" };
  }
  return etsMicros !== undefined && etsMicros < tsMicros
    ? { kind: "EndBeforeStart", message: "ets must not be before ts" }
    : undefined;
};
