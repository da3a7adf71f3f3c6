/**
 * Makes what requests wait for that go on together: resolves once everything that has arrived by this turn of the
 * event loop has been read. From there they go step by step, each step for all of them, so that all but the first find
 * its code in the processor's caches; one request after the other, from its first step to its last, would find it
 * displaced (`docs/decisions/0028-requests-of-one-turn.md`).
 */
export const createTurns = (): (() => Promise<void>) => {
  let turn: Promise<void> | undefined;
  return () =>
    (turn ??= new Promise((resolve) => {
      setImmediate(() => {
        turn = undefined;
        resolve();
      });
    }));
};
