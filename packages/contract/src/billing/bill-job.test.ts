import { expect, test } from "vitest";
import { billJobRequest } from "./bill-job.ts";

test.each(["Europe/Nowhere", "", "+15:00:00", "2026-01-01T00:00Z[UTC]"])(
  "a run in %j, which is no time zone, is refused",
  (timezone) => {
    const { issues } = billJobRequest.safeParse({ timezone }).error ?? {};
    expect(issues).toMatchObject([{ path: ["timezone"], message: "is no time zone" }]);
  },
);

test.each(["UTC", "America/New_York", "UTC+5:30", "+1"])("a run may be in %s", (timezone) => {
  expect(billJobRequest.parse({ timezone })).toEqual({ timezone });
});

test.each(["lastDateInBillingPeriod", "billDate"])(
  "a run up to a %s after which no period can end is refused",
  (field) => {
    expect(billJobRequest.safeParse({ [field]: "8999-12-31" }).success).toBe(true);
    const { issues } = billJobRequest.safeParse({ [field]: "9999-12-31" }).error ?? {};
    expect(issues).toMatchObject([{ path: [field], message: "must be before the year 9000" }]);
  },
);
