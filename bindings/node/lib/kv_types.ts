/** Types of buckets of keys with values, in the shape of `@nats-io/kv`. */

import type {
  Placement,
  StreamConfig,
  StreamInfo,
  StreamSource,
} from "./documents";
import type * as gen from "./options_gen";
import type { Payload, ReviverFn } from "./types";

/** What a bucket has under a key, or had. */
export interface KvEntry {
  readonly bucket: string;
  readonly key: string;
  /** The value; of a deleted key it is empty. */
  readonly value: Uint8Array;
  /** When the server stored it, to the millisecond. */
  readonly created: Date;
  /** The same in nanoseconds since 1970. */
  readonly createdNs: bigint;
  /** It grows with whatever is done to any key of the bucket. */
  readonly revision: number;
  /** How many entries of what was asked for are still to come; 0: it is the last one. */
  readonly delta: number;
  /** What was done: `PURGE` also when the key has come to the end of its time. */
  readonly operation: "PUT" | "DEL" | "PURGE";
  /** How many bytes the value has in the bucket, also where it has come without it. */
  readonly length: number;
  /** The value as JSON. Throws SyntaxError. */
  json<T>(reviver?: ReviverFn): T;
  /** The value as text. */
  string(): string;
}

/** What a watch tells. */
export interface KvWatchEntry extends KvEntry {
  /** It was done after the watch had begun; otherwise it is what there was. */
  readonly isUpdate: boolean;
}

/** The form in which the words of keys are stored; a key has dots between its words. */
export interface KvKeyCodec {
  /** A word as it is stored. Wildcards of filters are not among them. */
  encode(word: string): string;
  /** The word of one that is stored. Throws for one that the codec has not made. */
  decode(stored: string): string;
}

/** The form in which values are stored. */
export interface KvPayloadCodec {
  encode(value: Payload): Uint8Array;
  /** The value of one that is stored. Throws for one that the codec has not made. */
  decode(stored: Uint8Array): Uint8Array;
}

/** Codecs of the program's own. */
export interface KvCodecs {
  key?: KvKeyCodec;
  value?: KvPayloadCodec;
}

/** What a bucket is like. */
export interface KvLimits {
  /** What it is for. */
  description?: string;
  /** How many servers keep it. */
  replicas?: number;
  /** How many values a key has, the newest included: 1 to 64. Default: 1. */
  history?: number;
  /** The most bytes of the whole. Default: no limit. */
  max_bytes?: number;
  /** The most bytes of a value. Default: no limit but the server's. */
  maxValueSize?: number;
  /** How long a value is kept, in milliseconds. Default: for ever. */
  ttl?: number;
  /**
   * How long the marker stays that tells of a key whose value has come to the end of its time, in
   * milliseconds that are whole seconds (ADR-48, server 2.11); keys have times of their own then.
   */
  markerTTL?: number;
  storage?: "file" | "memory";
  /** Which servers keep it. */
  placement?: Placement;
  /** Where its values are published to, too. */
  republish?: NonNullable<StreamConfig["republish"]>;
  /** The bucket that it is a copy of; what is put into it goes there. */
  mirror?: StreamSource;
  /** Buckets whose keys it has, too. */
  sources?: StreamSource[];
  /** It has what its sources have, and nobody puts anything into it (ADR-57). */
  aggregate?: boolean;
  /** Compressed on disk. */
  compression?: boolean;
  /** What the program wants to have noted. */
  metadata?: Record<string, string>;
}

/** Options of a bucket, and of the handle of one. */
export interface KvOptions extends KvLimits, gen.BucketOptions {
  /** Codecs of the program's own. Those of `keyCodecs` and `valueCodecs` encode behind them. */
  codec?: KvCodecs;
  /** The bucket is not made. */
  bindOnly?: boolean;
  /** As it is anyhow where the bucket allows it: whichever server has a value may be asked for it. */
  allow_direct?: true;
}

