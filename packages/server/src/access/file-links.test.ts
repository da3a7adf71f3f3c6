import { expect, test } from "vitest";
import { createFileLinks } from "./file-links.ts";

const key = { orgId: "3f1f0d5e-1111-4222-8333-444455556666", id: "one" };
const clock = { ms: 1_700_000_000_000 };
const links = createFileLinks(Buffer.alloc(32, 7), () => clock.ms);
const refusal = expect.objectContaining({ code: "NOT_FOUND" });

test("a link opens what it was made for until it expires", async () => {
  const token = await links.sign("failed-ingest", key, 300);
  expect(await links.open("failed-ingest", token)).toEqual(key);
  clock.ms += 299_000;
  expect(await links.open("failed-ingest", token)).toEqual(key);
  clock.ms += 1_000;
  await expect(links.open("failed-ingest", token)).rejects.toEqual(refusal);
});

test("a link opens nothing else, and no other key's link opens", async () => {
  const token = await links.sign("measurements-original", key, 300);
  await expect(links.open("measurements-upload", token)).rejects.toEqual(refusal);
  await expect(links.open("measurements-original", `${token}x`)).rejects.toEqual(refusal);
  const others = createFileLinks(Buffer.alloc(32, 8), () => clock.ms);
  await expect(others.open("measurements-original", token)).rejects.toEqual(refusal);
});
