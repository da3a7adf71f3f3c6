import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import type { Principal } from "./keys.ts";

export interface Tokens {
  readonly issue: (principal: Principal) => Promise<string>;
  /** The bearer, or undefined when the token is not ours or has expired. */
  readonly verify: (token: string) => Promise<Principal | undefined>;
}

/** Five hours (m3ter semantics 1.1). */
export const tokenSeconds = 18_000;
const algorithm = "HS256";
const issuer = "turnpike";
/** The Go SDK refreshes exactly at expiry, so a request may arrive a little late (1.2). */
const clockToleranceSeconds = 30;
const rememberedMax = 10_000;

const claims = z.object({ sub: z.string(), orgId: z.string(), accessKey: z.string() });

/** Signed with the installation's key, so that every server on its database knows them. */
export const createTokens = (key: Buffer, now: () => number): Tokens => {
  const remembered = new Map<string, { principal: Principal; until: number }>();

  return {
    issue: ({ orgId, serviceUserId, accessKey }) => {
      const seconds = Math.floor(now() / 1000);
      return new SignJWT({ orgId, accessKey })
        .setProtectedHeader({
          alg: algorithm,
          typ: "JWT",
          pt: "service",
          kid: `serviceUser_${orgId}`,
        })
        .setSubject(serviceUserId)
        .setIssuer(issuer)
        .setIssuedAt(seconds)
        .setExpirationTime(seconds + tokenSeconds)
        .sign(key);
    },
    verify: async (token) => {
      const known = remembered.get(token);
      if (known !== undefined && known.until > now()) return known.principal;
      remembered.delete(token);
      const read = await readToken(token, key, now());
      if (read === undefined) return undefined;
      if (remembered.size >= rememberedMax) remembered.clear();
      remembered.set(token, read);
      return read.principal;
    },
  };
};

const readToken = async (
  token: string,
  key: Buffer,
  nowMs: number,
): Promise<{ principal: Principal; until: number } | undefined> => {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: [algorithm],
      issuer,
      clockTolerance: clockToleranceSeconds,
      currentDate: new Date(nowMs),
      requiredClaims: ["sub", "exp", "orgId", "accessKey"],
    });
    const { exp = 0 } = payload;
    const { sub: serviceUserId, orgId, accessKey } = claims.parse(payload);
    const until = (exp + clockToleranceSeconds) * 1000;
    return { principal: { orgId, serviceUserId, accessKey }, until };
  } catch {
    // Every way in which a token can be wrong is the same answer to the client.
    return undefined;
  }
};
