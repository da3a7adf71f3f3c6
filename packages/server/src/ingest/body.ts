import { promisify } from "node:util";
import { gunzip, inflate } from "node:zlib";
import type { IngestRequest } from "../ports/usage-store.ts";
import { readEnvelope, readLines } from "./measurement-reader.ts";
import type { ReadOutcome } from "./measurement-reader.ts";

/** A thousand measurements with every field at its longest fit; a bomb does not. */
const inflatedBytesMax = 16 * 1024 * 1024;
/** Two hundred for each of a thousand measurements. An empty object takes thirty times its three bytes once it is read. */
const valuesMax = 200_000;

/** The most that a body holds that came as so many bytes: DEFLATE makes no more than 1,032 of one. */
export const inflatedBytesAtMost = (body: Uint8Array): number =>
  Math.min(body.length * 1032, inflatedBytesMax);

const [quote, backslash] = [0x22, 0x5c];
/** By their bytes, what stands before each value but the first. */
const beginnings = (characters: string): Uint8Array =>
  Uint8Array.from({ length: 256 }, (_, byte) =>
    Number(characters.includes(String.fromCharCode(byte))),
  );
const beginsValue = { json: beginnings(",{["), ndjson: beginnings(",{[\n") };

/** Whether a body holds more values than any measurements have, before memory is taken for them. */
const isTooFull = (bytes: Uint8Array, format: IngestRequest["format"]): boolean => {
  if (bytes.length <= valuesMax) return false;
  const begins = beginsValue[format];
  let count = 0;
  let isInText = false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index] ?? 0;
    if (byte === quote) isInText = !isInText;
    else if (isInText && byte === backslash) index++;
    else if (!isInText) count += begins[byte] ?? 0;
  }
  return count > valuesMax;
};

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
  if (isTooFull(bytes, format)) return wrongBody(`must hold at most ${valuesMax} values`);
  let text: string;
  try {
    text = decoder.decode(bytes);
  } catch {
    return wrongBody("must be UTF-8");
  }
  return format === "json" ? readEnvelope(text) : readLines(text);
};
