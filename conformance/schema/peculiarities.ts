import { type Arbitrary, constant, constantFrom, uuid } from "fast-check";
import type { FieldArbitrary } from "./arbitrary.ts";
import {
  billedAccount,
  billOf,
  billPreparations,
  integratedBill,
  integrationRun,
} from "./billed.ts";
import { exportJob } from "./exported.ts";
import type { Body, Maker, Params, Preparation } from "./maker.ts";
import { failedIngest } from "./usage.ts";

/** What the document's schemas do not say and a valid request needs all the same. */

/** Field → the collection whose records it names. */
export const referenced: Readonly<Record<string, string>> = {
  accountId: "accounts",
  accountIds: "accounts",
  parentAccountId: "accounts",
  productId: "products",
  productIds: "products",
  accountingProductId: "products",
  minimumSpendAccountingProductId: "products",
  standingChargeAccountingProductId: "products",
  feesAccountingProductId: "products",
  drawdownsAccountingProductId: "products",
  consumptionsAccountingProductId: "products",
  meterIds: "meters",
  meterId: "meters",
  planTemplateId: "plantemplates",
  planId: "plans",
  billingPlanId: "plans",
  planGroupId: "plangroups",
  aggregationId: "aggregations",
  compoundAggregationId: "compoundaggregations",
  counterId: "counters",
  statementDefinitionId: "statementdefinitions",
  defaultStatementDefinitionId: "statementdefinitions",
  billGroupingKeyId: "picklists/billgroupingkeys",
  transactionTypeId: "picklists/transactiontypes",
  integrationConfigId: "integrationconfigs",
  destinationIds: "dataexports/destinations",
  billId: "bills",
  billIds: "bills",
};

const unique = (prefix: string): Arbitrary<string> =>
  uuid().map((id) => `${prefix}${id.replaceAll("-", "")}`);

const byName: Readonly<Record<string, Arbitrary<unknown>>> = {
  code: unique("c"),
  timezone: constantFrom("UTC", "Europe/London", "America/New_York", "UTC+1:00"),
  yearEpoch: constant("2022-01-01"),
  monthEpoch: constant("2022-01-15"),
  weekEpoch: constant("2022-01-04"),
  dayEpoch: constant("2022-01-01"),
  scheduledBillInterval: constantFrom(0, 0.25, 6, 24),
  autoApproveBillsGracePeriodUnit: constantFrom("MINUTES", "HOURS", "DAYS"),
  currency: constant("USD"),
  externalInvoiceDate: constantFrom("FIRST_DAY_OF_NEXT_PERIOD", "LAST_DAY_OF_ARREARS"),
  billDate: constant("2025-07-01"),
  url: constantFrom("https://example.com/hook", "http://localhost:1234/x?y=z"),
  iamRoleArn: constant("arn:aws:iam::123456789012:role/exports"),
  calculation: constant("1 + 1"),
  eventName: constant("configuration.commitment.updated"),
  effect: constantFrom("allow", "deny"),
  action: constant(["config:retrieve"]),
  resource: constant(["config:meter/*"]),
  permissionPolicyIds: constant([]),
  targetType: constantFrom("item", "ITEM"),
  creditTypeId: constant("unused"),
  creditApplicationOrder: constantFrom(["PREPAYMENT"], ["BALANCE", "PREPAYMENT"]),
};

export const fieldOf: FieldArbitrary = (name) => byName[name];

const without = (body: Body, ...names: readonly string[]): Body =>
  Object.fromEntries(Object.entries(body).filter(([name]) => !names.includes(name)));

const text = (value: unknown): string => (typeof value === "string" ? value : "");

const amountOnly = (body: Body): Body => ({ ...without(body, "units", "unitPrice"), amount: 12.5 });

const bands = [
  { lowerLimit: 0, fixedPrice: 0, unitPrice: 0.15 },
  { lowerLimit: 500, fixedPrice: 1, unitPrice: 0.1 },
];

const dataFields = [
  { category: "MEASURE", code: "calls", name: "Calls", unit: "1" },
  { category: "WHERE", code: "region", name: "Region" },
];

const derivedFields = [
  { category: "MEASURE", code: "twice", name: "Twice", unit: "1", calculation: "calls * 2" },
];

const lookupFields = [
  { name: "country", type: "STRING" },
  { name: "rate", type: "NUMBER" },
];

