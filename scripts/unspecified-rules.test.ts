import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";

const root = new URL("..", import.meta.url);
const folders = { engine: "packages/engine/src", billing: "packages/server/src/billing" };

const quoted = (cell: string): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text ?? "");

const read = (path: string): Promise<string> => {
  const [folder = "", ...rest] = path.split("/");
  const base = Object.entries(folders).find(([name]) => name === folder)?.[1];
  const whole = base === undefined ? `packages/${path}` : [base, ...rest].join("/");
  return readFile(new URL(whole, root), "utf8");
};

test("every rule that docs/unspecified-rules.md names stands in the file that it names", async () => {
  const table = await readFile(new URL("docs/unspecified-rules.md", root), "utf8");
  const rows = table.split("\n").filter((line) => /^\| +[0-9]/.test(line));
  expect(rows.length).toBeGreaterThan(20);
  for (const row of rows) {
    const [, , , names = "", files = ""] = row.split("|");
    const text = (await Promise.all(quoted(files).map(read))).join("\n");
    const missing = quoted(names).filter(
      (name) => !text.includes(`const ${name} `) && !text.includes(`const ${name}:`),
    );
    expect(missing, row).toEqual([]);
  }
});
