import { auditLedger } from "@turnpike/server/authorization/audit.ts";
import type { Config } from "@turnpike/server/config.ts";
import { withWorld } from "./world.ts";

/** A ledger that is broken once is broken in many places: the first say enough. */
const faultsMax = 20;

/**
 * Adds up the wallets, grants, holds, budgets and positions of every organization of the database from their postings
 * and authorizations; throws with what differs. All of an organization is in memory at once.
 */
export const verifyWallets = (config: Config): Promise<unknown> =>
  withWorld(config, async ({ database, ledger }) => {
    const organizations = await database.selectFrom("organization").select("id").execute();
    const faults: string[] = [];
    for (const { id } of organizations) {
      const found = await auditLedger(ledger.pool, id);
      faults.push(...found.map((sentence) => `organization ${id}: ${sentence}`));
    }
    if (faults.length === 0) return { result: "sound", organizations: organizations.length };
    const more = faults.length > faultsMax ? [`and ${faults.length - faultsMax} more`] : [];
    throw new Error(["The wallets are broken:", ...faults.slice(0, faultsMax), ...more].join("\n"));
  });
