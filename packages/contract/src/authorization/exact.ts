import { z } from "zod";
import {
  codeLengthMax,
  codePattern,
  codeRule,
  isExactTime,
  metadataLengthMax,
  uidLengthMax,
} from "../usage/measurement-rules.ts";
import { dateTime } from "../schema.ts";

/** An amount or quantity as a decimal text: no sign, no exponent, at most 30 digits before the point and 18 after. */
export const amount = z
  .string()
  .regex(/^\d{1,30}(\.\d{1,18})?$/, 'must be a decimal text such as "12.50"');

export const amountAboveZero = amount.refine(
  (text) => !/^0*(\.0*)?$/.test(text),
  "must be above zero",
);

export const assetCode = z
  .string()
  .min(1)
  .max(40)
  .regex(/^[A-Za-z][A-Za-z0-9_.-]*$/, "must begin with a letter and hold letters, digits, _ . -");

/** Whom a request acts for inside the customer: an end user, an agent, a feature. */
export const actor = z.string().min(1).max(200);
/** The customer: an account code, as in a measurement. */
export const accountCode = z.string().min(1).max(codeLengthMax).regex(codePattern, codeRule);
/** Names a request for good: the same name with the same content is answered with the first answer. */
export const uid = z
  .string()
  .min(1)
  .max(uidLengthMax)
  .regex(/^[^#]+$/, "must not contain #, which is for names that the server gives");
/** Of a grant or a top-up: the server makes some beside them. */
export const ownId = uid.regex(
  /^[^~]+$/,
  "must not contain ~, which is for names that the server gives",
);
/** When usage began or ended. */
export const usageTime = dateTime.refine(
  (text) => isExactTime(Date.parse(text) * 1000),
  "must be between 1684 and 2255",
);
export const metadataText = z.string().max(metadataLengthMax);
export const seconds = z
  .int()
  .min(1)
  .max(366 * 86_400);