/** A contract of the account that the body names, since no other will do. */
const ownContract = async (body: Body, { make }: Maker): Promise<Body> => {
  if (body["contractId"] === undefined) return body;
  const contract = await make("contracts", { accountId: body["accountId"] });
  return { ...body, contractId: contract.id };
};

const onePlan = (body: Body): Body => without(body, "planTemplateId", "planGroupId");

/** A segment is only accepted where the aggregation declares it. */
const oneAggregation = (body: Body): Body =>
  without(body, "compoundAggregationId", "segment", "overagePricingBands");

/** A line by hand needs no reference to another one ([R], m3ter semantics 18.8). */
const memoLine = (body: Body): Body =>
  without(
    body,
    "referencedBillId",
    "referencedLineItemId",
    "reasonId",
    "creditReasonId",
    "debitReasonId",
    "lineItemType",
    "amountToApplyOnBill",
  );

/** About a field that a meter has. */
const usageQuery = async ({ make }: Maker): Promise<Body> => {
  const field = { meterId: (await make("meters")).id, fieldCode: "calls" };
  return {
    startDate: "2025-01-01T00:00:00Z",
    endDate: "2025-02-01T00:00:00Z",
    groups: [{ groupType: "ACCOUNT" }, { groupType: "TIME", frequency: "DAY" }],
    aggregations: [{ ...field, fieldType: "MEASURE", function: "SUM" }],
    limit: 10,
  };
};

type Fix = (body: Body, maker: Maker) => Body | Promise<Body>;

/** Body schema → how a generated body becomes one that the rules accept. */
export const fixes: Readonly<Record<string, Fix>> = {
  AccountPlanRequest: async (body, maker) => {
    const plan = body["planId"] ?? (await maker.make("plans")).id;
    return { ...onePlan(await ownContract(body, maker)), planId: plan };
  },
  AggregationRequest: (body) => ({
    ...without(body, "customSql", "segments"),
    aggregation: "SUM",
    targetField: "calls",
    segmentedFields: ["region"],
    segments: [{ region: "eu" }, { region: "*" }],
  }),
  BalanceChargeScheduleRequest: amountOnly,
  BalanceRequest: async (body, maker) =>
    body["rolloverAmount"] === undefined && body["rolloverEndDate"] === undefined
      ? ownContract(body, maker)
      : ownContract({ ...body, rolloverEndDate: "2028-01-01T00:00:00Z" }, maker),
  ChargeRequest: async (body, maker) => {
    const balance = await maker.make("balances", { accountId: body["accountId"] });
    return { ...amountOnly(await ownContract(body, maker)), entityId: balance.id };
  },
  CommitmentRequest: async (body, maker) => ({
    ...without(await ownContract(body, maker), "feeDates", "separateOverageUsage"),
    amount: 1000,
    amountPrePaid: 100,
  }),
  CounterAdjustmentRequest: (body) => ({ ...body, date: "2025-03-04" }),
  CounterPricingRequest: async (body, { make }) => ({
    ...onePlan(body),
    planId: body["planId"] ?? (await make("plans")).id,
    pricingBands: bands,
  }),
  DownloadCsvRequest: (body) => ({
    ...body,
    startDate: "2025-01-01T00:00:00Z",
    endDate: "2025-01-31T00:00:00Z",
  }),
  AdHocOperationalDataExportConfigurationRequest: (body) => ({
    ...without(body, "destinationIds"),
    sourceType: "OPERATIONAL",
  }),
  ExternalMappingRequest: async (body, { make }) => ({
    ...body,
    m3terEntity: "Account",
    m3terId: (await make("accounts")).id,
  }),
  ExportDestinationS3Request: (body) => ({ ...body, destinationType: "S3" }),
  BillJobRequest: async (body, { make }) => ({
    accountIds: body["accountIds"] ?? [(await make("accounts")).id],
    billingFrequency: "MONTHLY",
    billFrequencyInterval: 1,
    lastDateInBillingPeriod: "2025-01-31",
  }),
  CreditLineItemRequest: memoLine,
  DebitLineItemRequest: memoLine,
  EvaluateCalculationRequest: (body) => without(body, "eventId"),
  IntegrationConfigRequest: async (body, { make }) => ({
    ...without(body, "credentials", "destinationId"),
    entityType: "Notification",
    // Some routes answer a configuration with a run's schema, which asks for the entity.
    entityId: (await make("notifications/configurations")).id,
  }),
  NotificationRequest: (body) => ({ ...body, calculation: "new.amount > 10" }),
  ContractRequest: (body) => without(body, "usageFilters"),
  OrganizationConfigRequest: (body) => without(body, "scheduledBillOffset"),
  StatementDefinitionRequest: async (body, { make }) => {
    const { id: meterId } = await make("meters");
    return {
      ...body,
      dimensions: [{ meterId, name: "region", filter: ["*"] }],
      measures: [{ meterId, name: "calls", aggregations: ["SUM"] }],
    };
  },
  LookupTableRevisionRequest: (body) => ({ ...body, fields: lookupFields, keys: ["country"] }),
  LookupTableRevisionStatusRequest: (body) => ({ ...body, status: "PUBLISHED" }),
  LookupTableRevisionDataRequest: (body) => ({
    ...body,
    items: [
      { country: "UK", rate: 1.5 },
      { country: "Côte d'Ivoire", rate: 0 },
    ],
  }),
  LookupTableRevisionDataItemUpsertRequest: (body) => ({
    ...body,
    item: { country: "UK", rate: 2 },
  }),
  LookupTableRevisionCopyRequest: (body) => without(body, "revisionId"),
  MeterRequest: (body) => ({ ...body, dataFields, derivedFields }),
  OperationalDataExportConfigurationRequest: (body) => ({
    ...without(body, "cronExpression", "offset"),
    sourceType: "OPERATIONAL",
    scheduleType: "DAY",
    period: 2,
  }),
  OrgUserInvitationRequest: (body) => ({ ...body, email: `${crypto.randomUUID()}@example.com` }),
  PlanRequest: (body) =>
    body["bespoke"] === true && body["accountId"] !== undefined
      ? body
      : without(body, "accountId", "bespoke"),
  PricingRequest: async (body, { make }) => ({
    ...onePlan(oneAggregation(body)),
    planId: body["planId"] ?? (await make("plans")).id,
    aggregationId: body["aggregationId"] ?? (await make("aggregations")).id,
    segment: { region: "eu" },
    pricingBands: bands,
  }),
  ScheduledEventConfigurationRequest: (body) => ({
    ...body,
    name: `scheduled.bill.${crypto.randomUUID()}`,
    entity: "Bill",
    field: "endDate",
  }),
  UsageQueryRequest: (_body, maker) => usageQuery(maker),
  UsageSavedQueryRequest: async (body, maker) => ({
    ...body,
    usageQuery: await usageQuery(maker),
  }),
  WebhookDestinationRequest: (body) => ({
    ...body,
    credentials: { type: "M3TER_SIGNED_REQUEST", apiKey: "key", secret: "secret" },
  }),
};

