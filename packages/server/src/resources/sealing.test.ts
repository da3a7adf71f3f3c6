import { randomBytes } from "node:crypto";
import { assert, integer, property, string } from "fast-check";
import { expect, test } from "vitest";
import { createSealer, keyBytes } from "./sealing.ts";

const newKey = () => randomBytes(keyBytes);

test("what is sealed is opened again, and does not show", () => {
  const sealer = createSealer([newKey()]);
  assert(
    property(string({ unit: "binary", minLength: 8 }), string(), (text, purpose) => {
      const sealed = sealer.seal(text, purpose);
      expect(sealer.open(sealed, purpose)).toBe(Buffer.from(text).toString());
      expect(sealed.bytes.includes(Buffer.from(text))).toBe(false);
    }),
  );
});

test("the same text is never sealed the same way twice", () => {
  const sealer = createSealer([newKey()]);
  expect(sealer.seal("a", "p").bytes).not.toEqual(sealer.seal("a", "p").bytes);
});

test("a changed byte, another purpose and another key do not open", () => {
  const key = newKey();
  const sealer = createSealer([key]);
  const sealed = sealer.seal("a secret", "p");
  assert(
    property(
      integer({ min: 0, max: sealed.bytes.length - 1 }),
      integer({ min: 1, max: 255 }),
      (at, by) => {
        const bytes = Buffer.from(sealed.bytes);
        bytes[at] = (bytes[at] ?? 0) ^ by;
        expect(() => sealer.open({ ...sealed, bytes }, "p")).toThrow();
      },
    ),
  );
  expect(() => sealer.open(sealed, "q")).toThrow();
  expect(() => createSealer([newKey()]).open(sealed, "p")).toThrow("no secret key");
});

test("an older key still opens, the first one seals", () => {
  const [older, newer] = [newKey(), newKey()];
  const old = createSealer([older]).seal("a", "p");
  const both = createSealer([newer, older]);
  expect(both.open(old, "p")).toBe("a");
  expect(createSealer([newer]).open(both.seal("b", "p"), "p")).toBe("b");
});
