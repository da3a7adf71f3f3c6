import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Client, connect } from "./client.ts";
import { type RunningServer, servedRoutes, startServer } from "./running-server.ts";

const state: { server?: RunningServer; admin?: Client } = {};

beforeAll(async () => {
  state.server = await startServer();
  state.admin = await connect(state.server);
});
afterAll(() => state.server?.stop());

const parts = () => {
  const { server, admin } = state;
  if (server === undefined || admin === undefined) throw new Error("the server did not start");
  return { server, admin };
};

const keyReply = z.object({ accessKey: z.string(), apiSecret: z.string() });

interface Bot {
  readonly id: string;
  readonly accessKey: string;
  readonly client: Client;
}

/** A service user with a key of its own and the given policies. */
const newBot = async (...policyIds: string[]): Promise<Bot> => {
  const { server, admin } = parts();
  const { id } = await admin.create("serviceusers", { name: "Bot" });
  for (const policyId of policyIds) {
    await admin.call("POST", `permissionpolicies/${policyId}/addtoserviceuser`, {
      principalId: id,
    });
  }
  const made = await admin.call("POST", `serviceusers/${id}/keys`);
  const keys = keyReply.parse(made.body);
  return { id, accessKey: keys.accessKey, client: await connect({ ...server, ...keys }) };
};

const newPolicy = async (...statements: [effect: string, action: string, resource: string][]) => {
  const permissionPolicy = statements.map(([effect, action, resource]) => ({
    effect,
    action: [action],
    resource: [resource],
  }));
  const { id } = await parts().admin.create("permissionpolicies", {
    name: "Policy",
    permissionPolicy,
  });
  return id;
};

const product = (code: string) => ({ name: code, code });
const status = async (client: Client, ...call: Parameters<Client["call"]>): Promise<number> =>
  (await client.call(...call)).status;

describe("a service user", () => {
  test("may do nothing without a policy, on any route", async () => {
    const { server } = parts();
    const { client } = await newBot();
    const prefix = "/organizations/{orgId}/";
    const open: string[] = [];
    for (const { method, path } of await servedRoutes(server)) {
      if (!path.startsWith(prefix) || path.endsWith("/users/me")) continue;
      const target = path.slice(prefix.length).replaceAll(/\{\w+\}/g, "x");
      const verb = z.enum(["GET", "POST", "PUT", "DELETE"]).parse(method);
      const answer = await client.call(verb, target, method === "GET" ? undefined : {});
      if (answer.status !== 403) open.push(`${method} ${path}: ${answer.status}`);
    }
    expect(open).toEqual([]);
  });

  test("does what one policy allows and another does not deny", async () => {
    const { admin } = parts();
    const allowed = await admin.create("products", product("allowed"));
    const denied = await admin.create("products", product("denied"));
    const { client } = await newBot(
      await newPolicy(["allow", "config:*", "config:product/*"]),
      await newPolicy(["deny", "config:retrieve", `config:product/item/${denied.id}`]),
    );
    expect(await status(client, "GET", `products/${allowed.id}`)).toBe(200);
    expect(await status(client, "GET", `products/${denied.id}`)).toBe(403);
    expect(await status(client, "POST", "products", product("made"))).toBe(200);
    expect(await status(client, "GET", "meters")).toBe(403);
    expect(await status(client, "POST", "oauth/token", {})).toBe(404);
  });

  test("reaches what its groups hold, through groups of groups", async () => {
    const { admin } = parts();
    const held = await admin.create("products", product("held"));
    const other = await admin.create("products", product("other"));
    const outer = await admin.create("resourcegroups/product", { name: "outer" });
    const inner = await admin.create("resourcegroups/product", { name: "inner" });
    const add = (group: string, targetId: string, targetType: string) =>
      status(admin, "POST", `resourcegroups/product/${group}/addresource`, {
        targetId,
        targetType,
      });
    expect(await add(inner.id, held.id, "item")).toBe(200);
    expect(await add(outer.id, inner.id, "group")).toBe(200);
    const { client } = await newBot(
      await newPolicy(["allow", "config:retrieve", `config:product/group/${outer.id}`]),
    );
    expect(await status(client, "GET", `products/${held.id}`)).toBe(200);
    expect(await status(client, "GET", `products/${other.id}`)).toBe(403);
    expect(await status(client, "GET", "products")).toBe(403);
  });

  test("is denied what a group holds, however the id is written", async () => {
    const { admin } = parts();
    const held = await admin.create("products", product("held by a denied group"));
    const group = await admin.create("resourcegroups/product", { name: "denied" });
    await admin.call("POST", `resourcegroups/product/${group.id}/addresource`, {
      targetId: held.id.toUpperCase(),
      targetType: "item",
    });
    const { client } = await newBot(
      await newPolicy(["allow", "config:retrieve", "*"]),
      await newPolicy(["deny", "config:retrieve", `config:product/group/${group.id}`]),
    );
    expect(await status(client, "GET", `products/${held.id}`)).toBe(403);
    expect(await status(client, "GET", `products/${held.id.toUpperCase()}`)).toBe(403);
  });

  test("loses access at once with its policy, its key or itself", async () => {
    const { admin } = parts();
    const policyId = await newPolicy(["allow", "config:retrieve", "*"]);
    const bot = await newBot(policyId);
    const reads = () => status(bot.client, "GET", "products");
    expect(await reads()).toBe(200);
    const principal = { principalId: bot.id };
    await admin.call("POST", `permissionpolicies/${policyId}/removefromserviceuser`, principal);
    expect(await reads()).toBe(403);
    await admin.call("POST", `permissionpolicies/${policyId}/addtoserviceuser`, principal);
    expect(await reads()).toBe(200);
    await admin.call("DELETE", `serviceusers/${bot.id}/keys/${bot.accessKey}`);
    expect(await reads()).toBe(403);
    const second = await newBot(policyId);
    expect(await status(second.client, "GET", "products")).toBe(200);
    await admin.remove(`serviceusers/${second.id}`);
    expect(await status(second.client, "GET", "products")).toBe(403);
  });

  test("is named by users/me", async () => {
    const { server } = parts();
    const { client, id } = await newBot();
    expect((await client.call("GET", "users/me")).body).toMatchObject({
      serviceUser: { id, name: "Bot" },
      organization: { id: server.orgId },
    });
  });
});

