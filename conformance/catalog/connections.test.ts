import { describe, expect, test } from "vitest";
import { useServer } from "./fixture.ts";

const { client } = useServer();

const refused = (path: string, body: unknown) => client().refusal("POST", path, body);

describe("a webhook destination", () => {
  const webhook = {
    name: "Hook",
    description: "For orders",
    url: "https://example.com/hook",
    credentials: { type: "M3TER_SIGNED_REQUEST", apiKey: "key", secret: "hush-hush" },
  };
  const path = "integrationdestinations/webhooks";

  test("shows its key and nowhere its secret, the audit log included", async () => {
    const made = await client().create(path, webhook);
    expect(made).toMatchObject({ active: true, credentials: { apiKey: "key" } });
    const seen = [
      made,
      await client().get(`${path}/${made.id}`),
      await client().list(path),
      (await client().call("GET", "auditlog")).body,
      await client().remove(`${path}/${made.id}`),
    ];
    expect(JSON.stringify(seen)).not.toContain("hush-hush");
  });

  test("is switched off and on", async () => {
    const { id } = await client().create(path, webhook);
    const off = await client().put(`${path}/${id}/active?active=false`, {});
    expect(off).toMatchObject({ active: false, version: 2, credentials: { apiKey: "key" } });
    const on = await client().put(`${path}/${id}/active?active=true`, {});
    expect(on).toMatchObject({ active: true, version: 3 });
  });

  test.each(["ftp://example.com", "example.com", "javascript:alert(1)"])(
    "at %s is refused",
    async (url) => {
      expect(await refused(path, { ...webhook, url })).toContain("url must be an http");
    },
  );

  test("is linked to a notification by an integration that is enabled", async () => {
    const { id } = await client().create(path, webhook);
    const link = { entityType: "Notification", destination: "Webhook" };
    const config = { ...link, destinationId: id, configData: {} };
    const made = await client().create("integrationconfigs", config);
    expect(made).toMatchObject({ enabled: true, status: "WAITING" });
    const unknown = { ...link, destinationId: "00000000-0000-0000-0000-000000000000" };
    expect(await refused("integrationconfigs", unknown)).toContain("destinationId names no");
  });
});

describe("a calculation", () => {
  const rule = { name: "Low", description: "Little is left", eventName: "billing.balance.updated" };

  test("of a notification is read before it is stored", async () => {
    const body = { ...rule, code: "low", active: true };
    expect(await refused("notifications/configurations", body)).toContain(
      "calculation is required",
    );
    const wrong = { ...body, calculation: "new.amount <= 10 AND" };
    const message = await refused("notifications/configurations", wrong);
    expect(message).toMatch(/calculation cannot be calculated: .*line 1, column 21/);
    const right = { ...body, calculation: "(new.amount <= 10) AND (old.amount > 10)" };
    await client().create("notifications/configurations", right);
  });

  test("can be tried out", async () => {
    const evaluate = (calculation: string) =>
      client().call("POST", "notifications/evaluate", { eventName: rule.eventName, calculation });
    expect((await evaluate("new.amount == null")).body).toEqual({ success: true });
    expect((await evaluate("new.amount ==")).body).toMatchObject({
      success: false,
      errorMessage: expect.stringContaining("column 14"),
    });
  });

  test("of a derived field or a compound aggregation names the place of a mistake", async () => {
    const meter = {
      name: "M",
      code: "mistaken",
      dataFields: [{ category: "MEASURE", code: "gib", name: "GiB", unit: "GiBy" }],
      derivedFields: [
        { category: "MEASURE", code: "x", name: "X", unit: "1", calculation: "gib * (1" },
      ],
    };
    expect(await refused("meters", meter)).toContain("derivedFields[0].calculation");
    const derived = (calculation: string, code = "x") => ({
      ...meter.derivedFields[0],
      code,
      calculation,
    });
    const circle = [derived("y + 1"), derived("x + 1", "y")];
    expect(await refused("meters", { ...meter, derivedFields: circle })).toContain("in a circle");
    const unknownField = { ...meter, derivedFields: [derived("gob * 2")] };
    expect(await refused("meters", unknownField)).toContain("there is no field gob");
    const undeclared = { ...meter, derivedFields: [derived("gib * account.discount")] };
    expect(await refused("meters", undeclared)).toContain("custom field discount of account");
    const table = 'gib * Lookup.findNumber("nowhere", "rate", 1, "gib")';
    const unpublished = { ...meter, derivedFields: [derived(table)] };
    expect(await refused("meters", unpublished)).toContain("no lookup table with the code nowhere");
    const shared = { name: "C", quantityPerUnit: 1, rounding: "NONE", unit: "u" };
    const unknown = { ...shared, calculation: "aggregation.nothing + 1" };
    expect(await refused("compoundaggregations", unknown)).toContain(
      "no aggregation with the code nothing",
    );
    const unread = { ...shared, calculation: "1 +* 2" };
    expect(await refused("compoundaggregations", unread)).toContain(
      "calculation cannot be calculated",
    );
  });
});

