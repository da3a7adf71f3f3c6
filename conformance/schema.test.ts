import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Answer, connect, requestToken } from "./client.ts";
import { Caller, fill, queryFields, queryOf, validRequest } from "./schema/caller.ts";
import { isDocumentPresent, type Operation, readDocument, type Schema } from "./schema/document.ts";
import { preparations } from "./schema/peculiarities.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "./server.ts";

/** How many of the document's operations were served last time. Raise it with each one that is added. */
const servedMin = 323;
/** The same cases every time, so that a red build is the fault of the change; a nightly run sets another seed. */
const seed = Number(process.env["TURNPIKE_SEED"] ?? 1);
const bodiesPerOperation = Number(process.env["TURNPIKE_PROPERTY_RUNS"] ?? 2);
const isVerbose = process.env["TURNPIKE_VERBOSE"] !== undefined;

interface Outcome {
  readonly operation: Operation;
  /** Why it is not served as the document says; undefined when it is. */
  readonly failure?: string;
}

const failureOf = ({ reply }: Operation, { status, body }: Answer): string | undefined => {
  if (status !== 200) return `${status} ${JSON.stringify(body).slice(0, 300)}`;
  if (reply === undefined || reply(body)) return undefined;
  const found = reply.errors?.map(({ instancePath, message }) => `${instancePath} ${message}`);
  return `reply: ${found?.join("; ")} in ${JSON.stringify(body).slice(0, 300)}`;
};

/** One call with a body that is valid in every respect. */
const callOnce = async (
  caller: Caller,
  operation: Operation,
  isMinimal: boolean,
): Promise<string | undefined> => {
  const { path, body } = await validRequest(caller, operation, isMinimal);
  return failureOf(operation, await caller.client.call(operation.method, path, body));
};

const queryValue = (name: string, schema: Schema): string => {
  if (schema.enum !== undefined) return String(schema.enum[0]);
  if (schema.type === "boolean") return "true";
  if (schema.type === "integer") return "1";
  if (/date/i.test(name)) return "2025-06-01";
  if (name === "active") return "true";
  if (name === "billingFrequency") return "MONTHLY";
  if (name === "status") return "PENDING";
  if (name === "searchQuery") return "id:00000000-0000-0000-0000-000000000000";
  if (name === "sortOrder") return "ASC";
  if (name === "sortBy") return "id";
  return name === "nextToken" ? "" : crypto.randomUUID();
};

/** Every query parameter of a list, one at a time. */
const tryParameters = async (caller: Caller, operation: Operation): Promise<string | undefined> => {
  const params = await caller.params(operation);
  const fields = queryFields(operation, await preparations[operation.id]?.(caller, params));
  const path = fill(operation.path, params);
  for (const { name, schema } of operation.query) {
    const isOptional = operation.id === "GetIntegrationConfigForType" && name !== "pageSize";
    if (isOptional) continue;
    const query = await queryOf(caller, operation, {
      [name]: queryValue(name, caller.flat(schema)),
      ...fields,
    });
    const failure = failureOf(operation, await caller.client.call("GET", `${path}${query}`));
    if (failure !== undefined) return `${query}: ${failure}`;
  }
  return undefined;
};

const tryOperation = async (caller: Caller, operation: Operation): Promise<Outcome> => {
  try {
    for (let run = 0; run < bodiesPerOperation; run += 1) {
      const failure = await callOnce(caller, operation, run === 0);
      if (failure !== undefined) return { operation, failure };
      if (operation.body === undefined) break;
    }
    const failure = operation.method === "GET" ? await tryParameters(caller, operation) : undefined;
    return failure === undefined ? { operation } : { operation, failure };
  } catch (error) {
    return { operation, failure: String(error) };
  }
};

/** The one operation outside of an organization: the token. */
const tryToken = async (server: ServerProcess, operation: Operation): Promise<Outcome> => {
  const response = await requestToken(server);
  const failure = failureOf(operation, { status: response.status, body: await response.json() });
  return failure === undefined ? { operation } : { operation, failure };
};

/** Tags whose operations are configuration: each of them must be served as the document says. */
const configurationTags = new Set([
  "Account",
  "AccountPlan",
  "Aggregation",
  "BalanceChargeSchedule",
  "BalanceTransactionSchedule",
  "Balances",
  "BillConfig",
  "BillGroupingKey",
  "Charge",
  "Commitments",
  "CompoundAggregation",
  "Contract",
  "Counter",
  "CounterAdjustments",
  "CounterPricing",
  "CreditReason",
  "Currency",
  "CustomField",
  "DebitReason",
  "ExportSchedule",
  "External Mapping",
  "Invitations",
  "LookupTable",
  "LookupTableRevision",
  "LookupTableRevisionData",
  "Meter",
  "Notifications",
  "OrgUsers",
  "OrganizationConfig",
  "PermissionPolicy",
  "Plan",
  "PlanGroup",
  "PlanGroupLink",
  "PlanTemplate",
  "Pricing",
  "Product",
  "ResourceGroup",
  "ScheduledEventConfigurations",
  "StatementDefinition",
  "Support",
  "TransactionType",
]);

describe.skipIf(!isDocumentPresent)("the operations of the m3ter API document", () => {
  const state: { folder: string; server?: ServerProcess } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });

  test("are served with replies that satisfy the document's schemas", async () => {
    if (state.server === undefined) throw new Error("the server did not start");
    const api = readDocument();
    const caller = new Caller(api, await connect(state.server), seed);
    const outcomes: Outcome[] = [];
    for (const operation of api.operations) {
      outcomes.push(
        operation.path === "/oauth/token"
          ? await tryToken(state.server, operation)
          : await tryOperation(caller, operation),
      );
    }
    const served = outcomes.filter(({ failure }) => failure === undefined);
    const lines = outcomes.flatMap(({ operation, failure }) =>
      failure === undefined ? [] : [`${operation.tag} ${operation.id}: ${failure}`],
    );
    process.stdout.write(`operations served: ${served.length} of ${api.operations.length}\n`);
    if (isVerbose) process.stdout.write(`${lines.join("\n")}\n`);
    const broken = outcomes.filter(
      ({ operation, failure }) => failure !== undefined && configurationTags.has(operation.tag),
    );
    expect(
      broken.map(({ operation, failure }) => `${operation.id}: ${failure}`),
      `seed ${seed}`,
    ).toEqual([]);
    expect(served.length).toBeGreaterThanOrEqual(servedMin);
  }, 300_000);
});