const statements = z.object({
  data: z.array(
    z.object({
      resource: z.array(z.string()),
      policyId: z.string().optional(),
      principalType: z.string(),
      principalId: z.string(),
    }),
  ),
});

/** What counts for somebody: the resource of each statement, and whom it was given to. */
const effective = async (path: string): Promise<string[]> => {
  const { body } = await parts().admin.call("GET", `${path}/effectivepermissions`);
  return statements
    .parse(body)
    .data.map(({ resource, principalType }) => `${resource.join()} by ${principalType}`)
    .sort();
};

const invite = (email: string, ...permissionPolicyIds: string[]) => {
  const person = { firstName: "Ada", lastName: "L", email, permissionPolicyIds };
  return parts().admin.call("POST", "invitations", person);
};

const userGroup = async (name: string, policyId: string): Promise<string> => {
  const { admin } = parts();
  const { id } = await admin.create("resourcegroups/user", { name });
  const principal = { principalId: id };
  expect(
    await status(admin, "POST", `permissionpolicies/${policyId}/addtousergroup`, principal),
  ).toBe(200);
  return id;
};

const join = (group: string, targetId: string, targetType: "item" | "group") =>
  status(parts().admin, "POST", `resourcegroups/user/${group}/addresource`, {
    targetId,
    targetType,
  });

