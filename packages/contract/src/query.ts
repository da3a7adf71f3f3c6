import { z } from "zod";

/** Query parameters arrive as text; a list comes comma-joined, repeated, or both (m3ter semantics 2.3). */
export const textList = z
  .union([z.string(), z.array(z.string())])
  .transform((given) => [given].flat().flatMap((part) => part.split(",")))
  .transform((parts) => parts.map((part) => part.trim()).filter((part) => part !== ""));

export const flag = z.enum(["true", "false"]).transform((text) => text === "true");

const wholeNumber = z
  .string()
  .regex(/^\d{1,9}$/, "must be a whole number")
  .transform(Number);

/** `pageSize` of a route; without it, a full page. */
export const pageSize = (most: number) =>
  wholeNumber.pipe(z.number().min(1).max(most)).default(most);

export const paging = (most: number) => ({
  pageSize: pageSize(most),
  nextToken: z.string().optional(),
});

/** The query of a search route (m3ter semantics 2.7); ten results a page unless said otherwise. */
export const searchQuery = z.object({
  searchQuery: z.string().default(""),
  operator: z.enum(["AND", "OR"]).default("AND"),
  sortBy: z.string().optional(),
  sortOrder: z.enum(["ASC", "DESC"]).default("ASC"),
  fromDocument: wholeNumber.default(0),
  pageSize: wholeNumber.pipe(z.number().min(1).max(100)).default(10),
});
export type SearchQuery = z.output<typeof searchQuery>;
