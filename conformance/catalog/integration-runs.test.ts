import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { useServer } from "./fixture.ts";

const { client, account, plan, accountPlan } = useServer();

const bill = async (): Promise<string> => {
  const { id: accountId } = await account();
  const { id: planId } = await plan({ template: { standingCharge: 5 } });
  await accountPlan({ accountId, planId });
  const job = await client().create("billjobs", {
    accountIds: [accountId],
    lastDateInBillingPeriod: "2025-01-31",
  });
  while ((await client().get(`billjobs/${job.id}`))["status"] !== "COMPLETE") await delay(20);
  return (await client().list(`bills?accountId=${accountId}`)).data[0]?.id ?? "";
};

const link = (fields: object) =>
  client().create("integrationconfigs", { entityType: "Bill", destination: "Stripe", ...fields });

test("an approved bill waits to be sent once for each integration that asks for it", async () => {
  const other = crypto.randomUUID();
  await link({ destinationId: "one" });
  await link({ destinationId: "of another bill", entityId: other });
  await link({ destinationId: "notices", entityType: "Notification" });
  const billId = await bill();
  expect((await client().list(`integrationruns/Bill/${billId}`)).data).toEqual([]);
  expect((await client().call("GET", `integrationruns/Bill/latest/${billId}`)).status).toBe(404);

  await client().call("POST", "bills/approve", { billIds: [billId] });

  const { data } = await client().list(`integrationruns/Bill/${billId}?status=WAITING`);
  expect(data).toMatchObject([
    { entityId: billId, destination: "Stripe", destinationId: "one", status: "WAITING" },
  ]);
  const id = data[0]?.id ?? "";
  expect(await client().get(`integrationruns/${id}`)).toMatchObject({ id, status: "WAITING" });
  const latest = await client().call("GET", `integrationruns/Bill/latest?ids=${billId},${other}`);
  expect(latest.body).toMatchObject({ id, data: [{ id }] });
  const { body } = await client().call("GET", `integrationruns/logs/${id}`);
  const { Payload } = z.object({ Payload: z.string() }).parse(body);
  expect(atob(Payload)).toContain("Waits for a connector to Stripe");
});
