import { fieldProblem } from "@turnpike/contract/problem.ts";

/** A row that is longer than this is no row. */
const rowLettersMax = 1_048_576;

/** The place behind the last line end outside of quotes, and whether a quote is open at the end. */
const lastRowEnd = (
  text: string,
  { from, isQuoted, quotes }: { from: number; isQuoted: boolean; quotes: boolean },
): { end: number; isQuoted: boolean } => {
  let end = 0;
  let isOpen = isQuoted;
  for (let at = from; at < text.length; at += 1) {
    const letter = text.charCodeAt(at);
    if (quotes && letter === 0x22) isOpen = !isOpen;
    else if (letter === 0x0a && !isOpen) end = at + 1;
  }
  return { end, isQuoted: isOpen };
};

const decode = (decoder: TextDecoder, piece?: Uint8Array): string => {
  try {
    const text = decoder.decode(piece, { stream: piece !== undefined });
    if (!text.includes("\0")) return text;
  } catch {
    throw fieldProblem("VALIDATION_FAILED", "file", "is not UTF-8");
  }
  throw fieldProblem("VALIDATION_FAILED", "file", "holds a character that is not text");
};

/**
 * A text in pieces that end where a row does, however the bytes were cut; at most a piece and a row are held. With
 * `quotes`, a line end between double quotes is part of its row. VALIDATION_FAILED when it is not UTF-8 text.
 */
export async function* wholeRows(
  source: AsyncIterable<Uint8Array>,
  { quotes }: { quotes: boolean },
): AsyncGenerator<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let rest = "";
  let isQuoted = false;
  const add = (more: string): string => {
    const text = rest + more;
    const found = lastRowEnd(text, { from: rest.length, isQuoted, quotes });
    isQuoted = found.isQuoted;
    rest = text.slice(found.end);
    if (rest.length > rowLettersMax) {
      throw fieldProblem("VALIDATION_FAILED", "file", "has a row of more than a million letters");
    }
    return text.slice(0, found.end);
  };
  for await (const piece of source) {
    const rows = add(decode(decoder, piece));
    if (rows !== "") yield rows;
  }
  const last = add(decode(decoder)) + rest;
  if (last !== "") yield last;
}
