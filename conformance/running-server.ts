import { z } from "zod";
import { newFolder, removeFolder, type ServerProcess, startServer as start } from "./server.ts";

/** A server whose data nobody needs afterwards. */
export interface RunningServer extends Pick<
  ServerProcess,
  "url" | "orgId" | "accessKey" | "apiSecret"
> {
  /** Ends the process and removes its data. */
  readonly stop: () => Promise<void>;
}

export const startServer = async (): Promise<RunningServer> => {
  const folder = await newFolder();
  const server = await start(folder);
  const stop = async (): Promise<void> => {
    await server.stop();
    await removeFolder(folder);
  };
  return { ...server, stop };
};

const operation = z.looseObject({
  parameters: z.array(z.object({ name: z.string(), in: z.string() })).default([]),
  requestBody: z.unknown().optional(),
});
const document = z.object({ paths: z.record(z.string(), z.record(z.string(), operation)) });

/** One operation of `/openapi.json`. */
export interface ServedRoute {
  readonly method: string;
  readonly path: string;
  readonly query: readonly string[];
  readonly hasBody: boolean;
}

/** Every operation that the server says it serves. */
export const servedRoutes = async ({ url }: Pick<RunningServer, "url">): Promise<ServedRoute[]> => {
  const response = await fetch(`${url}/openapi.json`);
  const { paths } = document.parse(await response.json());
  return Object.entries(paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, { parameters, requestBody }]) => ({
      method: method.toUpperCase(),
      path,
      query: parameters.filter((one) => one.in === "query").map(({ name }) => name),
      hasBody: requestBody !== undefined,
    })),
  );
};

export const organizationPrefix = "/organizations/{orgId}/";
