import type { FastifyRequest } from "fastify";
import { Problem } from "@turnpike/contract/problem.ts";

/** How much of a refused body is still read: a client that is cut off while it sends never sees the refusal. */
const drainBytesMax = 64 * 1024 * 1024;

/** The whole body, or the route's Problem for one that is over its limit; where a route streams, the body to come. */
export const readBody = async (
  request: FastifyRequest,
  payload: AsyncIterable<Uint8Array>,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> => {
  const { bodyLimit, config } = request.routeOptions;
  if (config.isStreamed === true) return payload;
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of payload) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
    else chunks.length = 0;
    if (size > Math.max(drainBytesMax, bodyLimit)) break;
  }
  if (size <= bodyLimit) return Buffer.concat(chunks, size);
  throw new Problem(config.isIngest === true ? "INGEST_BODY_TOO_LARGE" : "BODY_TOO_LARGE");
};
