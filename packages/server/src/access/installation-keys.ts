import { randomBytes } from "node:crypto";
import type { Database } from "../ports/database.ts";
import type { Sealer } from "../resources/sealing.ts";

type KeyName = "token-key" | "link-key";

const purposeOf = (name: KeyName): string => `installation ${name}`;

/** A secret that the installation made once and every server on its database shares, sealed where it is stored. */
export const installationKey = async (
  database: Database,
  sealer: Sealer,
  name: KeyName,
): Promise<Buffer> => {
  const made = sealer.seal(randomBytes(32).toString("hex"), purposeOf(name));
  await database
    .insertInto("installation")
    .values({ name, key_id: made.keyId, sealed: made.bytes })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const { key_id: keyId, sealed: bytes } = await database
    .selectFrom("installation")
    .select(["key_id", "sealed"])
    .where("name", "=", name)
    .executeTakeFirstOrThrow();
  return Buffer.from(sealer.open({ keyId, bytes }, purposeOf(name)), "hex");
};
