import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { IngestRequest } from "../ports/usage-store.ts";
import { readEnvelope, readLines } from "./measurement-reader.ts";
import type { ReadOutcome } from "./measurement-reader.ts";

/** A thousand measurements with every field at its longest fit; a bomb does not. */
const inflatedBytesMax = 64 * 1024 * 1024;

const decoder = new TextDecoder("utf-8", { fatal: true });
const inflaters = { gzip: promisify(gunzip), deflate: promisify(inflate) };

const wrongBody = (message: string): ReadOutcome & { readonly kind: "invalid" } => ({
  kind: "invalid",
  errors: [{ field: "", message }],
});

/** Undoes the encoding of a body. */
export const inflateBody = async ({ body, encoding }: IngestRequest) => {
  if (encoding === "identity") return { kind: "bytes", bytes: body } as const;
  try {
    const bytes = await inflaters[encoding](body, { maxOutputLength: inflatedBytesMax });
    return { kind: "bytes", bytes } as const;
  } catch {
    return wrongBody(`must be ${encoding} of at most ${inflatedBytesMax} bytes`);
  }
};

/** Reads the measurements of a body. */
export const readMeasurements = (
  bytes: Uint8Array,
  format: IngestRequest["format"],
): ReadOutcome => {
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return wrongBody("must be UTF-8");
  }
  return format === "json" ? readEnvelope(text) : readLines(text);
};
