import {
  categoryProperties,
  fieldNamedTwice,
  timeFault,
} from "@turnpike/contract/usage/measurement-rules.ts";
import type { MeterSchema } from "../ports/usage-directory.ts";
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

/**
 * What is wrong with a measurement of a meter (m3ter semantics 3.2, 3.4), whatever else was received: all that speaks
 * against it for its own part. Undefined when nothing does.
 */
export const judgeContent = (
  measurement: Measurement,
  meter: Pick<MeterSchema, "code" | "dataFields">,
  receivedAtMs: number,
): Verdict | undefined => judgeFields(measurement, meter) ?? judgeTime(measurement, receivedAtMs);

const judgeFields = (
  { fields, fieldCount }: Measurement,
  { code: meter, dataFields }: Pick<MeterSchema, "code" | "dataFields">,
): Verdict | undefined => {
  for (const { code, category } of dataFields) {
    const property = categoryProperties[category];
    const sent = fields[property];
    if (sent !== undefined && Object.hasOwn(sent, code)) continue;
    const message = `The meter ${meter} defines the field ${property}.${code}, which is missing`;
    return { kind: "MissingField", message };
  }
  // As many fields as the meter defines, all of them found: none can be there twice, none is left over.
  if (fieldCount === dataFields.length) return undefined;
  const twice = fieldNamedTwice(fields);
  return (
    twice && { kind: "DuplicateField", message: `The field ${twice.code} is in two categories` }
  );
};

const judgeTime = (measurement: Measurement, receivedAtMs: number): Verdict | undefined => {
  const fault = timeFault(measurement, receivedAtMs);
  return fault && { kind: fault.kind, message: `${fault.field} ${fault.message}` };
};