/** A bucket as it is. */
export interface KvStatus extends Required<Omit<KvLimits, "mirror" | "placement" | "republish">> {
  bucket: string;
  /** How many values it has, older ones and markers included. */
  values: number;
  /** How many bytes. */
  size: number;
  placement?: Placement;
  republish?: NonNullable<StreamConfig["republish"]>;
  mirror?: StreamSource;
  /** The same as `storage`. */
  backingStore: "file" | "memory";
  /** The same as `max_bytes`. */
  maxBucketSize: number;
  /** The stream that keeps it. */
  streamInfo: StreamInfo;
}

/** What a watch begins with. */
export const KvWatchInclude = {
  /** What was done to each key last. */
  LastValue: "",
  /** All that the bucket has of them. */
  AllHistory: "history",
  /** What comes from now on. */
  UpdatesOnly: "updates",
} as const;
export type KvWatchInclude = (typeof KvWatchInclude)[keyof typeof KvWatchInclude];

/** Options of a watch. */
export interface KvWatchOptions {
  /** The keys, of which words may be wildcards. Default: all. */
  key?: string | string[];
  /** Without values, but with their `length`. Default: false. */
  headers_only?: boolean;
  /** Leave out that keys were deleted, or have come to the end of their time. Default: false. */
  ignoreDeletes?: boolean;
  /** What it begins with. */
  include?: KvWatchInclude;
  /** Begin with this revision. */
  resumeFromRevision?: number;
  /** How often the server says that it is there, in milliseconds. Default: 5000. */
  heartbeat?: number;
}

/** Options of a put. */
export interface KvPutOptions {
  /** The revision that the key is to have; 0: there is to be none. */
  previousSeq?: number;
  /** How long an answer may take, in milliseconds. Default: that of the JetStream. */
  timeout?: number;
  /**
   * How long the key is kept, in whole seconds: in milliseconds, or as in `"90s"` and `"1h30m"`
   * (ADR-48, server 2.11). The bucket must have a `markerTTL`.
   */
  ttl?: number | string;
}

/** Options of a deletion. */
export interface KvDeleteOptions {
  /** The revision that the key is to have. */
  previousSeq?: number;
}

/** Options of a purge. */
export interface KvPurgeOptions extends KvDeleteOptions {
  /** How long the marker stays, as in {@link KvPutOptions}. */
  ttl?: number | string;
}

/** What comes one by one. Read by one loop at a time; leaving the loop ends it. */
export interface QueuedIterator<T> extends AsyncIterable<T> {
  [Symbol.asyncIterator](): AsyncIterableIterator<T>;
  /** Ends it: loops end, and what waits is dropped. */
  stop(): void;
  /** How many were handed over. */
  getProcessed(): number;
  /** How many wait. */
  getPending(): number;
  /** How many have come. */
  getReceived(): number;
}

/**
 * What is done to keys, each once and in order. Whatever happens to consumers, servers and the
 * connection, it goes on behind the last entry; `status()` of the connection tells of that with the type
 * "consumer". Loops throw why it has ended if it was not stopped: BucketNotFoundError when the bucket was
 * deleted.
 */