describe("an export schedule", () => {
  const schedule = {
    name: "Nightly",
    sourceType: "OPERATIONAL",
    operationalDataTypes: ["BILLS"],
    scheduleType: "DAY",
    period: 1,
  };
  const byCron = (cronExpression: string, fields: object = {}) => ({
    scheduleType: undefined,
    period: undefined,
    cronExpression,
    ...fields,
  });
  const path = "dataexports/schedules";

  test.each([
    [{ scheduleType: "MINUTE", period: 14 }, "period must be 15 minutes or more"],
    [{ scheduleType: "DAY", period: 4 }, "period must be 3 days or less"],
    [{ scheduleType: "MINUTE", period: 30, offset: 5 }, "offset cannot be combined"],
    [{ scheduleType: "HOUR", offset: 60 }, "offset must be 59 or less"],
    [{ offset: 24 }, "offset must be 23 or less"],
    [{ cronExpression: "0 0 * * *" }, "cronExpression cannot be combined with scheduleType"],
    [byCron("0 0 * * *", { period: 1 }), "cronExpression cannot be combined with period"],
    [
      byCron("0 25 * * *"),
      "cronExpression cannot be read: CronPattern: Invalid value for hour: 25",
    ],
    [byCron("0 0 30 2 *"), "cronExpression must name times that come"],
    [byCron("0 0 0 * * *"), "requires exactly 5 parts"],
    [byCron("*/14 * * * *"), "cronExpression must leave 15 minutes or more"],
    [{ period: undefined }, "period is required"],
    [{ operationalDataTypes: [] }, "operationalDataTypes"],
    [{ sourceType: "USAGE" }, "timePeriod"],
    [{ sourceType: "BOTH" }, "sourceType"],
  ])("with %j is refused", async (fields, message) => {
    const body = { ...schedule, code: "refused", ...fields };
    expect(await refused(path, body)).toContain(message);
  });

  test("keeps its destination", async () => {
    const { id } = await client().create("dataexports/destinations", {
      name: "Bucket",
      code: "bucket",
      destinationType: "S3",
      bucketName: "exports",
      iamRoleArn: "arn:aws:iam::123456789012:role/exports",
    });
    const made = await client().create(path, { ...schedule, code: "kept", destinationIds: [id] });
    const message = await client().refusal("DELETE", `dataexports/destinations/${id}`);
    expect(message).toContain(`is named as destinationIds by exportSchedule ${made.id}`);
  });
});

describe("a resource group", () => {
  const target = (targetType: string, targetId: string) => ({ targetType, targetId });
  const group = async (type = "meter") =>
    (await client().create(`resourcegroups/${type}`, { name: "Group" })).id;
  const add = (id: string, body: object) =>
    client().call("POST", `resourcegroups/meter/${id}/addresource`, body);

  test("holds items and groups, a page at a time", async () => {
    const [outer, inner] = [await group(), await group()];
    await add(outer, target("item", "one"));
    await add(outer, target("group", inner));
    const path = `resourcegroups/meter/${outer}/contents`;
    const { body } = await client().call("POST", `${path}?pageSize=1`);
    expect(body).toMatchObject({ data: [{ targetType: "GROUP", targetId: inner }] });
    await client().call("POST", `resourcegroups/meter/${outer}/removeresource`, {
      ...target("group", inner),
    });
    expect((await client().call("POST", path)).body).toMatchObject({
      data: [{ targetType: "ITEM", targetId: "one" }],
    });
  });

  test("never holds itself, however far down", async () => {
    const [top, middle, bottom] = [await group(), await group(), await group()];
    await add(top, target("group", middle));
    await add(middle, target("group", bottom));
    for (const id of [top, middle, bottom]) {
      const answer = await add(bottom, target("group", id));
      expect(JSON.stringify(answer.body)).toContain("would make the group hold itself");
    }
  });

  test("is of one type", async () => {
    const [meters, plans] = [await group(), await group("plan")];
    expect((await client().call("GET", `resourcegroups/plan/${meters}`)).status).toBe(404);
    expect((await add(meters, target("group", plans))).status).toBe(400);
  });
});

