import { fieldProblem, Problem } from "@turnpike/contract/problem.ts";

/** Passes on what comes and refuses it when it is longer, or in the end shorter, than what was announced. */
export async function* ofLength(
  source: AsyncIterable<Uint8Array>,
  bytes: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const piece of source) {
    size += piece.byteLength;
    if (size > bytes) throw new Problem("BODY_TOO_LARGE");
    yield piece;
  }
  if (size === bytes) return;
  throw fieldProblem("VALIDATION_FAILED", "body", `has ${size} bytes, not ${bytes}`);
}