export interface KvWatcher<T> extends QueuedIterator<T> {
  /**
   * Resolves to true when all that there was has been handed over, and more was asked for: at once
   * where there was nothing. To false when the watch has ended before that.
   */
  readonly caughtUp: Promise<boolean>;
  /** Resolves when it has ended: with the error that was the reason. */
  readonly closed: Promise<void | Error>;
  /** Stops it. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** What gives a key another value. */
export type KvMaker = (
  entry: KvEntry | null,
) => Payload | null | undefined | Promise<Payload | null | undefined>;

/** A bucket for reading alone. */
export interface RoKV {
  /** Its name. */
  readonly bucket: string;
  /**
   * What was done to a key last, be it that it was deleted, which its `operation` tells; null: nothing
   * is known of it. With a revision: the value that the key had at it; null: that was none of its own.
   *
   * Rejects with InvalidNameError, BucketNotFoundError, TimeoutError, PermissionViolationError,
   * ConnectionLostError, ClosedConnectionError.
   */
  get(k: string, opts?: { revision?: number }): Promise<KvEntry | null>;
  /**
   * The values of many keys as they are at one moment, in their order, null for one that has none; with
   * one request for each 1,024 of them (server 2.11). Rejects with UnsupportedError, and as `get`.
   */
  getMany(keys: string[]): Promise<(KvEntry | null)[]>;
  /** All that the bucket has of keys, the oldest first. Rejects as `watch`. */
  history(opts?: {
    key?: string | string[];
    headers_only?: boolean;
  }): Promise<QueuedIterator<KvWatchEntry>>;
  /**
   * Watches keys: what was done to each last, then what is done to them.
   *
   * Rejects with BucketNotFoundError, InvalidNameError, InvalidOptionError; InvalidArgumentError for
   * options that exclude each other; TimeoutError, ClosedConnectionError.
   */
  watch(opts?: KvWatchOptions): Promise<KvWatcher<KvWatchEntry>>;
  /** The keys that have values, as they come: all, or those that a filter matches. As `watch`. */
  keys(filter?: string | string[]): Promise<QueuedIterator<string>>;
  /**
   * Takes the values of keys into memory, and follows the bucket from then on. Waits until all that
   * there is has come. Rejects as `watch`.
   */
  cache(filter?: string | string[]): Promise<KvCache>;
  /** The bucket as it is. Rejects with BucketNotFoundError and as `JetStream.accountInfo`. */
  status(): Promise<KvStatus>;
}

/**
 * A bucket. What writes rejects with InvalidNameError, ReadOnlyError, MaxPayloadError, JetStreamError,
 * and where it is open whether it was done, with TimeoutError and ConnectionLostError.
 */
export interface KV extends RoKV {
  /**
   * Gives a key that has no value one, for as long as `markerTTL` says (see {@link KvPutOptions}); its
   * revision. Rejects with KeyExistsError.
   */
  create(k: string, data: Payload, markerTTL?: number | string): Promise<number>;
  /**
   * Gives a key that has this revision another value; its new one. 0: it is to have had none. Rejects
   * with WrongLastSequenceError.
   */
  update(k: string, data: Payload, version: number, timeout?: number): Promise<number>;
  /** Gives a key a value; its revision. Rejects with WrongLastSequenceError. */
  put(k: string, data: Payload, opts?: KvPutOptions): Promise<number>;
  /**
   * Gives a key the value that `make` makes of what it has (null: nothing), again and again until nobody
   * else has changed it meanwhile; its new revision. Null when `make` returns nothing, which leaves it
   * as it is.
   */
  modify(k: string, make: KvMaker): Promise<number | null>;
  /** Deletes a key; what it had before stays in its history. The revision of the marker. */
  delete(k: string, opts?: KvDeleteOptions): Promise<number>;
  /** Deletes a key with all it had before. The revision of the marker. */
  purge(k: string, opts?: KvPurgeOptions): Promise<number>;
  /**
   * Removes what deleted keys have had, and markers that are older than so many milliseconds. Default:
   * half an hour, by which all who watch the bucket have seen them.
   */
  purgeDeletes(olderMillis?: number): Promise<{ success: boolean; purged: number }>;
  /** The same bucket for reading alone. */
  readonly(): RoKV;
  /** Removes the bucket with all it has. */
  destroy(): Promise<boolean>;
}

/**
 * The values of a bucket in memory. Reads ask nobody, so they are behind the bucket by what is under way:
 * `wait` waits for a revision. They throw why the bucket is followed no more: BucketNotFoundError,
 * PermissionViolationError, ClosedConnectionError; SubscriptionClosedError once it was stopped.
 */
export interface KvCache {
  /** The value of a key; null: it has none, or is not followed. Throws InvalidNameError, too. */
  get(k: string): KvEntry | null;
  /** The keys that have values, in no order. */
  keys(): string[];
  /** Waits until a revision of a key that is followed was seen. */
  wait(revision: number): Promise<void>;
  /** Follows the bucket no more. */
  stop(): void;
}

/** Many things, all at once or one by one. */
export interface Lister<T> extends AsyncIterable<T> {
  /** Those that were not told yet; empty: there are no more. */
  next(): Promise<T[]>;
}
