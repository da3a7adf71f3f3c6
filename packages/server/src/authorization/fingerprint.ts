import { hash } from "node:crypto";
import { canonicalText } from "./json-text.ts";

/** Of a request's content in canonical form: a reused id with other content is found out by it (I10). */
export const fingerprintOf = (content: unknown): string =>
  hash("sha256", canonicalText(content), "base64");
