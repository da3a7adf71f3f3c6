import { pino } from "pino";
import { auditLedger } from "@turnpike/server/authorization/audit.ts";
import type { Config } from "@turnpike/server/config.ts";
import { firstCredentials } from "@turnpike/server/credentials.ts";
import { buildWorld } from "@turnpike/server/world.ts";
import { checkCredentials } from "./api.ts";

/** A ledger that is broken once is broken in many places: the first say enough. */
const faultsMax = 20;

/**
 * Adds up the wallets, grants, holds, budgets and positions of every organization of the database from their postings
 * and authorizations; throws with what differs. All of an organization is in memory at once.
 */
export const verifyWallets = async (config: Config): Promise<unknown> => {
  checkCredentials(config, false);
  const credentials = await firstCredentials(config);
  const logger = pino({ level: "silent" });
  const { http, close } = await buildWorld({ config, credentials, logger, claim: "never" });
  try {
    const { database, ledger } = http.world;
    const organizations = await database.selectFrom("organization").select("id").execute();
    const faults: string[] = [];
    for (const { id } of organizations) {
      const found = await auditLedger(ledger.pool, id);
      faults.push(...found.map((sentence) => `organization ${id}: ${sentence}`));
    }
    if (faults.length === 0) return { result: "sound", organizations: organizations.length };
    const more = faults.length > faultsMax ? [`and ${faults.length - faultsMax} more`] : [];
    throw new Error(["The wallets are broken:", ...faults.slice(0, faultsMax), ...more].join("\n"));
  } finally {
    await close();
  }
};
