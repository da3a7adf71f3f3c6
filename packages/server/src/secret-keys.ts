import { randomBytes } from "node:crypto";
import { link, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Config, ConfigError } from "./config.ts";
import { keyBytes } from "./resources/sealing.ts";

const encoded = /^[0-9a-f]{64}$/i;

/** Keys as 64 hexadecimal digits each; ConfigError names where one is none. */
const parseKeys = (texts: readonly string[], from: string): [Buffer, ...Buffer[]] => {
  const keys = texts.map((text) => {
    if (encoded.test(text)) return Buffer.from(text, "hex");
    throw new ConfigError(`${from} must hold keys of ${keyBytes * 2} hexadecimal digits`);
  });
  const [first, ...others] = keys;
  if (first === undefined) throw new ConfigError(`${from} holds no key`);
  return [first, ...others];
};

const words = (text: string): string[] => text.split(/[\s,]+/).filter((word) => word !== "");

/** The file appears whole or not at all, and a file that is there stays: another start may have been faster. */
const writeOnce = async (path: string, text: string): Promise<void> => {
  const draft = `${path}.${process.pid}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  try {
    await link(draft, path);
  } catch (error) {
    const isThere = error instanceof Error && "code" in error && error.code === "EEXIST";
    if (!isThere) throw error;
  } finally {
    await rm(draft, { force: true });
  }
};

/**
 * The keys that seal what nobody reads back: as configured, else as an earlier start wrote them to `secret.key` in the
 * data directory, else a new one, readable by its owner only.
 */
export const secretKeys = async ({
  dataDir,
  secretKeys: given,
}: Pick<Config, "dataDir" | "secretKeys">): Promise<[Buffer, ...Buffer[]]> => {
  if (given !== undefined) return parseKeys(words(given), "TURNPIKE_SECRET_KEYS");
  const path = join(dataDir, "secret.key");
  const known = await readFile(path, "utf8").catch(() => undefined);
  if (known === undefined) await writeOnce(path, `${randomBytes(keyBytes).toString("hex")}\n`);
  return parseKeys(words(known ?? (await readFile(path, "utf8"))), path);
};
