import { z } from "zod";

const token = z.object({ access_token: z.string() });
const entity = z.looseObject({ id: z.string(), version: z.number() });
const page = z.object({
  data: z.array(z.looseObject({ id: z.string() })),
  nextToken: z.string().optional(),
});
const problem = z.object({ message: z.string(), errorCode: z.string() });

export type Entity = z.output<typeof entity>;
export type Page = z.output<typeof page>;
export type Method = "GET" | "POST" | "PUT" | "DELETE";

/** Where a server is and what opens it. */
export interface Endpoint {
  readonly url: string;
  readonly orgId: string;
  readonly accessKey: string;
  readonly apiSecret: string;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** Speaks to one organization of a running server. Paths are below `/organizations/{orgId}/`. */
export interface Client {
  /** The token that it calls with. */
  readonly bearer: string;
  readonly call: (method: Method, path: string, body?: unknown) => Promise<Answer>;
  readonly create: (path: string, body: unknown) => Promise<Entity>;
  readonly get: (path: string) => Promise<Entity>;
  /** Sends the whole document; its `version` is the one it was read with. */
  readonly put: (path: string, body: unknown) => Promise<Entity>;
  readonly remove: (path: string) => Promise<Entity>;
  readonly list: (path: string) => Promise<Page>;
  /** The message of a refusal; anything else than a 4xx fails. */
  readonly refusal: (method: Method, path: string, body?: unknown) => Promise<string>;
}

/** Everything but a refusal throws when the answer is not 200. */
export const connect = async (server: Endpoint): Promise<Client> => {
  const { access_token: bearer } = token.parse(await (await requestToken(server)).json());

  const call: Client["call"] = async (method, path, body) => {
    const response = await fetch(`${server.url}/organizations/${server.orgId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${bearer}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const parsed: unknown = text === "" ? undefined : JSON.parse(text);
    return { status: response.status, body: parsed };
  };

  const expectSuccess = async (method: Method, path: string, body?: unknown): Promise<unknown> => {
    const answer = await call(method, path, body);
    if (answer.status === 200) return answer.body;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  };

  return {
    bearer,
    call,
    create: async (path, body) => entity.parse(await expectSuccess("POST", path, body)),
    get: async (path) => entity.parse(await expectSuccess("GET", path)),
    put: async (path, body) => entity.parse(await expectSuccess("PUT", path, body)),
    remove: async (path) => entity.parse(await expectSuccess("DELETE", path)),
    list: async (path) => page.parse(await expectSuccess("GET", path)),
    refusal: async (method, path, body) => {
      const answer = await call(method, path, body);
      if (answer.status >= 400 && answer.status < 500) return problem.parse(answer.body).message;
      throw new Error(`${method} ${path}: expected a refusal, got ${answer.status}`);
    },
  };
};

/** The answer of the token route to the key pair of the endpoint. */
export const requestToken = ({ url, accessKey, apiSecret }: Endpoint): Promise<Response> =>
  fetch(`${url}/oauth/token`, {
    method: "POST",
    headers: {
      authorization: `Basic ${btoa(`${accessKey}:${apiSecret}`)}`,
      "content-type": "application/json",
    },
    body: JSON.stringify({ grant_type: "client_credentials" }),
  });
