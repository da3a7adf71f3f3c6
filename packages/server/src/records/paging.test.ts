import { expect, test } from "vitest";
import { decodePosition, tokenOf } from "./paging.ts";

const id = "01890000-0000-7000-8000-000000000001";
const token = (createdAt: string): string => tokenOf(JSON.stringify([createdAt, id]));

test("a token of a year that PostgreSQL does not have is none that a list returned", () => {
  expect(decodePosition(token("0001-01-01T00:00:00Z")).id).toBe(id);
  expect(() => decodePosition(token("0000-12-31T00:00:00Z"))).toThrow("nextToken is not valid");
});
