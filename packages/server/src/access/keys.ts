import { createHash, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import type { Database } from "../ports/database.ts";

/** Whom a request acts for. */
export interface Principal {
  readonly orgId: string;
  readonly serviceUserId: string;
  /** The key that opened the door: without it, the token that was issued to it is worth nothing. */
  readonly accessKey: string;
}

export interface Keys {
  /** The owner of a key pair, or undefined when either half is wrong. */
  readonly verify: (accessKey: string, secret: string) => Promise<Principal | undefined>;
  /** Whatever was verified is verified again: call after a key is removed. */
  readonly forget: () => void;
}

const derive = promisify<string, Buffer, number, Buffer>(scrypt);
const keyBytes = 32;

/** `salt:scrypt(secret)`, both in hex. */
export const hashSecret = async (secret: string): Promise<string> => {
  const salt = randomBytes(16);
  return `${salt.toString("hex")}:${(await derive(secret, salt, keyBytes)).toString("hex")}`;
};

const matches = async (secret: string, hash: string): Promise<boolean> => {
  const [salt = "", expected = ""] = hash.split(":");
  const actual = await derive(secret, Buffer.from(salt, "hex"), keyBytes);
  return timingSafeEqual(actual, Buffer.from(expected, "hex"));
};

/** How long a verified secret is believed without asking the database, so a removed key ends within it. */
const believedMs = 2_000;
const believedMax = 10_000;

interface Believed {
  readonly principal: Promise<Principal | undefined>;
  readonly until: number;
}

/**
 * One SDK asks for a token before every call (m3ter semantics 1.2), and scrypt is slow on purpose: a secret that
 * was verified is remembered by its SHA-256. For a moment it is believed; after that the key is read again, and scrypt
 * runs again only if the stored hash is another. Requests that show a secret at once wait for one answer.
 */
export const createKeys = (database: Database, steadyMs: () => number): Keys => {
  const believed = new Map<string, Believed>();
  /** Proof → the stored hash that its secret matched. */
  const matched = new Map<string, string>();

  const isOwner = async (proof: string, secret: string, hash: string): Promise<boolean> => {
    if (matched.get(proof) === hash) return true;
    if (!(await matches(secret, hash))) return false;
    if (matched.size >= believedMax) matched.clear();
    matched.set(proof, hash);
    return true;
  };

  const verify = async (
    proof: string,
    accessKey: string,
    secret: string,
  ): Promise<Principal | undefined> => {
    const key = await database
      .selectFrom("access_key")
      .select(["secret_hash", "service_user_id", "org_id"])
      .where("access_key", "=", accessKey)
      .executeTakeFirst();
    if (key === undefined || !(await isOwner(proof, secret, key.secret_hash))) return undefined;
    return { orgId: key.org_id, serviceUserId: key.service_user_id, accessKey };
  };

  return {
    verify: async (accessKey, secret) => {
      // PostgreSQL cannot be asked about a text with a NUL, so no key has one.
      if (accessKey.includes("\0")) return undefined;
      const proof = createHash("sha256").update(`${accessKey}\0${secret}`).digest("base64");
      const known = believed.get(proof);
      if (known !== undefined && known.until > steadyMs()) return known.principal;
      if (believed.size >= believedMax) believed.clear();
      const principal = verify(proof, accessKey, secret);
      const one = { principal, until: steadyMs() + believedMs };
      believed.set(proof, one);
      const disbelieve = (): void => {
        if (believed.get(proof) === one) believed.delete(proof);
      };
      principal.then((found) => found ?? disbelieve(), disbelieve);
      return principal;
    },
    // Not those of one organization only: whose an answer on its way will be is not known yet.
    forget: () => {
      believed.clear();
    },
  };
};
