import { z } from "zod";
import type { Client } from "../client.ts";
import { type Body, eventually, type Maker, type Params, type Preparation } from "./maker.ts";

/** Waits until the job at the path says so. */
export const ended = (
  client: Client,
  path: string,
  { field, is }: { field: string; is: string },
): Promise<true> =>
  eventually(`${path} ${is}`, async () =>
    (await client.get(path))[field] === is ? true : undefined,
  );

const calendar = { timezone: "UTC", monthEpoch: "2022-01-01" };
const january = { lastDateInBillingPeriod: "2025-01-31", ...calendar };

/** An account with something to bill. */
const pricedAccount = async ({ make }: Maker): Promise<string> => {
  const monthly = { billFrequency: "MONTHLY", standingCharge: 20 };
  const { id: planTemplateId } = await make("plantemplates", monthly);
  const { id: planId } = await make("plans", { planTemplateId });
  const { id: accountId } = await make("accounts");
  await make("accountplans", { accountId, planId, startDate: "2025-01-01T00:00:00Z" });
  return accountId;
};

/** An account with a bill for January 2025. */
export const billedAccount = async (maker: Maker): Promise<string> => {
  const accountId = await pricedAccount(maker);
  const { id } = await maker.client.create("billjobs", { accountIds: [accountId], ...january });
  await ended(maker.client, `billjobs/${id}`, { field: "status", is: "COMPLETE" });
  return accountId;
};

export const billOf = async (client: Client, accountId: string): Promise<string> =>
  (await client.list(`bills?accountId=${accountId}`)).data[0]?.id ?? "";

const withStatement = async (
  { client }: Maker,
  { billId }: { billId: string | undefined },
): Promise<undefined> => {
  const { id } = await client.create("statementjobs", { billId, includeCsvFormat: true });
  await ended(client, `statementjobs/${id}`, { field: "statementJobStatus", is: "COMPLETE" });
  return undefined;
};

const ofBillInPath = (maker: Maker, { id }: Params): Promise<undefined> =>
  withStatement(maker, { billId: id });

const approved = async ({ client }: Maker, { id }: Params): Promise<undefined> => {
  await client.call("POST", "bills/approve", { billIds: [id] });
  return undefined;
};

const priced = async (maker: Maker): Promise<Body> => ({
  accountIds: [await pricedAccount(maker)],
});

/** A bill that an integration waits to send: approved while a configuration asks for bills. */
export const integratedBill = async (maker: Maker): Promise<string> => {
  const link = { entityType: "Bill", destination: "Stripe", destinationId: "books" };
  await maker.client.create("integrationconfigs", { ...link, configData: {} });
  const id = await billOf(maker.client, await billedAccount(maker));
  await approved(maker, { id });
  return id;
};

const runs = z.object({ data: z.array(z.object({ id: z.string() })) });

export const integrationRun = async (maker: Maker): Promise<string> => {
  const bill = await integratedBill(maker);
  const { body } = await maker.client.call("GET", `integrationruns/Bill/${bill}`);
  return runs.parse(body).data[0]?.id ?? "";
};

/** What the operations of bills need to be there. */
export const billPreparations: Readonly<Record<string, Preparation>> = {
  GetBillJsonStatement: ofBillInPath,
  GetBillCsvStatement: ofBillInPath,
  GetBillLineItemJsonUsage: (maker, { billId }) => withStatement(maker, { billId }),
  LockBill: approved,
  PreviewBill: priced,
  GetIntegrationRunLatestForIds: async (maker) => ({ ids: await integratedBill(maker) }),
};
