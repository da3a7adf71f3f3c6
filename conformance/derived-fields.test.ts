import { expect, test } from "vitest";
import { z } from "zod";
import { useServer } from "./catalog/fixture.ts";

const { client, account, product } = useServer();

const lookedUp = z.object({ id: z.string(), version: z.number() });

/** A table of rates by country, published with the given ones. */
const publish = async (table: string, rates: Readonly<Record<string, number>>): Promise<void> => {
  const fields = [
    { name: "country", type: "STRING" },
    { name: "rate", type: "NUMBER" },
  ];
  const revisions = `lookuptables/${table}/revisions`;
  const made = await client().create(revisions, { name: "R", fields, keys: ["country"] });
  const items = Object.entries(rates).map(([country, rate]) => ({ country, rate }));
  await client().call("PUT", `${revisions}/${made.id}/data`, { items });
  const { version } = lookedUp.parse(await client().get(`${revisions}/${made.id}`));
  await client().call("PUT", `${revisions}/${made.id}/status`, { status: "PUBLISHED", version });
};

const makeMeter = async (calculation: string, fields: object = {}) =>
  client().create("meters", {
    name: "Storage",
    code: `m${crypto.randomUUID()}`,
    dataFields: [
      { category: "MEASURE", code: "gib", name: "GiB", unit: "1" },
      { category: "WHERE", code: "country", name: "Country" },
    ],
    derivedFields: [{ category: "COST", code: "cost", name: "Cost", unit: "1", calculation }],
    ...fields,
  });

type Meter = Awaited<ReturnType<typeof makeMeter>>;

const send = async ({ code }: Meter, on: string, fields: { gib: number; country: string }) => {
  const { gib, country } = fields;
  const event = { meter: code, account: on, ts: "2025-05-10T00:00:00Z" };
  const measurement = { ...event, uid: crypto.randomUUID(), measure: { gib }, where: { country } };
  const body = { measurements: [measurement] };
  return (await client().call("POST", "measurements", body)).body;
};

const total = async ({ id, code }: Meter): Promise<unknown> => {
  const { body } = await client().call("POST", "usage/query", {
    startDate: "2025-05-01T00:00:00Z",
    endDate: "2025-06-01T00:00:00Z",
    aggregations: [{ meterId: id, fieldCode: "cost", fieldType: "MEASURE", function: "SUM" }],
  });
  return z.object({ data: z.array(z.record(z.string(), z.unknown())) }).parse(body).data[0]?.[
    `${String(code)}.cost.SUM`
  ];
};

const accepted = { result: "accepted" };

test("a derived field takes the custom fields of meter, organization and account as they are now", async () => {
  const defaults = await client().get("customfields");
  await client().put("customfields", {
    ...defaults,
    organization: { fee: 1 },
    account: { rate: 2 },
    meter: { factor: 1 },
    product: { share: 1 },
  });
  const { id: productId } = await product();
  const calculation = "(gib * account.rate + organization.fee) * meter.factor * product.share";
  const meter = await makeMeter(calculation, { productId, customFields: { factor: 10 } });
  const plain = await account();
  const special = await account({ customFields: { rate: 3 } });
  // (4 × 2 + 1) × 10 and (4 × 3 + 1) × 10
  expect(await send(meter, String(plain["code"]), { gib: 4, country: "UK" })).toEqual(accepted);
  expect(await send(meter, String(special["code"]), { gib: 4, country: "UK" })).toEqual(accepted);
  expect(await total(meter)).toBe(220);
  await client().put(`accounts/${special.id}`, { ...special, customFields: { rate: 5 } });
  // (4 × 5 + 1) × 10 more
  expect(await send(meter, String(special["code"]), { gib: 4, country: "UK" })).toEqual(accepted);
  expect(await total(meter)).toBe(430);
  await client().put(`products/${productId}`, {
    ...(await client().get(`products/${productId}`)),
    customFields: { share: 2 },
  });
  // (1 × 5 + 1) × 10 × 2 more
  expect(await send(meter, String(special["code"]), { gib: 1, country: "UK" })).toEqual(accepted);
  expect(await total(meter)).toBe(550);
});

test("the worked example of m3ter semantics 5.2: a rate by country, from the revision published now", async () => {
  const code = `t${crypto.randomUUID()}`;
  const { id } = await client().create("lookuptables", { name: "Rates", code });
  await publish(id, { UK: 0.8 });
  const meter = await makeMeter(`gib * Lookup.findNumber("${code}", "rate", 1, "country")`);
  const on = String((await account())["code"]);
  // 10 × 0.8, and 10 × 1 in an unknown country
  expect(await send(meter, on, { gib: 10, country: "UK" })).toEqual(accepted);
  expect(await send(meter, on, { gib: 10, country: "FR" })).toEqual(accepted);
  expect(await total(meter)).toBe(18);
  await publish(id, { UK: 0.5, FR: 0.25 });
  // 10 × 0.5 and 10 × 0.25 more; what was stored stays as it was
  expect(await send(meter, on, { gib: 10, country: "UK" })).toEqual(accepted);
  expect(await send(meter, on, { gib: 10, country: "FR" })).toEqual(accepted);
  expect(await total(meter)).toBe(25.5);
});

test("a custom field that is gone is a CalculationError of each measurement, which is stored", async () => {
  const defaults = await client().get("customfields");
  await client().put("customfields", { ...defaults, organization: { fleeting: 1 } });
  const meter = await makeMeter("gib * organization.fleeting");
  const on = String((await account())["code"]);
  expect(await send(meter, on, { gib: 4, country: "UK" })).toEqual(accepted);
  const now = await client().get("customfields");
  await client().put("customfields", { ...now, organization: {} });
  expect(await send(meter, on, { gib: 4, country: "UK" })).toMatchObject({
    failures: [{ type: "CalculationError", message: expect.stringContaining("fleeting") }],
  });
  expect(await total(meter)).toBe(4);
});