/** Path parameters, or those of one path, that are words, not ids of what was made before. */
export const words: Params = {
  type: "meter",
  entity: "Account",
  m3terId: "acme",
  system: "Stripe",
  externalTable: "Customer",
  externalId: "cus_1",
  destination: "Webhook",
  entityType: "Notification",
  "integrationruns/{entityType}": "Bill",
  integrationCredentialsId: "none",
  systemName: "Webhook",
  configOption: "any",
  lookupKey: "UK",
  lastDateInBillingPeriod: "2025-01-31",
  billingFrequency: "MONTHLY",
};

const withData = async ({ client }: Maker, params: Params): Promise<void> => {
  const { lookupTableId, lookupTableRevisionId } = params;
  const path = `lookuptables/${lookupTableId}/revisions/${lookupTableRevisionId}/data`;
  await client.call("PUT", path, { items: [{ country: "UK", rate: 1 }] });
};

const policyRoute = "permissionpolicies";

/** Somebody whom policies can be attached to. */
type Holder = (maker: Maker) => Promise<Body>;
const aServiceUser: Holder = async ({ client }) => ({
  principalId: (await client.create("serviceusers", { name: "somebody" })).id,
});
const aUser: Holder = async ({ client, make }) => {
  await make("invitations");
  return { principalId: (await client.list("users")).data[0]?.id };
};
const aUserGroup: Holder = async ({ client }) => ({
  principalId: (await client.create("resourcegroups/user", { name: "some" })).id,
});

