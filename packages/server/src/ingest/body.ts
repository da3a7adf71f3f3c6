import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { IngestRequest } from "../ports/usage-store.ts";
import { readEnvelope, readLines } from "./measurement-reader.ts";
import type { ReadOutcome } from "./measurement-reader.ts";

/** A thousand measurements with every field at its longest fit; a bomb does not. */
const inflatedBytesMax = 64 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });
const inflaters = { gzip: promisify(gunzip), deflate: promisify(inflate) };

const wrongBody = (message: string): ReadOutcome => ({
  kind: "invalid",
  errors: [{ field: "", message }],
});

/** Undoes the encoding of a body and reads its measurements. */
export const readBody = async (request: IngestRequest): Promise<ReadOutcome> => {
  const { encoding } = request;
  if (encoding === "identity") return readBytes(request.body, request.format);
  try {
    const body = await inflaters[encoding](request.body, { maxOutputLength: inflatedBytesMax });
    return readBytes(body, request.format);
  } catch {
    return wrongBody(`must be ${encoding} of at most ${inflatedBytesMax} bytes`);
  }
};

const readBytes = (bytes: Uint8Array, format: IngestRequest["format"]): ReadOutcome => {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return wrongBody("must be UTF-8");
  }
  return format === "json" ? readEnvelope(text) : readLines(text);
};
