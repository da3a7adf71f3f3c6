import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { settings } from "@turnpike/server/config.ts";

const page = join(import.meta.dirname, "../docs/configuration.md");

const printed = [
  "# Configuration",
  "",
  "Settings are environment variables; `packages/server/src/config.ts` is the only reader of them.",
  "",
  "| variable | default | what it is |",
  "|---|---|---|",
  ...Object.values(settings).map(
    ({ name, fallback, reason }) =>
      `| \`${name}\` | ${fallback === undefined ? "" : `\`${fallback}\``} | ${reason} |`,
  ),
  "",
].join("\n");

test("docs/configuration.md lists every setting", async () => {
  await expect(printed).toMatchFileSnapshot(page);
  expect(readFileSync(page, "utf8")).toBe(printed);
});
