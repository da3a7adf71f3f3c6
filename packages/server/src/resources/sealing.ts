import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";

const algorithm = "aes-256-gcm";
export const keyBytes = 32;
const nonceBytes = 12;
const tagBytes = 16;

/** A text that only its key opens, and only for what it was sealed for. */
export interface Sealed {
  readonly keyId: string;
  /** Nonce, tag and text, one after the other. */
  readonly bytes: Buffer;
}

export interface Sealer {
  /** `purpose` is no secret: the seal holds only together with it. */
  readonly seal: (text: string, purpose: string) => Sealed;
  /** Throws when the key is unknown, the bytes were changed or the purpose is another one. */
  readonly open: (sealed: Sealed, purpose: string) => string;
  /** The keys that it can open with. */
  readonly keyIds: readonly string[];
}

/** Says which key it is without saying anything about it. */
const idOf = (key: Buffer): string =>
  createHash("sha256").update("turnpike secret key\n").update(key).digest("hex").slice(0, 16);

/** The first key seals; all of them open what they sealed (AES-256-GCM, NIST SP 800-38D, with random 96-bit nonces). */
export const createSealer = (keys: readonly [Buffer, ...Buffer[]]): Sealer => {
  const byId = new Map(keys.map((key) => [idOf(key), key]));
  const [first] = keys;
  return {
    keyIds: [...byId.keys()],
    seal: (text, purpose) => {
      const nonce = randomBytes(nonceBytes);
      const cipher = createCipheriv(algorithm, first, nonce).setAAD(Buffer.from(purpose));
      const packed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
      return { keyId: idOf(first), bytes: Buffer.concat([nonce, cipher.getAuthTag(), packed]) };
    },
    open: ({ keyId, bytes }, purpose) => {
      const key = byId.get(keyId);
      if (key === undefined) throw new Error(`there is no secret key ${keyId}`);
      const textStart = nonceBytes + tagBytes;
      const opener = createDecipheriv(algorithm, key, bytes.subarray(0, nonceBytes), {
        authTagLength: tagBytes,
      })
        .setAAD(Buffer.from(purpose))
        .setAuthTag(bytes.subarray(nonceBytes, textStart));
      return opener.update(bytes.subarray(textStart), undefined, "utf8") + opener.final("utf8");
    },
  };
};
