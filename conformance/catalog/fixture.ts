import { afterAll, beforeAll } from "vitest";
import { type Client, connect, type Entity } from "../client.ts";
import { newFolder, removeFolder, type ServerProcess, startServer } from "../server.ts";

type Fields = Readonly<Record<string, unknown>>;

/** One server for a test file, and short ways to make what its tests are about. */
export interface Fixture {
  readonly client: () => Client;
  readonly url: () => string;
  readonly account: (fields?: Fields) => Promise<Entity>;
  readonly product: () => Promise<Entity>;
  /** A plan of its own product, monthly in USD, unless said otherwise. */
  readonly plan: (fields?: Fields & { template?: Fields }) => Promise<Entity>;
  readonly accountPlan: (fields: Fields) => Promise<Entity>;
  readonly balance: (fields?: Fields) => Promise<Entity>;
}

let count = 0;
const unique = (): string => `c${(count += 1)}`;

export const useServer = (): Fixture => {
  const state: { folder: string; server?: ServerProcess; client?: Client } = { folder: "" };
  beforeAll(async () => {
    state.folder = await newFolder();
    state.server = await startServer(state.folder);
    state.client = await connect(state.server);
  });
  afterAll(async () => {
    await state.server?.stop();
    await removeFolder(state.folder);
  });
  const client = (): Client => {
    if (state.client === undefined) throw new Error("the server did not start");
    return state.client;
  };
  const named = (fields: Fields): Fields => ({ name: "n", code: unique(), ...fields });
  const account: Fixture["account"] = (fields = {}) =>
    client().create("accounts", named({ emailAddress: "a@example.com", ...fields }));
  const product: Fixture["product"] = () => client().create("products", named({}));
  return {
    client,
    url: () => state.server?.url ?? "",
    account,
    product,
    plan: async ({ template = {}, ...fields } = {}) => {
      const made = await client().create(
        "plantemplates",
        named({
          productId: template["productId"] ?? (await product()).id,
          currency: "USD",
          standingCharge: 0,
          billFrequency: "MONTHLY",
          ...template,
        }),
      );
      return client().create("plans", named({ planTemplateId: made.id, ...fields }));
    },
    accountPlan: (fields) =>
      client().create("accountplans", { startDate: "2025-01-01T00:00:00Z", ...fields }),
    balance: async (fields = {}) =>
      client().create(
        "balances",
        named({
          accountId: fields["accountId"] ?? (await account()).id,
          startDate: "2025-01-01T00:00:00Z",
          endDate: "2026-01-01T00:00:00Z",
          currency: "USD",
          ...fields,
        }),
      ),
  };
};
