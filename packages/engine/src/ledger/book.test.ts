import { expect, test } from "vitest";
import { movements } from "./book.ts";

/** What an atom that leaves `from` for `to` does to a book. */
const moved = ({ from, to }: { readonly from: string; readonly to: string }, book: string) =>
  Number(to === book) - Number(from === book);

test.each(Object.entries(movements))("%s moves rows as it moves books", (_, movement) => {
  const [credited, debited, held, debt] = movement.effect;
  expect({
    available: credited - debited - held,
    held,
    // The book holds what is owed below zero.
    debt: 0 - debt,
  }).toEqual({
    available: moved(movement, "available"),
    held: moved(movement, "held"),
    debt: moved(movement, "debt"),
  });
});
