import { expect, test } from "vitest";
import { createDoor } from "./door.ts";

/** Work that says when it has been let in, and ends when it is told to. */
const asked = (door: ReturnType<typeof createDoor>, log: string[]) => {
  const ends = new Map<string, () => void>();
  const ask = (name: string, bytes: number): Promise<string> =>
    door(bytes, async () => {
      log.push(name);
      await new Promise<void>((resolve) => ends.set(name, resolve));
      return `${name} answered`;
    });
  return { ask, end: (name: string): void => ends.get(name)?.() };
};

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
/** What waits is let in a turn after others have ended. */
const soon = (): Promise<void> => turn().then(turn);

test("as much as there is room for is let in, the others in their order as others end", async () => {
  const log: string[] = [];
  const { ask, end } = asked(createDoor(10), log);
  const answers = [ask("a", 6), ask("b", 4), ask("c", 5), ask("d", 1)];
  await soon();
  expect(log).toEqual(["a", "b"]);
  end("b");
  await soon();
  // There would be room for d, which came behind c.
  expect(log).toEqual(["a", "b"]);
  end("a");
  await soon();
  expect(log).toEqual(["a", "b", "c", "d"]);
  for (const name of ["c", "d"]) end(name);
  expect(await Promise.all(answers)).toEqual(
    ["a", "b", "c", "d"].map((name) => `${name} answered`),
  );
});

test("what is larger than the room is let in alone", async () => {
  const log: string[] = [];
  const { ask, end } = asked(createDoor(10), log);
  const answers = [ask("small", 1), ask("large", 25), ask("next", 1)];
  await soon();
  expect(log).toEqual(["small"]);
  end("small");
  await soon();
  expect(log).toEqual(["small", "large"]);
  end("large");
  await soon();
  expect(log).toEqual(["small", "large", "next"]);
  end("next");
  await Promise.all(answers);
});

test("what fails makes room as well", async () => {
  const door = createDoor(1);
  const refusal = new Error("for the test");
  const failed = door(1, async () => {
    throw refusal;
  });
  const next = door(1, async () => "next");
  await expect(failed).rejects.toBe(refusal);
  expect(await next).toBe("next");
});

test("others have the thread between one that ends and the next", async () => {
  const door = createDoor(1);
  let ended = 0;
  const all = Array.from({ length: 100 }, () => door(1, async () => void ended++));
  await turn();
  expect(ended).toBeLessThan(10);
  await Promise.all(all);
  expect(ended).toBe(100);
});
