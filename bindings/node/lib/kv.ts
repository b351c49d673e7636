/** Buckets of keys with values. */

import type { NativeBucket, NativeCache, NativeOperation } from "./addon";
import { millis, string, wrongType } from "./check";
import { Codecs } from "./codec";
import { entries, type KvEntryImpl } from "./entry";
import {
  BucketExistsError,
  InvalidArgumentError,
  KeyNotFoundError,
  native,
  ProtocolError,
  ReadOnlyError,
  WrongLastSequenceError,
} from "./errors";
import { jetstreamOf, opened, type JetStreamImpl, type Way } from "./jetstream";
import { bucketDocuments, keyDocument, status, watchDocument } from "./kv_options";
import type {
  KV,
  KvCache,
  KvDeleteOptions,
  KvEntry,
  KvMaker,
  KvOptions,
  KvPurgeOptions,
  KvPutOptions,
  KvStatus,
  KvWatcher,
  KvWatchEntry,
  KvWatchOptions,
  Lister,
  QueuedIterator,
  RoKV,
} from "./kv_types";
import { loop } from "./loop";
import type { Document } from "./options";
import type { JetStream, NatsConnection, Payload } from "./types";
import { reader, WatcherImpl, type Telling } from "./watcher";

/** Starts an operation under a token. */
type Start = (token: number) => NativeOperation | void;

/** For how long markers stay at least, so that all who watch the bucket see them. */
const MARKERS = 30 * 60 * 1000;

/**
 * The buckets of an account: made, found and listed. A method of the JetStream for each operation
 * (`kvBucketCreate`, `kvBucketUpdate`, ...) takes and gives documents.
 */
export class Kvm {
  readonly #js: JetStreamImpl;

  /** By way of a connection, or of a JetStream with options of its own. */
  constructor(nc: NatsConnection | JetStream) {
    this.#js = jetstreamOf(nc);
  }

  /**
   * Makes a bucket, or opens the one of this name, whatever it is like: `kvBucketCreate` refuses one
   * that is not alike, and `kvBucketCreateOrUpdate` changes it.
   *
   * Rejects with InvalidNameError, InvalidOptionError, InvalidArgumentError, UnsupportedError, and as
   * `open`.
   */
  async create(name: string, opts: KvOptions = {}): Promise<KV> {
    string("name", name);
    const { config, explain } = bucketDocuments(name, opts);
    if (opts.bindOnly !== true) {
      try {
        await this.#js.kvBucketCreate(config);
      } catch (error) {
        if (!(error instanceof BucketExistsError)) {
          throw explain(error);
        }
      }
    }
    return this.open(name, opts);
  }

  /**
   * A bucket that is there. Rejects with BucketNotFoundError, InvalidNameError, InvalidOptionError, and
   * as `JetStream.accountInfo`.
   */
  async open(name: string, opts: KvOptions = {}): Promise<KV> {
    string("name", name);
    const { handle } = bucketDocuments(name, opts);
    const codecs = new Codecs(opts.codec);
    const js = this.#js;
    try {
      const bucket = await loop.run<NativeBucket>((token) =>
        js.way.native.bucket(token, js.native, name, handle.json),
      );
      return new Bucket(js, name, bucket, codecs, opts.readOnly === true);
    } catch (error) {
      throw handle.explain(error);
    }
  }

  /** All buckets as they are. Rejects as `JetStream.accountInfo`. */
  list(): Lister<KvStatus> {
    const js = this.#js;
    let told = false;
    const next = async (): Promise<KvStatus[]> => {
      if (told) {
        return [];
      }
      told = true;
      const { buckets } = await js.kvBucketList();
      return (buckets as Record<string, unknown>[]).map(status);
    };
    return {
      next,
      async *[Symbol.asyncIterator]() {
        yield* await next();
      },
    };
  }
}

/** A bucket. */
class Bucket implements KV {
  readonly bucket: string;
  readonly #js: JetStreamImpl;
  readonly #way: Way;
  readonly #native: NativeBucket;
  readonly #codecs: Codecs;
  readonly #isReadOnly: boolean;

