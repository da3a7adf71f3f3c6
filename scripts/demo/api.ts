/** Calls a Turnpike server as any client would: a token first, then JSON over HTTP. */
export interface Api {
  /** Under `/organizations/{orgId}/`; throws with the server's own message when it refuses. */
  readonly call: (method: string, path: string, body?: unknown) => Promise<Record<string, unknown>>;
}

export interface Access {
  readonly url: string;
  readonly orgId: string;
  readonly accessKey: string;
  readonly apiSecret: string;
}

const answer = async (response: Response): Promise<Record<string, unknown>> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every route answers with an object
  const reply = (await response.json()) as Record<string, unknown>;
  if (response.ok) return reply;
  throw new Error(`${response.url}: ${response.status} ${String(reply["message"])}`);
};

export const connect = async ({ url, orgId, accessKey, apiSecret }: Access): Promise<Api> => {
  const key = Buffer.from(`${accessKey}:${apiSecret}`).toString("base64");
  const { access_token } = await answer(
    await fetch(`${url}/oauth/token`, {
      method: "POST",
      headers: { authorization: `Basic ${key}`, "content-type": "application/json" },
      body: JSON.stringify({ grant_type: "client_credentials" }),
    }),
  );
  const headers = {
    authorization: `Bearer ${String(access_token)}`,
    "content-type": "application/json",
  };
  return {
    call: async (method, path, body) =>
      answer(
        await fetch(`${url}/organizations/${orgId}/${path}`, {
          method,
          headers,
          ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        }),
      ),
  };
};
