/** Entries of buckets: views of the block in which they came. */

import { InvalidArgumentError } from "./errors";
import type { KvWatchEntry } from "./kv_types";
import type { ReviverFn } from "./types";

/** Numbers in front of the entries of a block, and in front of an entry's key; see src/entries.rs. */
const HEAD = 2;
const NUMBERS = 10;
/** What was done, by its number. */
const OPERATIONS = ["PUT", "DEL", "PURGE"] as const;
/** There is no entry. */
const NONE = 3;
const HIGH = 2 ** 32;

/** Entries, read one by one. */
export class Entries {
  /** Others can be had at once. */
  readonly more: boolean;
  /** Entries that were not read yet. */
  left: number;
  readonly bucket: string;
  readonly memory: ArrayBuffer;
  readonly bytes: Buffer;
  readonly words: Uint32Array;
  /** Where the next entry is, as a number of words. */
  #at = HEAD;

  constructor(block: Buffer, bucket: string) {
    const words = new Uint32Array(block.buffer, block.byteOffset, block.length >> 2);
    this.bucket = bucket;
    this.memory = block.buffer as ArrayBuffer;
    this.bytes = block;
    this.words = words;
    this.left = words[0] as number;
    this.more = words[1] === 1;
  }

  /** The next entry, which must be there. */
  next(): KvEntryImpl {
    const at = this.#at;
    const length = (this.words[at] as number) + (this.words[at + 1] as number);
    this.left--;
    this.#at = at + NUMBERS + ((length + 3) >> 2);
    return new KvEntryImpl(this, at);
  }
}

/** An entry. Everything is read when it is asked for. */
export class KvEntryImpl implements KvWatchEntry {
  isUpdate = false;
  readonly #block: Entries;
  readonly #at: number;
  #key: string | undefined;
  #value: Uint8Array | undefined;

  constructor(block: Entries, at: number) {
    this.#block = block;
    this.#at = at;
  }

  get bucket(): string {
    return this.#block.bucket;
  }

  get key(): string {
    if (this.#key === undefined) {
      const start = (this.#at + NUMBERS) * 4;
      this.#key = this.#block.bytes.toString("utf8", start, start + this.#word(0));
    }
    return this.#key;
  }

  get value(): Uint8Array {
    if (this.#value === undefined) {
      const { memory, bytes } = this.#block;
      const start = (this.#at + NUMBERS) * 4 + this.#word(0);
      this.#value = new Uint8Array(memory, bytes.byteOffset + start, this.#word(1));
    }
    return this.#value;
  }

  get operation(): "PUT" | "DEL" | "PURGE" {
    return OPERATIONS[this.#word(2)] as "PUT" | "DEL" | "PURGE";
  }

  get length(): number {
    return this.#word(3);
  }

  get revision(): number {
    return this.#word(5) * HIGH + this.#word(4);
  }

  get delta(): number {
    return this.#word(7) * HIGH + this.#word(6);
  }

  get createdNs(): bigint {
    return BigInt.asIntN(64, (BigInt(this.#word(9)) << 32n) | BigInt(this.#word(8)));
  }

  get created(): Date {
    return new Date(Number(this.createdNs / 1_000_000n));
  }

  string(): string {
    const { buffer, byteOffset, length } = this.value;
    return Buffer.from(buffer, byteOffset, length).toString();
  }

  json<T>(reviver?: ReviverFn): T {
    return JSON.parse(this.string(), reviver);
  }

  /** @internal There is none, as where a watch has told all that there was. */
  get isNone(): boolean {
    return this.#word(2) === NONE;
  }

  /** @internal The same under another name. */
  called(key: string): this {
    this.#key = key;
    return this;
  }

  /** @internal Key and value as the program's own codecs know them. */
  decode(key: (stored: string) => string, value: (stored: Uint8Array) => Uint8Array): this {
    try {
      this.#key = key(this.key);
      // A marker has no value, nor has an entry that has come without its own.
      this.#value = this.value.length === 0 ? this.value : value(this.value);
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new InvalidArgumentError(`the entry cannot be decoded: ${why}`, { cause });
    }
    return this;
  }

  #word(place: number): number {
    return this.#block.words[this.#at + place] as number;
  }
}

/** The entries of blocks; null where there is none. */
export function entries(blocks: Buffer[], bucket: string): (KvEntryImpl | null)[] {
  const all: (KvEntryImpl | null)[] = [];
  for (const block of blocks) {
    const some = new Entries(block, bucket);
    while (some.left > 0) {
      const entry = some.next();
      all.push(entry.isNone ? null : entry);
    }
  }
  return all;
}
