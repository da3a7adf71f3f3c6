import type { Readable } from "node:stream";
import type { FastifyRequest } from "fastify";
import { Problem } from "@turnpike/contract/problem.ts";

/** How much of a refused body is still read: a client that is cut off while it sends never sees the refusal. */
const drainBytesMax = 64 * 1024 * 1024;

/** What comes, without ending the connection when its reader stops early. */
const piecesOf = (payload: Readable): AsyncIterable<Uint8Array> =>
  payload.iterator({ destroyOnReturn: false });

/** The whole body, or the route's Problem for one that is over its limit; where a route streams, the body to come. */
export const readBody = async (
  request: FastifyRequest,
  payload: Readable,
): Promise<Uint8Array | AsyncIterable<Uint8Array>> => {
  const { bodyLimit, config } = request.routeOptions;
  if (config.isStreamed === true) return piecesOf(payload);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of piecesOf(payload)) {
    size += chunk.length;
    if (size <= bodyLimit) chunks.push(chunk);
    else break;
  }
  if (size <= bodyLimit) return joined(chunks, size);
  throw new Problem(config.isIngest === true ? "INGEST_BODY_TOO_LARGE" : "BODY_TOO_LARGE");
};

/** Hears a client that is refused to its end, within bounds, before it is answered. */
export const drain = async ({ raw }: FastifyRequest): Promise<void> => {
  let size = 0;
  try {
    for await (const chunk of piecesOf(raw)) {
      size += chunk.length;
      if (size > drainBytesMax) return;
    }
  } catch {
    // A client that went away needs no answer.
  }
};

/**
 * One body of its chunks, whose memory is given back at once: V8 would keep it until a collection, and collect all the
 * more often for it.
 */
const joined = (chunks: readonly Uint8Array[], size: number): Uint8Array => {
  const [only, ...others] = chunks;
  if (only !== undefined && others.length === 0) return only;
  const body = Buffer.concat(chunks, size);
  for (const { buffer, byteLength } of chunks) {
    // A chunk that shares its memory is not ours alone.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
  }
  return body;
};
