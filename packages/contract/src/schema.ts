import { z } from "zod";

/**
 * The field types that m3ter's published schemas are made of. Lengths and patterns: m3ter semantics 2.3, 2.6.
 */

/** Any code: no control characters, no white space at either end, single spaces allowed inside. */
const codePattern = /^[^\p{Cc}\s](?:[^\p{Cc}\s]| )*(?<! )$/u;
const identifierPattern = /^[\p{L}_$][\p{L}_$0-9]*$/u;
/** A body that is read loses it: no assignment makes a field of that name. What is used under it would cost nothing. */
const lostName = "__proto__";

export const code = z
  .string()
  .min(1)
  .max(80)
  .regex(codePattern, "must not contain control characters or begin or end with white space");

/** The same of any length, for names in other systems. */
export const anyCode = z
  .string()
  .min(1)
  .regex(codePattern, "must not contain control characters or begin or end with white space");

/** A code that calculations can name. */
export const identifier = z
  .string()
  .min(1)
  .max(80)
  .regex(
    identifierPattern,
    "must begin with a letter, _ or $ and hold only letters, digits, _ and $",
  )
  .refine((text) => text !== lostName, `must not be ${lostName}`);

export const name = z.string().min(1).max(200);
export const description = z.string().max(200);
/** The id of another record; that the record exists is checked when it is declared as a reference. */
export const id = z.string().length(36);
export const currencyCode = z.string().min(1);
/** Three characters, as plan templates and plan groups want it. */
export const currencyCode3 = z.string().length(3);

/** A finite JSON number; its decimal digits are exact (see `http/json.ts`). */
export const number = z.number();
export const positive = z.number().positive();
export const nonNegative = z.number().nonnegative();

const yearRule = "must be in the years 1 to 9999";

/** `YYYY-MM-DD`, of a year that PostgreSQL knows, too: it has no year 0. */
export const date = z.iso.date().refine((text) => text >= "0001", yearRule);
/**
 * A day that billing periods are counted from, or that one contains. The longest period after it, of 365 years, ends while
 * years still have four digits.
 */
export const periodDay = date.refine((text) => text < "9000", "must be before the year 9000");
const isInYears = (at: Date): boolean => at.getUTCFullYear() >= 1 && at.getUTCFullYear() <= 9999;

/** ISO 8601 with a zone; stored and returned in UTC. */
export const dateTime = z.iso
  .datetime({ offset: true, error: "must be an ISO 8601 date and time with a zone" })
  .transform((text, context) => {
    const at = new Date(text);
    if (Number.isNaN(at.getTime())) {
      context.addIssue({ code: "custom", message: "must be a date and time that exists" });
      return z.NEVER;
    }
    if (!isInYears(at)) {
      context.addIssue({ code: "custom", message: `${yearRule} in UTC` });
      return z.NEVER;
    }
    return at.toISOString();
  });

export const customFields = z
  .record(z.string(), z.union([z.string(), z.number()]))
  .refine((fields) => Object.keys(fields).length <= 100, "must not have more than 100 entries");

export const billingFrequencies = [
  "DAILY",
  "WEEKLY",
  "MONTHLY",
  "ANNUALLY",
  "AD_HOC",
  "MIXED",
] as const;
export const billingFrequency = z.enum(billingFrequencies);
/** How often a schedule runs. */
export const scheduleFrequency = z.enum(["DAILY", "WEEKLY", "MONTHLY", "ANNUALLY"]);
export const childBillingMode = z.enum(["PARENT_SUMMARY", "PARENT_BREAKDOWN", "CHILD"]);
/** Which credit pays first; one that is not named does not pay (m3ter semantics 15.5). */
export const creditApplicationOrder = z
  .array(z.enum(["PREPAYMENT", "BALANCE"]))
  .refine((order) => new Set(order).size === order.length, "must not name a credit twice");
export const statementMode = z.enum(["NONE", "JSON", "JSON_AND_CSV"]);
export const interval = z.int().min(1).max(365);
export const offset = z.int().min(0).max(364);

export const currencyConversion = z.object({
  from: z.string().min(1),
  to: z.string().min(1),
  multiplier: positive.optional(),
});

/** `{start, end}` in the wrong order is the client's mistake; equal is an empty period and allowed. */
export const endsAfterStart = (
  period: { startDate?: string | undefined; endDate?: string | undefined },
  context: z.RefinementCtx,
): void => {
  if (period.startDate === undefined || period.endDate === undefined) return;
  if (period.endDate >= period.startDate) return;
  context.addIssue({ code: "custom", path: ["endDate"], message: "must not be before startDate" });
};
