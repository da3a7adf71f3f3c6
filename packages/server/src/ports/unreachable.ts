/** What `pg` says, without a code, where no connection was made or came free in time. */
const noConnection =
  /^(timeout exceeded when trying to connect|Connection terminated due to connection timeout)/;

/**
 * Whether a database was not asked at all, as there was no connection to it: whoever asks next will not be answered either.
 * Nobody listens where PostgreSQL was; where that is a socket, it may be gone altogether.
 */
export const cannotConnect = (error: unknown): boolean =>
  error instanceof Error &&
  (noConnection.test(error.message) || ("syscall" in error && error.syscall === "connect"));
