import type { StoredUids } from "../../ports/usage-log.ts";
import { decodeBatch } from "../journal/batch-codec.ts";
import type { Journal } from "../journal/journal.ts";
import { type Link, noHash } from "../journal/segment.ts";
import { integer, rowsOf, text } from "./cells.ts";
import type { UsageDatabase } from "./database.ts";

/** The batch before the first one that was received at or after the instant, among those that the file has. */
const linkBefore = async ({ writer }: UsageDatabase, receivedAtMs: number): Promise<Link> => {
  const [row = [0, noHash]] = await rowsOf(
    writer,
    `SELECT sequence, hash FROM kept.batch WHERE sequence < coalesce(
       (SELECT min(sequence) FROM kept.batch
        WHERE received_at >= make_timestamp(${receivedAtMs * 1000})),
       (SELECT max(sequence) + 1 FROM kept.batch))
     ORDER BY sequence DESC LIMIT 1`,
  );
  return { sequence: integer(row[0]), hash: text(row[1]) };
};

/** Reads the uids from the journal, where they stand in the order of receipt; DuckDB's file only tells where to begin. */
export const readUids = async function* (
  database: UsageDatabase,
  journal: Journal,
  receivedAtMs: number,
): AsyncGenerator<StoredUids> {
  const link = await linkBefore(database, receivedAtMs);
  let segment: ArrayBuffer | undefined;
  for await (const { payload } of journal.recordsAfter(link)) {
    // The records of a segment lie in one buffer: not given back, each waits for a collection.
    if (payload.buffer !== segment) segment?.transfer(0);
    segment = payload.buffer;
    const batch = decodeBatch(payload);
    if (batch.receivedAtMs < receivedAtMs) continue;
    for (const { layout, uids } of batch.rows) {
      const { bytes, ends } = uids;
      const { orgId, backfillId } = layout;
      yield { orgId, backfillId, bytes, ends, receivedAtMs: batch.receivedAtMs };
    }
  }
};