/** Attaches the policy in the path to somebody, so that it can be detached. */
const attached =
  (route: string, holder: Holder) =>
  async (maker: Maker, { permissionPolicyId }: Params): Promise<Body> => {
    const { client } = maker;
    const principal = await holder(maker);
    await client.call("POST", `${policyRoute}/${permissionPolicyId}/${route}`, principal);
    return principal;
  };

/** Operation → what must be there first; may answer with fields of its body, or of its query. */
export const preparations: Readonly<Record<string, Preparation>> = {
  AddPermissionPolicyToServiceUser: aServiceUser,
  AddPermissionPolicyToUser: aUser,
  AddPermissionPolicyToUserGroup: aUserGroup,
  RemovePermissionPolicyFromServiceUser: attached("addtoserviceuser", aServiceUser),
  RemovePermissionPolicyFromSupportUsers: attached("addtosupportusers", aServiceUser),
  RemovePermissionPolicyFromUser: attached("addtouser", aUser),
  RemovePermissionPolicyFromUserGroup: attached("addtousergroup", aUserGroup),
  ...billPreparations,
  GetValidationErrorDownloadUrl: async ({ client }) => failedIngest(client),
  DeleteLookupTableRevisionDataEntry: async (maker, params) => {
    await withData(maker, params);
    return { version: 1 };
  },
  GetLookupTableRevisionDataEntry: async (maker, params) => {
    await withData(maker, params);
    return undefined;
  },
  GetLookupTableRevisionArchivedDataUrl: async ({ client }, params) => {
    const { lookupTableId, lookupTableRevisionId } = params;
    const path = `lookuptables/${lookupTableId}/revisions/${lookupTableRevisionId}/status`;
    await client.put(path, { status: "ARCHIVED", version: 1 });
    return undefined;
  },
  GetIntegrationConfigForType: async ({ make }) => {
    await make("integrationconfigs");
    return undefined;
  },
  RemoveResourceFromGroup: async ({ client }, { resourceGroupId }) => {
    const target = { targetId: "one", targetType: "ITEM" };
    await client.call("POST", `resourcegroups/meter/${resourceGroupId}/addresource`, target);
    return target;
  },
  ReplaceAccountPlan: async ({ client }, { id }) => {
    const { accountId } = await client.get(`accountplans/${id}`);
    return {
      accountId,
      contractId: undefined,
      startDate: "2030-01-01T00:00:00Z",
      endDate: undefined,
    };
  },
};

/** Records that no collection's POST makes under its own path. */
export const makers: Readonly<Record<string, (maker: Maker, params: Params) => Promise<string>>> = {
  bills: async (maker) => billOf(maker.client, await billedAccount(maker)),
  "bills/{billId}/lineitems": async ({ client }, { billId }) =>
    (await client.list(`bills/${billId}/lineitems`)).data[0]?.id ?? "",
  "bills/accountid": billedAccount,
  "bills/latest": billedAccount,
  "dataexports/jobs": exportJob,
  integrationruns: integrationRun,
  "integrationruns/logs": integrationRun,
  "integrationruns/{entityType}": integratedBill,
  "integrationruns/{entityType}/latest": integratedBill,
  "integrationruns/destinations": async () => "books",
  events: async ({ client, make }) => {
    await make("products");
    return (await client.list("events")).data[0]?.id ?? "";
  },
  "fileuploads/measurements/jobs": async ({ client }) => {
    const file = { fileName: "usage.json", contentType: "application/json", contentLength: 2 };
    const path = "fileuploads/measurements/generateUploadUrl";
    const { body } = await client.call("POST", path, file);
    return text(Object.entries(body ?? {}).find(([name]) => name === "jobId")?.[1]);
  },
  users: async ({ client, make }) => {
    await make("invitations");
    return (await client.list("users")).data[0]?.id ?? "";
  },
  "lookuptables/{lookupTableId}/revisions/{lookupTableRevisionId}/data/jobs": async (
    { client },
    { lookupTableId, lookupTableRevisionId },
  ) => {
    const path = `lookuptables/${lookupTableId}/revisions/${lookupTableRevisionId}/data`;
    const { body } = await client.call("POST", `${path}/copy`, {});
    return text(Object.values(body ?? {})[0]);
  },
};

/** Query parameters that are refused without others, and what those others are. */
export const companions: Readonly<Record<string, Body>> = {
  ListCounterAdjustments: { counterId: "{counters}", accountId: "{accounts}" },
  ListAccountPlans: { account: "{accounts}" },
};
