import { randomBytes } from "node:crypto";
import type { Database } from "../ports/database.ts";

/** A secret that the installation made once and every server on its database shares. */
export const installationKey = async (
  database: Database,
  name: "token-key" | "link-key",
): Promise<Buffer> => {
  await database
    .insertInto("installation")
    .values({ name, value: randomBytes(32).toString("hex") })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { value } = await database
    .selectFrom("installation")
    .select("value")
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
  return Buffer.from(value, "hex");
};