describe("the permissions of a user", () => {
  test("are its own, its invitation's and its groups', until its access ends", async () => {
    const { admin } = parts();
    const invited = await newPolicy(["allow", "config:retrieve", "config:meter/*"]);
    expect((await invite("ada@example.com", invited)).status).toBe(200);
    const { id, version } = (await admin.list("users")).data[0] ?? { id: "" };
    const inner = await userGroup("inner", await newPolicy(["allow", "config:*", "config:plan/*"]));
    const outer = await userGroup("outer", await newPolicy(["deny", "config:*", "config:bill/*"]));
    expect(await join(outer, inner, "group")).toBe(200);
    expect(await join(inner, id, "item")).toBe(200);
    expect(await effective(`users/${id}`)).toEqual([
      "config:bill/* by USERGROUP",
      "config:meter/* by USER",
      "config:plan/* by USERGROUP",
    ]);
    const own = [{ effect: "allow", action: ["config:retrieve"], resource: ["config:product/*"] }];
    const put = await admin.put(`users/${id}`, { permissionPolicy: own, version });
    expect(await effective(`users/${id}`)).toContain("config:product/* by USER");
    await admin.put(`users/${id}`, { dtEndAccess: "2020-01-01T00:00:00Z", version: put.version });
    expect(await effective(`users/${id}`)).toEqual([]);
  });

  test("come from what is there: no policy, user or group that nobody made", async () => {
    const { admin } = parts();
    const nobody = crypto.randomUUID();
    const refused = await invite("bob@example.com", nobody);
    expect(JSON.stringify(refused.body)).toContain("permissionPolicyIds[0]");
    const policy = await newPolicy(["allow", "config:*", "*"]);
    const { id } = await admin.create("resourcegroups/product", { name: "no users" });
    for (const [route, principalId] of [
      ["addtouser", nobody],
      ["addtousergroup", nobody],
      ["addtousergroup", id],
    ] as const) {
      const body = { principalId };
      expect(await admin.refusal("POST", `permissionpolicies/${policy}/${route}`, body)).toContain(
        "principalId",
      );
    }
  });

  test("are a service user's too, through the groups that hold it", async () => {
    const bot = await newBot();
    const group = await userGroup(
      "bots",
      await newPolicy(["allow", "config:retrieve", "config:product/*"]),
    );
    expect(await status(bot.client, "GET", "products")).toBe(403);
    expect(await join(group, bot.id, "item")).toBe(200);
    expect(await status(bot.client, "GET", "products")).toBe(200);
    expect(await effective(`serviceusers/${bot.id}`)).toEqual(["config:product/* by USERGROUP"]);
    await parts().admin.remove(`resourcegroups/user/${group}`);
    expect(await status(bot.client, "GET", "products")).toBe(403);
  });
});

describe("policies", () => {
  test("in the spelling of the schema's enum are refused with the one of the wire", async () => {
    const permissionPolicy = [{ effect: "ALLOW", action: ["CONFIG_CREATE"], resource: ["*"] }];
    const message = await parts().admin.refusal("POST", "permissionpolicies", {
      name: "Shouted",
      permissionPolicy,
    });
    expect(message).toContain("permissionPolicy[0].effect must be lower case: allow");
    expect(message).toContain("action[0] must be lower case with a colon: config:create");
  });

  test("that are managed, or held by somebody, stay", async () => {
    const { admin } = parts();
    const page = z.array(z.looseObject({ id: z.string(), managedPolicy: z.boolean() }));
    const all = page.parse((await admin.list("permissionpolicies")).data);
    const managed = all.find(({ managedPolicy }) => managedPolicy);
    expect(await admin.refusal("DELETE", `permissionpolicies/${managed?.id}`)).toContain("managed");
    const held = await newPolicy(["allow", "config:retrieve", "*"]);
    const { id } = await newBot(held);
    expect(await admin.refusal("DELETE", `permissionpolicies/${held}`)).toContain(id);
  });
});

describe("the audit log", () => {
  const entry = z.looseObject({
    action: z.string(),
    entityType: z.string(),
    before: z.looseObject({}).optional(),
    after: z.looseObject({}).optional(),
  });

  test("has every change with before and after, and no secret", async () => {
    const { admin } = parts();
    const made = await admin.create("products", product("audited"));
    await admin.put(`products/${made.id}`, { ...product("audited"), name: "Renamed", version: 1 });
    await admin.remove(`products/${made.id}`);
    const entries = z.array(entry).parse((await admin.list(`auditlog?entityId=${made.id}`)).data);
    expect(entries.map(({ action, before, after }) => [action, before?.name, after?.name])).toEqual(
      [
        ["deleted", "Renamed", undefined],
        ["updated", "audited", "Renamed"],
        ["created", undefined, "audited"],
      ],
    );
    await newBot();
    const keys = await admin.list("auditlog?entityType=serviceUserKey&action=created");
    expect(keys.data.length).toBeGreaterThan(0);
    expect(JSON.stringify(keys)).not.toMatch(/secret|hash/i);
  });

  test("is read page by page, each entry once", async () => {
    const { admin } = parts();
    const whole = (await admin.list("auditlog?entityType=product")).data.map(({ id }) => id);
    const paged: string[] = [];
    let after = "";
    do {
      const page = await admin.list(`auditlog?entityType=product&pageSize=2${after}`);
      paged.push(...page.data.map(({ id }) => id));
      after = page.nextToken === undefined ? "" : `&nextToken=${page.nextToken}`;
    } while (after !== "");
    expect(paged).toEqual(whole);
  });
});
