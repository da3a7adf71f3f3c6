import { hash } from "node:crypto";
import { canonicalPrinter, canonicalText } from "./rows/json-text.ts";

const digestOf = (text: string): string => hash("sha256", text, "base64");

/** Of a request's content in canonical form: a reused id with other content is found out by it (I10). */
export const fingerprintOf = (content: unknown): string => digestOf(canonicalText(content));

/** The same of `[kind, body]`, for bodies whose fields are known beforehand. */
export const fingerprintsOf = (
  kind: string,
  fields: readonly string[],
): ((body: object) => string) => {
  const print = canonicalPrinter(fields);
  const head = `[${canonicalText(kind)},`;
  return (body) => digestOf(`${head}${print(body)}]`);
};
