import { z } from "zod";
import { type Client, connect, type Endpoint } from "./client.ts";

interface RawAnswer {
  readonly status: number;
  /** As it came, so that no digit is lost. */
  readonly text: string;
}

export interface Measurement {
  readonly uid?: string;
  readonly meter: string;
  readonly account: string;
  readonly ts: string;
  readonly [category: string]: unknown;
}

const rows = z.object({
  data: z.array(z.record(z.string(), z.unknown())),
  hasMoreData: z.boolean(),
});
type UsageRows = z.output<typeof rows>;

/** What a client of the usage routes does, besides configuring. */
export interface UsageClient extends Client {
  readonly meterId: string;
  /** A body as it is, of any kind. */
  readonly post: (
    path: string,
    body: string | Uint8Array<ArrayBuffer>,
    headers?: Readonly<Record<string, string>>,
  ) => Promise<RawAnswer>;
  readonly submit: (measurements: readonly Measurement[]) => Promise<RawAnswer>;
  readonly query: (body: object) => Promise<UsageRows>;
}

export const meterCode = "llm";
export const aggregate = (meterId: string, fieldCode: string, name: string) => ({
  meterId,
  fieldCode,
  fieldType: name === "UNIQUE" ? "DIMENSION" : "MEASURE",
  function: name,
});

/** Connects and makes the meter `llm`: tokens, a region and the model that answered. */
export const connectUsage = async (server: Endpoint): Promise<UsageClient> => {
  const client = await connect(server);
  const { status, body } = await client.call("GET", `meters?codes=${meterCode}`);
  const known = z.object({ data: z.array(z.object({ id: z.string() })) }).parse(body).data[0];
  if (status !== 200) throw new Error(`meters: ${status}`);
  const meterId = known?.id ?? (await makeMeter(client));
  const post: UsageClient["post"] = async (path, given, headers = {}) => {
    const response = await fetch(`${server.url}/organizations/${server.orgId}/${path}`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${client.bearer}`,
        "content-type": "application/json",
        ...headers,
      },
      body: given,
    });
    return { status: response.status, text: await response.text() };
  };
  return {
    ...client,
    meterId,
    post,
    submit: (measurements) => post("measurements", JSON.stringify({ measurements })),
    query: async (question) => {
      const answer = await post("usage/query", JSON.stringify(question));
      if (answer.status !== 200) throw new Error(`usage/query: ${answer.status} ${answer.text}`);
      return rows.parse(JSON.parse(answer.text));
    },
  };
};

const makeMeter = async (client: Client): Promise<string> =>
  (
    await client.create("meters", {
      name: "Language model",
      code: meterCode,
      dataFields: [
        { category: "MEASURE", code: "input", name: "Input tokens", unit: "1" },
        { category: "MEASURE", code: "output", name: "Output tokens", unit: "1" },
        { category: "WHERE", code: "region", name: "Region" },
      ],
      derivedFields: [],
    })
  ).id;