  constructor(
    js: JetStreamImpl,
    name: string,
    native: NativeBucket,
    codecs: Codecs,
    isReadOnly: boolean,
  ) {
    this.bucket = name;
    this.#js = js;
    this.#way = js.way;
    this.#native = native;
    this.#codecs = codecs;
    this.#isReadOnly = isReadOnly;
  }

  async get(k: string, opts: { revision?: number } = {}): Promise<KvEntry | null> {
    const key = this.#codecs.key(k);
    const revision = opts?.revision;
    if (revision !== undefined && !(Number.isSafeInteger(revision) && revision >= 1)) {
      throw new InvalidArgumentError(`revision: ${revision}; expected a whole number of at least 1`);
    }
    const { native } = this.#way;
    const start: Start = (token) =>
      revision === undefined
        ? native.kvGet(token, this.#native, key)
        : native.kvGetRevision(token, this.#native, key, revision);
    try {
      const entry = one(await loop.run<Buffer[]>(start), this.bucket);
      return this.#codecs.entry(entry.operation === "PUT" ? entry : entry.called(key));
    } catch (error) {
      if (error instanceof KeyNotFoundError) {
        return null;
      }
      throw error;
    }
  }

  async getMany(keys: string[]): Promise<(KvEntry | null)[]> {
    if (!Array.isArray(keys)) {
      throw wrongType("keys", "an array of strings", keys);
    }
    const stored = keys.map((key) => this.#codecs.key(key));
    const { native } = this.#way;
    const blocks = await loop.run<Buffer[]>((token) =>
      native.kvGetMany(token, this.#native, stored),
    );
    const all = entries(blocks, this.bucket);
    return all.map((entry) => entry && this.#codecs.entry(entry));
  }

  async create(k: string, data: Payload, markerTTL?: number | string): Promise<number> {
    const document = keyDocument({ ttl: markerTTL });
    const [key, value] = [this.#codecs.key(k), this.#codecs.value(data)];
    const { native } = this.#way;
    return loop.run<number>(
      reading(document, (token) =>
        native.kvCreate(token, this.#native, key, value, document?.json),
      ),
    );
  }

  async update(k: string, data: Payload, version: number, timeout?: number): Promise<number> {
    if (typeof version !== "number") {
      throw wrongType("version", "a number", version);
    }
    return this.put(k, data, { previousSeq: version, timeout });
  }

  async put(k: string, data: Payload, opts: KvPutOptions = {}): Promise<number> {
    const document = keyDocument(opts);
    millis("timeout", opts.timeout);
    const timeout = Math.min(Math.ceil(opts.timeout ?? 0), 2 ** 32 - 1);
    const [key, value] = [this.#codecs.key(k), this.#codecs.value(data)];
    const { native } = this.#way;
    return loop.run<number>(
      reading(document, (token) =>
        native.kvPut(token, this.#native, key, value, timeout, document?.json),
      ),
    );
  }

  async modify(k: string, make: KvMaker): Promise<number | null> {
    if (typeof make !== "function") {
      throw wrongType("make", "a function", make);
    }
    for (;;) {
      const entry = await this.get(k);
      const value = await make(entry?.operation === "PUT" ? entry : null);
      if (value === undefined || value === null) {
        return null;
      }
      try {
        return await this.update(k, value, entry?.revision ?? 0);
      } catch (error) {
        if (!(error instanceof WrongLastSequenceError)) {
          throw error;
        }
      }
    }
  }

  async delete(k: string, opts: KvDeleteOptions = {}): Promise<number> {
    return this.#remove(k, false, opts);
  }

  async purge(k: string, opts: KvPurgeOptions = {}): Promise<number> {
    return this.#remove(k, true, opts);
  }

  async #remove(k: string, purge: boolean, opts: KvPurgeOptions): Promise<number> {
    const document = keyDocument(opts);
    const key = this.#codecs.key(k);
    const { native } = this.#way;
    return loop.run<number>(
      reading(document, (token) =>
        native.kvRemove(token, this.#native, key, purge, document?.json),
      ),
    );
  }

  async purgeDeletes(olderMillis = MARKERS): Promise<{ success: boolean; purged: number }> {
    if (typeof olderMillis !== "number" || !(olderMillis >= 0)) {
      const text = `olderMillis: ${String(olderMillis)}; expected at least 0 milliseconds`;
      throw new InvalidArgumentError(text);
    }
    const { native } = this.#way;
    const purged = await loop.run<number>((token) =>
      native.kvPurgeDeletes(token, this.#native, olderMillis),
    );
    return { success: true, purged };
  }

  async history(
    opts: { key?: string | string[]; headers_only?: boolean } = {},
  ): Promise<QueuedIterator<KvWatchEntry>> {
    return this.#watch({ ...opts, include: "history" }, this.#told(true));
  }

  async watch(opts: KvWatchOptions = {}): Promise<KvWatcher<KvWatchEntry>> {
    return this.#watch(opts, this.#told(false));
  }

  async keys(filter?: string | string[]): Promise<QueuedIterator<string>> {
    const codecs = this.#codecs;
    const of = (entry: KvEntryImpl) => codecs.readable(entry)?.key;
    const opts = { key: filter, headers_only: true, ignoreDeletes: true };
    return this.#watch(opts, { of, ends: true });
  }

  async cache(filter?: string | string[]): Promise<KvCache> {
    const { native } = this.#way;
    const { json, read } = watchDocument(this.#codecs.filters(filter), {});
    const cache = await loop.run<NativeCache>((token) =>
      read(() => native.kvCache(token, this.#native, json)),
    );
    return new Cache(this.#way, this.bucket, cache, this.#codecs);
  }

  async status(): Promise<KvStatus> {
    return status(await this.#js.kvBucketStatus({ bucket: this.bucket }));
  }

  readonly(): RoKV {
    return new Bucket(this.#js, this.bucket, this.#native.readOnly(), this.#codecs, true);
  }

  async destroy(): Promise<boolean> {
    if (this.#isReadOnly) {
      throw new ReadOnlyError(`bucket ${this.bucket}: it is for reading alone`);
    }
    await this.#js.kvBucketDelete({ bucket: this.bucket });
    return true;
  }

  /** Entries as the program knows them. */
  #told(ends: boolean): Telling<KvWatchEntry> {
    return { of: (entry) => this.#codecs.readable(entry), ends };
  }

  async #watch<T>(opts: KvWatchOptions, telling: Telling<T>): Promise<WatcherImpl<T>> {
    const { json, read, explain } = watchDocument(this.#codecs.filters(opts?.key), opts);
    const start = (token: number) =>
      read(() => this.#way.native.kvWatch(token, this.#native, json));
    try {
      const unpack = reader(this.bucket);
      return new WatcherImpl(await opened(this.#way, start, {}, unpack), telling);
    } catch (error) {
      throw explain(error);
    }
  }
}

/** Values in memory. */
class Cache implements KvCache {
  readonly #way: Way;
  readonly #bucket: string;
  readonly #native: NativeCache;
  readonly #codecs: Codecs;

  constructor(way: Way, bucket: string, native: NativeCache, codecs: Codecs) {
    this.#way = way;
    this.#bucket = bucket;
    this.#native = native;
    this.#codecs = codecs;
  }

  get(k: string): KvEntry | null {
    const key = this.#codecs.key(k);
    const block = native(() => this.#native.entry(key));
    return block && this.#codecs.entry(one([block], this.#bucket));
  }

  keys(): string[] {
    const keys: string[] = [];
    for (const stored of native(() => this.#native.keys())) {
      try {
        keys.push(this.#codecs.plain(stored));
      } catch {
        // It was stored in another way.
      }
    }
    return keys;
  }

  async wait(revision: number): Promise<void> {
    if (!(Number.isSafeInteger(revision) && revision >= 0)) {
      throw new InvalidArgumentError(`revision: ${revision}; expected a whole number`);
    }
    await loop.run((token) => this.#way.native.kvCacheWait(token, this.#native, revision));
  }

  stop(): void {
    this.#native.stop();
  }
}

/** Starts an operation that reads a document, if there is one. */
function reading(document: Document | undefined, start: Start): Start {
  return document === undefined ? start : (token) => document.read(() => start(token));
}

/** The entry of blocks that have one. */
function one(blocks: Buffer[], bucket: string): KvEntryImpl {
  const entry = entries(blocks, bucket)[0];
  if (entry === undefined || entry === null) {
    throw new ProtocolError(`bucket ${bucket}: a message that is none of its keys`);
  }
  return entry;
}
