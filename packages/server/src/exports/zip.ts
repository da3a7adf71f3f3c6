import { crc32, createDeflateRaw } from "node:zlib";

/** One file of an archive; its bytes are asked for when its turn comes. */
export interface ZipMember {
  readonly name: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** An archive or a file in it does not fit the format without its 64-bit extension. */
export class ArchiveTooLarge extends Error {
  override readonly name = "ArchiveTooLarge";
}

const sizeMax = 0xffff_ffff;
const version = 20;
/** Sizes and checksum follow the data, names are UTF-8: the archive is written as it comes. */
const flags = 0x0808;
const deflated = 8;
/** 1980-01-01, the first day that the format knows: when it was made is no part of what was exported. */
const date = 0x0021;

interface Entry {
  readonly name: Buffer;
  readonly offset: number;
  readonly crc: number;
  readonly packed: number;
  readonly size: number;
}

const fields = (...values: readonly (readonly [bytes: 2 | 4, value: number])[]): Buffer => {
  const buffer = Buffer.alloc(values.reduce((sum, [bytes]) => sum + bytes, 0));
  let at = 0;
  for (const [bytes, value] of values) at = buffer.writeUIntLE(value, at, bytes);
  return buffer;
};

const localHeader = (name: Buffer): Buffer =>
  Buffer.concat([
    fields(
      [4, 0x04034b50],
      [2, version],
      [2, flags],
      [2, deflated],
      [2, 0],
      [2, date],
      [4, 0],
      [4, 0],
      [4, 0],
      [2, name.length],
      [2, 0],
    ),
    name,
  ]);

const descriptor = ({ crc, packed, size }: Entry): Buffer =>
  fields([4, 0x08074b50], [4, crc], [4, packed], [4, size]);

const centralHeader = ({ name, offset, crc, packed, size }: Entry): Buffer =>
  Buffer.concat([
    fields(
      [4, 0x02014b50],
      [2, version],
      [2, version],
      [2, flags],
      [2, deflated],
      [2, 0],
      [2, date],
      [4, crc],
      [4, packed],
      [4, size],
      [2, name.length],
      [2, 0],
      [2, 0],
      [2, 0],
      [2, 0],
      [4, 0],
      [4, offset],
    ),
    name,
  ]);

const end = (entries: readonly Entry[], offset: number, size: number): Buffer =>
  fields(
    [4, 0x06054b50],
    [2, 0],
    [2, 0],
    [2, entries.length],
    [2, entries.length],
    [4, size],
    [4, offset],
    [2, 0],
  );

const checkSize = (size: number): void => {
  if (size > sizeMax) throw new ArchiveTooLarge("The export is larger than 4 GiB");
};

/** The deflated member; the entry is what was found on the way. */
async function* deflate(
  { pieces }: ZipMember,
  at: { name: Buffer; offset: number },
): AsyncGenerator<Uint8Array, Entry> {
  let [crc, size, packed] = [0, 0, 0];
  const packer = createDeflateRaw();
  const feed = async (): Promise<void> => {
    for await (const piece of pieces) {
      crc = crc32(piece, crc);
      size += piece.byteLength;
      if (!packer.write(piece)) await new Promise((resolve) => packer.once("drain", resolve));
    }
    packer.end();
  };
  feed().catch((error: unknown) => packer.destroy(error instanceof Error ? error : undefined));
  for await (const piece of packer) {
    if (!(piece instanceof Uint8Array)) throw new Error("a deflated stream is of bytes");
    packed += piece.byteLength;
    yield piece;
  }
  checkSize(Math.max(size, packed));
  return { ...at, crc, packed, size };
}

/** A ZIP archive (PKWARE APPNOTE 6.3.10) as a stream: members one after the other, of any size below 4 GiB. */
export async function* zip(members: Iterable<ZipMember>): AsyncGenerator<Uint8Array> {
  const entries: Entry[] = [];
  let offset = 0;
  for (const member of members) {
    const name = Buffer.from(member.name);
    const header = localHeader(name);
    yield header;
    const entry = yield* deflate(member, { name, offset });
    const trailer = descriptor(entry);
    yield trailer;
    entries.push(entry);
    offset += header.length + entry.packed + trailer.length;
    checkSize(offset);
  }
  const directory = Buffer.concat(entries.map(centralHeader));
  yield directory;
  yield end(entries, offset, directory.length);
}
