import { jwtVerify, SignJWT } from "jose";
import { z } from "zod";
import { Problem } from "@turnpike/contract/problem.ts";

/** What a link is for: one that opens a download does not upload. */
export type FilePurpose = "failed-ingest" | "measurements-upload" | "measurements-original";

export interface FileKey {
  readonly orgId: string;
  readonly id: string;
}

/** Tokens for the URLs of files, which are opened without other credentials until they expire. */
export interface FileLinks {
  readonly sign: (purpose: FilePurpose, key: FileKey, seconds: number) => Promise<string>;
  /** NOT_FOUND when the token is not ours, is for something else, or has expired. */
  readonly open: (purpose: FilePurpose, token: string) => Promise<FileKey>;
}

const algorithm = "HS256";
const issuer = "turnpike-files";
const claims = z.object({ sub: z.string(), orgId: z.string() });

export const createFileLinks = (key: Uint8Array, now: () => number): FileLinks => ({
  sign: (purpose, { orgId, id }, seconds) =>
    new SignJWT({ orgId })
      .setProtectedHeader({ alg: algorithm })
      .setSubject(id)
      .setIssuer(issuer)
      .setAudience(purpose)
      .setExpirationTime(Math.ceil(now() / 1000) + seconds)
      .sign(key),
  open: async (purpose, token) => {
    try {
      const { payload } = await jwtVerify(token, key, {
        algorithms: [algorithm],
        issuer,
        audience: purpose,
        currentDate: new Date(now()),
        requiredClaims: ["sub", "exp", "orgId"],
      });
      const { sub: id, orgId } = claims.parse(payload);
      return { orgId, id };
    } catch (cause) {
      // Every way in which a link can be wrong is the same answer to whoever has it.
      throw new Problem("NOT_FOUND", [], { cause });
    }
  },
});
