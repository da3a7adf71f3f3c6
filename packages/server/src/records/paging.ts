import { z } from "zod";
import { fieldProblem } from "@turnpike/contract/problem.ts";

/** A place in a list that is ordered newest first: everything strictly after it comes next. */
export interface Position {
  readonly createdAt: string;
  readonly id: string;
}

export interface Page<T> {
  readonly data: T[];
  readonly nextToken?: string;
}

const position = z.tuple([z.iso.datetime(), z.uuid()]);

export const encodePosition = ({ createdAt, id }: Position): string =>
  Buffer.from(JSON.stringify([createdAt, id])).toString("base64url");

/** The position a token stands for; INVALID_NEXT_TOKEN when no list returned it. */
export const decodePosition = (token: string): Position => {
  try {
    const [createdAt, id] = position.parse(JSON.parse(Buffer.from(token, "base64url").toString()));
    return { createdAt, id };
  } catch {
    throw fieldProblem("INVALID_NEXT_TOKEN", "nextToken", "is not valid");
  }
};

/** A page of `size` from one row more than that; never an empty page with a token (m3ter semantics 2.7). */
export const pageOf = <T>(rows: T[], size: number, positionOf: (row: T) => Position): Page<T> => {
  const data = rows.slice(0, size);
  const last = data.at(-1);
  if (rows.length <= size || last === undefined) return { data };
  return { data, nextToken: encodePosition(positionOf(last)) };
};
