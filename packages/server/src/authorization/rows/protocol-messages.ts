/**
 * Messages of PostgreSQL's extended query protocol, each written once into memory of its size.
 * https://www.postgresql.org/docs/18/protocol-message-formats.html
 */

/** A Buffer is binary, a string a text. */
export type Parameter = Buffer | string | null;

const code = (letter: string): number => letter.charCodeAt(0);

class Message {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(size: number) {
    this.#bytes = Buffer.allocUnsafe(size);
  }

  /** A letter and the length of what follows it, which counts itself. */
  begin(letter: string, size: number): this {
    this.#bytes[this.#at] = code(letter);
    this.#at += 1;
    return this.long(size);
  }

  byte(value: number): this {
    this.#bytes[this.#at] = value;
    this.#at += 1;
    return this;
  }

  word(value: number): this {
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
    return this;
  }

  long(value: number): this {
    this.#at = this.#bytes.writeInt32BE(value, this.#at);
    return this;
  }

  /** Ends with a zero. */
  name(text: string): this {
    this.#at += this.#bytes.write(text, this.#at);
    return this.byte(0);
  }

  bytes(value: Buffer): this {
    this.#at += value.copy(this.#bytes, this.#at);
    return this;
  }

  get all(): Buffer {
    return this.#bytes;
  }
}

const nameSize = (text: string): number => Buffer.byteLength(text) + 1;

/** Prepares a statement. One of that name that an earlier packet may have prepared before it failed goes first. */
export const prepared = (name: string, text: string): Buffer => {
  const closeSize = 4 + 1 + nameSize(name);
  const parseSize = 4 + nameSize(name) + nameSize(text) + 2;
  return new Message(1 + closeSize + 1 + parseSize)
    .begin("C", closeSize)
    .byte(code("S"))
    .name(name)
    .begin("P", parseSize)
    .name(name)
    .name(text)
    .word(0).all;
};

const describeSize = 4 + 1 + 1;
const executeSize = 4 + 1 + 4;

/** Carries out a prepared statement, whose columns are told before its rows if they are asked for. */
export const executed = (
  name: string,
  parameters: readonly Parameter[],
  isDescribed: boolean,
): Buffer => {
  const values = parameters.map((one) => (typeof one === "string" ? Buffer.from(one) : one));
  let bindSize = 4 + 1 + nameSize(name) + 2 + values.length * 2 + 2 + 2 + 2;
  for (const value of values) bindSize += 4 + (value?.length ?? 0);
  const message = new Message(
    1 + bindSize + (isDescribed ? 1 + describeSize : 0) + 1 + executeSize,
  );
  message.begin("B", bindSize).name("").name(name).word(values.length);
  for (const one of parameters) message.word(Buffer.isBuffer(one) ? 1 : 0);
  message.word(values.length);
  for (const value of values) {
    if (value === null) message.long(-1);
    else message.long(value.length).bytes(value);
  }
  // All columns as texts.
  message.word(1).word(0);
  if (isDescribed) message.begin("D", describeSize).byte(code("P")).name("");
  return message.begin("E", executeSize).name("").long(0).all;
};

/** Ends a packet. */
export const sync: Buffer = new Message(5).begin("S", 4).all;
