interface Waiting {
  readonly bytes: number;
  readonly enter: () => void;
}

/** Carries out work on so many bytes of a body, as soon as there is room. */
export type Door = <Answer>(bytes: number, work: () => Promise<Answer>) => Promise<Answer>;

/**
 * Lets in what has no more than so many bytes together, and what has more than that alone. What waits, in the order of its
 * coming, waits as the bytes it came as: a batch takes twenty times as much memory once it has been read
 * (`docs/decisions/0041-large-bodies-take-turns.md`). Others have the thread between one that ends and the next: many that are
 * refused at once would follow each other without it.
 */
export const createDoor = (bytesMax: number): Door => {
  const waiting: Waiting[] = [];
  let inside = 0;
  const letIn = (): void => {
    for (;;) {
      const [next] = waiting;
      if (next === undefined || (inside > 0 && inside + next.bytes > bytesMax)) return;
      waiting.shift();
      inside += next.bytes;
      next.enter();
    }
  };
  return async (bytes, work) => {
    await new Promise<void>((enter) => {
      waiting.push({ bytes, enter });
      letIn();
    });
    try {
      return await work();
    } finally {
      inside -= bytes;
      setImmediate(letIn);
    }
  };
};

/**
 * For bodies of many measurements that are read on the thread of HTTP: who asks before a call waits for nobody who tells of it
 * afterwards.
 */
export interface Doors {
  readonly deciding: Door;
  readonly charging: Door;
}

/** A few batches of a hundred authorizations: as many as are decided at once, and the next ones. */
const largeBytesMax = 128 * 1024;

export const createDoors = (): Doors => ({
  deciding: createDoor(largeBytesMax),
  charging: createDoor(largeBytesMax),
});
