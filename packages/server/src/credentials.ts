import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { type Credentials, newOrganizationId } from "./access/organizations.ts";
import { newKeyPair } from "./access/service-user-keys.ts";
import { type Config, ConfigError, settings } from "./config.ts";

const stored = z.object({ orgId: z.uuid(), accessKey: z.string(), apiSecret: z.string() });

export const credentialsPath = ({ dataDir }: Config): string => join(dataDir, "credentials.json");

/**
 * The first organization and its key: as configured, else as an earlier start wrote them down, else new ones.
 * What was generated is written to credentials.json, readable by its owner only; what was given is not.
 */
export const firstCredentials = async (config: Config): Promise<Credentials> => {
  const path = credentialsPath(config);
  const text = await readFile(path, "utf8").catch(() => undefined);
  const known = text === undefined ? undefined : stored.parse(JSON.parse(text));
  const orgId = config.orgId ?? known?.orgId ?? newOrganizationId();
  if (config.accessKey !== undefined && config.apiSecret !== undefined) {
    return { orgId, accessKey: config.accessKey, apiSecret: config.apiSecret };
  }
  if (known?.orgId === orgId) return known;
  if (known !== undefined) {
    const { accessKey, apiSecret } = settings;
    throw new ConfigError(
      `${path} is of organization ${known.orgId}: ${accessKey.name} and ${apiSecret.name} must be those of ${orgId}`,
    );
  }
  const credentials = { orgId, ...newKeyPair() };
  await writeFile(path, `${JSON.stringify(credentials, undefined, 2)}\n`, { mode: 0o600 });
  return credentials;
};
