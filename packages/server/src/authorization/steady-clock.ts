/** Milliseconds of a clock that nobody sets: for how long something is remembered or left alone, whatever time it is. */
export const steadyMs = (): number => performance.now();
