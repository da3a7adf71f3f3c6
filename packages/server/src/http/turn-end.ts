/**
 * Makes what requests wait for that go on together: resolves once everything that has arrived by this turn of the
 * event loop has been read. From there they go step by step, each step for all of them, so that all but the first find
 * its code in the processor's caches; one request after the other, from its first step to its last, would find it
 * displaced (`docs/decisions/0028-requests-of-one-turn.md`). Hence one promise for all: what an immediate sets off runs
 * before the next immediate does.
 */
export const createTurnEnd = (): (() => Promise<void>) => {
  let turnEnd: Promise<void> | undefined;
  return () =>
    (turnEnd ??= new Promise((resolve) => {
      setImmediate(() => {
        turnEnd = undefined;
        resolve();
      });
    }));
};
