import { join } from "node:path";
import { expect, test } from "vitest";
import { ownConnection } from "./own-connection.suite.ts";
import { printSchema } from "./printed-schema.ts";

const connection = ownConnection();

const header = `-- What the migrations make of an empty database, printed by \`npm run schema\` to be read in one place; the migrations say why.
-- A start adds an index for each field that a resource's declaration filters by (\`resources/indexes.ts\`).
`;

test("the migrations make the schema of schema.sql, in which a reader sees it whole", async () => {
  const printed = `${header}\n${await printSchema(connection().pool)}\n`;
  await expect(printed).toMatchFileSnapshot(join(import.meta.dirname, "schema.sql"));
});
