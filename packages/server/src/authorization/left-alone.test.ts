import { expect, test } from "vitest";
import { SaidOnce } from "./left-alone.ts";

test("a thing is said once, and again only when too many others were said since", () => {
  const said = new SaidOnce(2);
  expect(["a", "a", "b", "a", "b"].map((key) => said.add(key))).toEqual([
    true,
    false,
    true,
    false,
    false,
  ]);
  // The third takes the place of the first two.
  expect(["c", "c", "a"].map((key) => said.add(key))).toEqual([true, false, true]);
});