describe("a user", () => {
  test("comes of an invitation and is found in groups, and in groups of groups", async () => {
    const person = { firstName: "Ada", lastName: "Lovelace", email: "ada@example.com" };
    const invitation = await client().create("invitations", person);
    expect(invitation).toMatchObject({ ...person, accepted: true });
    const [user] = (await client().list("users")).data;
    expect(user).toMatchObject(person);
    const [inner, outer] = [
      await client().create("resourcegroups/user", { name: "Inner" }),
      await client().create("resourcegroups/user", { name: "Outer" }),
    ];
    const add = (id: string, targetType: string, targetId: string | undefined) =>
      client().call("POST", `resourcegroups/user/${id}/addresource`, { targetType, targetId });
    await add(inner.id, "item", user?.id);
    await add(outer.id, "group", inner.id);
    const groups = (query: string) => client().list(`users/${user?.id}/usergroups${query}`);
    expect((await groups("")).data.map(({ id }) => id)).toEqual([inner.id]);
    const inherited = (await groups("?inherited=true")).data.map(({ id }) => id);
    expect(inherited).toEqual([outer.id, inner.id]);
  });

  test("keeps its name when its access is changed", async () => {
    const person = { firstName: "Alan", lastName: "Turing", email: "alan@example.com" };
    await client().create("invitations", person);
    const [user] = (await client().list("users?pageSize=1")).data;
    const change = { version: 1, dtEndAccess: "2030-01-01T00:00:00Z", firstName: "Mallory" };
    const changed = await client().put(`users/${user?.id}`, change);
    expect(changed).toMatchObject({ ...person, dtEndAccess: "2030-01-01T00:00:00.000Z" });
  });
});

describe("custom fields", () => {
  test("of an organization are 25 of a kind at the most", async () => {
    const { version } = await client().get("customfields");
    const many = Object.fromEntries(Array.from({ length: 26 }, (_, n) => [`field${n}`, n]));
    const body = { version, account: many };
    expect(await client().refusal("PUT", "customfields", body)).toContain("account must not have");
    const some = { version, account: { tier: "gold" }, contract: { discount: 0.1 } };
    const stored = await client().put("customfields", some);
    expect(stored).toMatchObject({ account: { tier: "gold" }, product: {} });
  });

  test("of an entity are lost when a PUT leaves them out", async () => {
    const body = { name: "P", code: "custom", customFields: { region: "eu", weight: 1.5 } };
    const product = await client().create("products", body);
    expect(product).toMatchObject({ customFields: { region: "eu", weight: 1.5 } });
    const { customFields: _lost, ...rest } = product;
    const stored = await client().put(`products/${product.id}`, rest);
    expect(stored["customFields"]).toBeUndefined();
  });
});

describe("versions", () => {
  test("are 1 at first, and a stale one is refused", async () => {
    const product = await client().create("products", { name: "P", code: "versions" });
    expect(product.version).toBe(1);
    const next = await client().put(`products/${product.id}`, { ...product, name: "Q" });
    expect(next).toMatchObject({ version: 2, name: "Q" });
    const stale = await client().refusal("PUT", `products/${product.id}`, product);
    expect(stale).toContain("version is 1, but the stored version is 2");
    const { version: _none, ...without } = next;
    const missing = await client().refusal("PUT", `products/${product.id}`, without);
    expect(missing).toContain("version");
  });
});
