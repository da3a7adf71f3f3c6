import { patternLengthMax } from "./limits.ts";

export type PatternLetter = "y" | "M" | "d" | "H" | "m" | "s" | "S" | "X";

export type PatternPart =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "field"; readonly letter: PatternLetter; readonly width: number };

interface Widths {
  readonly letter: PatternLetter;
  readonly least: number;
  readonly most: number;
}

/** The letters of `DateTime.TS_FMT` and the widths that Java's date patterns give them. */
const letterWidths: readonly Widths[] = [
  { letter: "y", least: 4, most: 4 },
  { letter: "M", least: 1, most: 2 },
  { letter: "d", least: 1, most: 2 },
  { letter: "H", least: 1, most: 2 },
  { letter: "m", least: 1, most: 2 },
  { letter: "s", least: 1, most: 2 },
  { letter: "S", least: 1, most: 9 },
  { letter: "X", least: 1, most: 3 },
];

const tokenPattern = /'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']/gy;

/** Reads a date pattern; a sentence when it is none. Other text stands in single quotes. */
export const readPattern = (pattern: string): readonly PatternPart[] | string => {
  if (pattern.length > patternLengthMax) {
    return `a date pattern has at most ${patternLengthMax} characters`;
  }
  const tokens = pattern.match(tokenPattern) ?? [];
  if (tokens.join("").length < pattern.length) return "the date pattern has an open quote";
  const parts: PatternPart[] = [];
  for (const token of tokens) {
    const part = readPart(token);
    if (typeof part === "string") return part;
    parts.push(part);
  }
  return parts;
};

const readPart = (token: string): PatternPart | string => {
  if (token === "''") return { kind: "text", text: "'" };
  if (token.startsWith("'")) {
    return { kind: "text", text: token.slice(1, -1).replaceAll("''", "'") };
  }
  if (!/^[A-Za-z]/.test(token)) return { kind: "text", text: token };
  const widths = letterWidths.find(({ letter }) => token.startsWith(letter));
  if (widths === undefined || token.length < widths.least || token.length > widths.most) {
    return `${token} is no part of a date pattern; those are yyyy M MM d dd H HH m mm s ss S X`;
  }
  return { kind: "field", letter: widths.letter, width: token.length };
};
