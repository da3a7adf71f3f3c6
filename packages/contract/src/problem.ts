/** One field of a request that was refused, by its path in the body or its query parameter. */
export interface FieldError {
  readonly field: string;
  readonly message: string;
}

/**
 * Every refusal that the API can answer with: its status and its sentence. `retryable` is what the
 * `x-should-retry` header tells an m3ter SDK, which would otherwise retry 408, 409, 429 and 5xx (semantics 2.2).
 */
export const problems = {
  MALFORMED_JSON: { status: 400, sentence: "The body is not valid JSON" },
  INEXACT_NUMBER: {
    status: 400,
    sentence: "A number has more digits than a double can hold exactly",
  },
  VALIDATION_FAILED: { status: 400, sentence: "The request is not valid" },
  VERSION_MISMATCH: { status: 400, sentence: "The version is not the stored one" },
  DUPLICATE_VALUE: { status: 400, sentence: "Another record already has this value" },
  REFERENCE_NOT_FOUND: { status: 400, sentence: "The request names a record that does not exist" },
  RECORD_IN_USE: { status: 400, sentence: "The record is referenced by others" },
  RULE_VIOLATED: { status: 400, sentence: "The request breaks a rule of this resource" },
  BILL_LOCKED: { status: 400, sentence: "The bill is locked" },
  BILL_NOT_APPROVED: { status: 400, sentence: "Only an approved bill can be locked" },
  BILLS_PENDING: { status: 400, sentence: "Bills up to this date are not approved yet" },
  NOTHING_TO_BILL: { status: 400, sentence: "The account has no such bill" },
  BILL_IMPOSSIBLE: { status: 400, sentence: "The bill cannot be calculated" },
  DOWNLOAD_TOO_LARGE: { status: 400, sentence: "The download is too large" },
  INVALID_NEXT_TOKEN: { status: 400, sentence: "The nextToken is not one that a list returned" },
  INVALID_CREDENTIALS: { status: 401, sentence: "The access key or secret is not valid" },
  UNAUTHORIZED: { status: 403, sentence: "Unauthorized: a valid bearer token is required" },
  FORBIDDEN: { status: 403, sentence: "Access to this organization is not allowed" },
  NOT_PERMITTED: { status: 403, sentence: "No permission policy allows this" },
  INGEST_BODY_TOO_LARGE: { status: 403, sentence: "The measurements body is too large" },
  INVALID_LINK: { status: 403, sentence: "The link is not valid, or no longer" },
  NOT_FOUND: { status: 404, sentence: "There is no such record" },
  ROUTE_NOT_FOUND: { status: 404, sentence: "There is no such route" },
  ID_REUSED: { status: 409, sentence: "The id was used before with another content" },
  WRONG_STATE: { status: 409, sentence: "Its state does not allow this" },
  OVERAGE_REJECTED: { status: 409, sentence: "More was used than held, and the hold rejects that" },
  ACCOUNT_FROZEN: { status: 409, sentence: "The account is frozen" },
  DEBT_OUTSTANDING: { status: 409, sentence: "The account owes" },
  INSUFFICIENT_FUNDS: { status: 409, sentence: "The account does not have that much" },
  BUDGET_EXCEEDED: { status: 409, sentence: "A hard budget has no room left" },
  REFUND_EXCEEDS_SETTLED: { status: 409, sentence: "No more can be refunded than was settled" },
  GRANT_ENDED: { status: 409, sentence: "The grant has ended" },
  PAYMENT_ALREADY_CREDITED: { status: 409, sentence: "The payment was credited before" },
  SAME_PAYMENT_METHOD: { status: 409, sentence: "That is the payment method already" },
  PERIOD_CHANGED: { status: 409, sentence: "The period has changed since it was measured" },
  LINKED_REQUEST_DENIED: { status: 409, sentence: "Another request linked to it was refused" },
  BODY_TOO_LARGE: { status: 413, sentence: "The body is too large" },
  USAGE_ELSEWHERE: {
    status: 421,
    sentence: "Another server keeps the usage of this database: ask that one",
  },
  URI_TOO_LONG: { status: 414, sentence: "The URL is too long" },
  HEADERS_TOO_LARGE: { status: 431, sentence: "The URL and headers are too large" },
  MALFORMED_REQUEST: { status: 400, sentence: "The request is not valid HTTP" },
  REQUEST_TIMEOUT: {
    status: 408,
    sentence: "The request did not arrive in time",
    retryable: true,
  },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, sentence: "The content type is not supported" },
  TOO_MANY_BILL_JOBS: { status: 429, sentence: "Ten bill jobs are already under way" },
  OVERLOADED: { status: 429, sentence: "The server is busy; try again", retryable: true },
  INTERNAL: { status: 500, sentence: "The server made a mistake; it has been logged" },
  STORAGE_FULL: { status: 503, sentence: "The disk is full; nothing was stored", retryable: true },
  UNAVAILABLE: {
    status: 503,
    sentence: "The server cannot answer now; try again",
    retryable: true,
  },
} as const satisfies Record<string, { status: number; sentence: string; retryable?: boolean }>;

export type ProblemCode = keyof typeof problems;

/** A refusal on its way to the client; turned into a reply in one place, `http/replies.ts`. */
export class Problem extends Error {
  readonly code: ProblemCode;
  readonly fields: readonly FieldError[];

  constructor(code: ProblemCode, errors: readonly FieldError[] = [], options?: ErrorOptions) {
    const fields = errors.map((error) => ({ ...error, field: error.field || "body" }));
    const named = fields.map(({ field, message }) => `${field} ${message}`).join("; ");
    const { sentence } = problems[code];
    super(named === "" ? sentence : `${sentence}: ${named}`, options);
    this.name = "Problem";
    this.code = code;
    this.fields = fields;
  }
}

/** The same, for the common case of one field. */
export const fieldProblem = (code: ProblemCode, field: string, message: string): Problem =>
  new Problem(code, [{ field, message }]);

/** What is wrong with a part of a request, such as `used` or `authorizations[3]`, said of the whole. */
export const ofPart = (part: string, fields: readonly FieldError[]): FieldError[] =>
  fields.map(({ field, message }) => ({ field: `${part}.${field}`, message }));

/** The work on a part of a request; its refusals name the field by its path in the whole. */
export const inPart = async <Done>(part: string, work: Promise<Done>): Promise<Done> => {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new Problem(error.code, ofPart(part, error.fields), { cause: error });
  }
};
