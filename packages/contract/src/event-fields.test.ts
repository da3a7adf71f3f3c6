import { expect, test } from "vitest";
import { eventFields } from "./event-fields.ts";

test.each([
  ["configuration.commitment.updated", { amountSpent: "double", amount: "double" }],
  ["configuration.integrationconfig.updated", { enabled: "boolean", authorized: "boolean" }],
  ["configuration.orguserinvitation.updated", { accepted: "boolean" }],
  ["configuration.orguser.updated", { organizations: "array", supportUser: "boolean" }],
  ["configuration.pricing.updated", { overagePricingBands: "array", aggregationType: "string" }],
  ["configuration.account.updated", { currency: "string", daysBeforeBillDue: "int" }],
  ["billing.scheduledbalancetransaction.updated", { nextRun: "string" }],
])("%s says what kind of value each field holds", (name, types) => {
  const fields = eventFields(name);
  for (const [field, type] of Object.entries(types)) {
    expect(fields, field).toMatchObject({ [`new.${field}`]: type, [`old.${field}`]: type });
  }
});
