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

/** The token of a place in a list, whose text only the list itself reads. */
export const tokenOf = (place: string): string => Buffer.from(place).toString("base64url");

/** The place that a token stands for; INVALID_NEXT_TOKEN when no list returned it. */
export const placeOf = <Place>(token: string, place: z.ZodType<Place, string>): Place => {
  const read = place.safeParse(Buffer.from(token, "base64url").toString());
  if (read.success) return read.data;
  throw fieldProblem("INVALID_NEXT_TOKEN", "nextToken", "is not valid");
};

/** A place that is written as JSON, where any text would be one. */
export const jsonPlace = <Place>(place: z.ZodType<Place>): z.ZodType<Place, string> =>
  z
    .string()
    .transform((text, context): unknown => {
      try {
        return JSON.parse(text);
      } catch {
        context.addIssue("is not JSON");
        return z.NEVER;
      }
    })
    .pipe(place);

/** The number of a row: as many digits as PostgreSQL reads as a bigint, whatever they are. */
export const sequencePlace = z.string().regex(/^\d{1,18}$/);

/** PostgreSQL has no year 0. */
const instant = z.iso.datetime().refine((text) => text >= "0001");

const position = jsonPlace(z.tuple([instant, z.uuid()]));

/** The position a token stands for; INVALID_NEXT_TOKEN when no list returned it. */
export const decodePosition = (token: string): Position => {
  const [createdAt, id] = placeOf(token, position);
  return { createdAt, id };
};

/** A page of `size` from one row more than that; never an empty page with a token (m3ter semantics 2.7). */
export const pageBy = <T>(
  rows: readonly T[],
  size: number,
  placeAt: (row: T) => string,
): Page<T> => {
  const data = rows.slice(0, size);
  const last = data.at(-1);
  if (rows.length <= size || last === undefined) return { data };
  return { data, nextToken: tokenOf(placeAt(last)) };
};

/** A page of rows that have a position. */
export const pageOf = <T>(
  rows: readonly T[],
  size: number,
  positionOf: (row: T) => Position,
): Page<T> =>
  pageBy(rows, size, (row) => {
    const { createdAt, id } = positionOf(row);
    return JSON.stringify([createdAt, id]);
  });
