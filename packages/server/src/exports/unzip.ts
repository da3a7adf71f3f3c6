import { inflateRawSync } from "node:zlib";

/** What is in an archive that `zip` wrote, by name; for tests of what clients download. */
export const unzip = (archive: Buffer): Record<string, string> => {
  const end = archive.length - 22;
  const members: Record<string, string> = {};
  let at = archive.readUInt32LE(end + 16);
  for (let left = archive.readUInt16LE(end + 10); left > 0; left -= 1) {
    const packed = archive.readUInt32LE(at + 20);
    const nameLength = archive.readUInt16LE(at + 28);
    const offset = archive.readUInt32LE(at + 42);
    const name = archive.toString("utf8", at + 46, at + 46 + nameLength);
    const start = offset + 30 + archive.readUInt16LE(offset + 26);
    members[name] = inflateRawSync(archive.subarray(start, start + packed)).toString();
    at += 46 + nameLength;
  }
  return members;
};
