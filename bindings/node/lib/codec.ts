/** Codecs of the program's own, around those of the core. */

import { callable, payload as checkPayload, string, wrongType } from "./check";
import type { KvEntryImpl } from "./entry";
import { InvalidArgumentError } from "./errors";
import type { KvCodecs, KvKeyCodec, KvPayloadCodec } from "./kv_types";
import type { Payload } from "./types";

/**
 * Words of keys in the base64 of `@nats-io/kv`, whose alphabet is not that of URLs: some words have no
 * valid key in it. `keyCodecs: "base64"` is that of ADR-54, in which every word has one.
 */
export function Base64KeyCodec(): Required<KvKeyCodec> {
  return { encode: (key) => words(key, btoa), decode: (stored) => words(stored, atob) };
}

/** Keys and values as they are. */
export function NoopKvCodecs(): Required<KvCodecs> {
  return {
    key: { encode: (word) => word, decode: (stored) => stored },
    value: {
      encode: (value) => (typeof value === "string" ? Buffer.from(value) : value),
      decode: (stored) => stored,
    },
  };
}

/** The codecs of a bucket's handle. */
export class Codecs {
  readonly #key: KvKeyCodec | undefined;
  readonly #value: KvPayloadCodec | undefined;

  constructor(codecs: KvCodecs = {}) {
    if (typeof codecs !== "object" || codecs === null) {
      throw wrongType("codec", "an object", codecs);
    }
    for (const [name, codec] of Object.entries({ key: codecs.key, value: codecs.value })) {
      if (codec !== undefined) {
        callable(`codec.${name}.encode`, codec.encode ?? null);
        callable(`codec.${name}.decode`, codec.decode ?? null);
      }
    }
    this.#key = codecs.key;
    this.#value = codecs.value;
  }

  /** A key, or a filter, as it is handed to the core. */
  key(key: string): string {
    string("key", key);
    const codec = this.#key;
    return codec === undefined ? key : encoded("key", () => words(key, codec.encode.bind(codec)));
  }

  /** Filters as they are handed to the core. */
  filters(filter: string | string[] | undefined): string[] {
    const list: unknown = typeof filter === "string" ? [filter] : filter ?? [];
    if (!Array.isArray(list)) {
      throw wrongType("key", "a string or an array of strings", filter);
    }
    return list.map((one) => this.key(one as string));
  }

  /** A value as it is handed to the core. */
  value(value: Payload): Payload {
    checkPayload(value);
    const codec = this.#value;
    if (codec === undefined) {
      return value;
    }
    const made = encoded("payload", () => codec.encode(value));
    checkPayload(made);
    return made;
  }

  /** An entry as the program knows it. Throws InvalidArgumentError for one that was stored otherwise. */
  entry(entry: KvEntryImpl): KvEntryImpl {
    const { encodes } = this;
    return encodes ? entry.decode((key) => this.plain(key), (value) => this.#plainValue(value)) : entry;
  }

  /** The same; nothing for one that was stored otherwise. */
  readable(entry: KvEntryImpl): KvEntryImpl | undefined {
    try {
      return this.entry(entry);
    } catch {
      return undefined;
    }
  }

  /** The key of one that the core has told. Throws what the codec throws. */
  plain(stored: string): string {
    const codec = this.#key;
    return codec === undefined ? stored : words(stored, codec.decode.bind(codec));
  }

  /** Whether there are any. */
  get encodes(): boolean {
    return this.#key !== undefined || this.#value !== undefined;
  }

  #plainValue(stored: Uint8Array): Uint8Array {
    return this.#value === undefined ? stored : this.#value.decode(stored);
  }
}

/** Makes a key of its words; wildcards stay. */
function words(key: string, make: (word: string) => string): string {
  return key.split(".").map((word) => (word === "*" || word === ">" ? word : make(word))).join(".");
}

function encoded<T>(name: string, encode: () => T): T {
  try {
    return encode();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(`${name}: it cannot be encoded: ${why}`, { cause });
  }
}
