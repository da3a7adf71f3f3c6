/** The database is not what the server can work with; the process ends with its message. */
export class UnfitDatabase extends Error {
  override readonly name = "UnfitDatabase";
}
