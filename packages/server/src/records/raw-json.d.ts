/** Native since Node 22; the compiler's library does not know it yet. */
interface JSON {
  /** A value that `stringify` writes as the given text of a number. */
  rawJSON(text: string): unknown;
}
