/** Buckets of objects. */

import { types } from "node:util";

import type {
  NativeObjectReader,
  NativeObjects,
  NativeObjectWriter,
  NativeOperation,
} from "./addon";
import { string, wrongType } from "./check";
import { BucketExistsError, InvalidLinkError, ObjectNotFoundError } from "./errors";
import { jetstreamOf, opened, type JetStreamImpl, type Way } from "./jetstream";
import type { KvWatcher, Lister } from "./kv_types";
import { loop } from "./loop";
import { Empty } from "./msg";
import {
  getDocument,
  infoOf,
  metaDocument,
  objectInfo,
  objectWatchDocument,
  pathOf,
  putDocument,
  putMeta,
  storeDocument,
  storeStatus,
} from "./object_options";
import { pieces, Reading, Updates } from "./object_stream";
import type {
  ObjectInfo,
  ObjectProgress,
  ObjectResult,
  ObjectSource,
  ObjectStore,
  ObjectStoreGetOpts,
  ObjectStoreMeta,
  ObjectStoreOptions,
  ObjectStorePutOpts,
  ObjectStoreStatus,
  ObjectStoreWatchOpts,
  ObjectWatchInfo,
} from "./object_types";
import type { JetStream, Msg, NatsConnection, PubAck } from "./types";
import { WatcherImpl } from "./watcher";

type Start = (token: number) => NativeOperation;

/**
 * The buckets of objects of an account: made, found and listed. A method of the JetStream for each
 * operation (`objectStoreCreate`, `objectStoreUpdate`, ...) takes and gives documents.
 */
export class Objm {
  readonly #js: JetStreamImpl;

  /** By way of a connection, or of a JetStream with options of its own. */
  constructor(nc: NatsConnection | JetStream) {
    this.#js = jetstreamOf(nc);
  }

  /**
   * Makes a bucket, or opens the one of this name, whatever it is like: `objectStoreCreate` refuses one
   * that is not alike, and `objectStoreCreateOrUpdate` changes it.
   *
   * Rejects with InvalidNameError, InvalidOptionError, InvalidArgumentError, UnsupportedError, and as
   * `open`.
   */
  async create(name: string, opts: ObjectStoreOptions = {}): Promise<ObjectStore> {
    string("name", name);
    try {
      await this.#js.objectStoreCreate(storeDocument(name, opts));
    } catch (error) {
      if (!(error instanceof BucketExistsError)) {
        throw error;
      }
    }
    return this.open(name);
  }

  /**
   * A bucket that is there. Rejects with BucketNotFoundError, InvalidNameError, and as
   * `JetStream.accountInfo`.
   */
  async open(name: string): Promise<ObjectStore> {
    string("name", name);
    const { native, way } = this.#js;
    const start = (token: number) => way.native.objects(token, native, name);
    return new Store(this.#js, name, await loop.run<NativeObjects>(start));
  }

  /** All buckets as they are. Rejects as `JetStream.accountInfo`. */
  list(): Lister<ObjectStoreStatus> {
    const js = this.#js;
    let told = false;
    const next = async (): Promise<ObjectStoreStatus[]> => {
      if (told) {
        return [];
      }
      told = true;
      const { buckets } = await js.objectStoreList();
      return (buckets as Record<string, unknown>[]).map(storeStatus);
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
class Store implements ObjectStore {
  readonly #bucket: string;
  readonly #js: JetStreamImpl;
  readonly #way: Way;
  readonly #native: NativeObjects;

  constructor(js: JetStreamImpl, bucket: string, native: NativeObjects) {
    this.#bucket = bucket;
    this.#js = js;
    this.#way = js.way;
    this.#native = native;
  }

  async info(name: string): Promise<ObjectInfo | null> {
    return orNull(async () => objectInfo(await this.#told(name)));
  }

  async list(opts: { showDeleted?: boolean } = {}): Promise<ObjectInfo[]> {
    const show_deleted = opts.showDeleted === true;
    const { objects } = await this.#js.objectList({ bucket: this.#bucket, show_deleted });
    return (objects as Record<string, unknown>[]).map(objectInfo);
  }

  async get(name: string, opts: ObjectStoreGetOpts = {}): Promise<ObjectResult | null> {
    string("name", name);
    const { json, read } = getDocument(opts);
    const { native: link } = this.#way;
    const start: Start = (token) => read(() => link.objectReader(token, this.#native, name, json));
    const reader = await orNull(() => loop.run<NativeObjectReader>(start, opts.signal));
    return reader && new Reading(this.#way, reader, opts).result();
  }

  async getBlob(name: string, opts: ObjectStoreGetOpts = {}): Promise<Uint8Array | null> {
    string("name", name);
    if (opts?.progress !== undefined) {
      return this.#blob(name, opts);
    }
    const { json, read } = getDocument(opts);
    const { native: link } = this.#way;
    const start: Start = (token) => read(() => link.objectGet(token, this.#native, name, json));
    return orNull(async () => (await loop.run<Msg>(start, opts.signal)).data);
  }

  async #blob(name: string, opts: ObjectStoreGetOpts): Promise<Uint8Array | null> {
    const result = await this.get(name, opts);
    if (result === null) {
      return null;
    }
    const chunks: Uint8Array[] = [];
    for await (const chunk of result.data) {
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  async getFile(
    name: string,
    path: string | URL,
    opts: ObjectStoreGetOpts = {},
  ): Promise<ObjectInfo> {
    string("name", name);
    const [{ json, read }, file] = [getDocument(opts), pathOf(path)];
    const { native: link } = this.#way;
    return this.#watched(opts, (token) =>
      read(() => link.objectGetFile(token, this.#native, name, file, json)),
    );
  }

  async put(
    meta: ObjectStoreMeta,
    rs: ObjectSource,
    opts: ObjectStorePutOpts = {},
  ): Promise<ObjectInfo> {
    const known = Object(rs) as object;
    if (!("getReader" in known || Symbol.asyncIterator in known)) {
      throw wrongType("rs", "a ReadableStream or another AsyncIterable", rs);
    }
    return this.#write(meta, rs, undefined, opts);
  }

  async putBlob(
    meta: ObjectStoreMeta,
    data: Uint8Array | string | null,
    opts: ObjectStorePutOpts = {},
  ): Promise<ObjectInfo> {
    const blob = data ?? Empty;
    if (typeof blob !== "string" && !types.isUint8Array(blob)) {
      throw wrongType("data", "a string or Uint8Array", data);
    }
    if (opts?.progress !== undefined) {
      const bytes = typeof blob === "string" ? Buffer.from(blob) : blob;
      const source = async function* (): AsyncGenerator<Uint8Array> {
        yield bytes;
      };
      return this.#write(meta, source(), bytes.length, opts);
    }
    const [[name, said], { json, read }] = [putMeta(meta), putDocument(opts)];
    const { native: link } = this.#way;
    const start: Start = (token) =>
      read(() => link.objectPut(token, this.#native, name, said, blob, json));
    return infoOf(await loop.run<string>(start, opts.signal));
  }

  async putFile(
    meta: ObjectStoreMeta,
    path: string | URL,
    opts: ObjectStorePutOpts = {},
  ): Promise<ObjectInfo> {
    const [[name, said], { json, read }] = [putMeta(meta), putDocument(opts)];
    const file = pathOf(path);
    const { native: link } = this.#way;
    return this.#watched(opts, (token) =>
      read(() => link.objectPutFile(token, this.#native, name, said, file, json)),
    );
  }

  /** Writes what the source yields, piece by piece; `total` is how much that is, if it is known. */
  async #write(
    meta: ObjectStoreMeta,
    source: ObjectSource,
    total: number | undefined,
    opts: ObjectStorePutOpts,
  ): Promise<ObjectInfo> {
    const [[name, said], { json, read }] = [putMeta(meta), putDocument(opts)];
    const { signal, progress } = opts;
    const { native: link } = this.#way;
    const begin: Start = (token) =>
      read(() => link.objectWriter(token, this.#native, name, said, json));
    const writer = await loop.run<NativeObjectWriter>(begin, signal);
    try {
      let bytes = 0;
      for await (const piece of pieces(source, signal)) {
        await loop.run<void>((token) => link.objectWrite(token, writer, piece), signal);
        bytes += piece.length;
        progress?.(bytes, total);
      }
      return infoOf(await loop.run<string>((token) => link.objectFinish(token, writer), signal));
    } finally {
      writer.leave();
    }
  }

  /** Runs an operation on a file, which tells how far it is. */
  async #watched(
    { progress, signal }: { progress?: ObjectProgress; signal?: AbortSignal },
    start: Start,
  ): Promise<ObjectInfo> {
    const onProgress = (bytes: number, total: number): void => {
      try {
        progress?.(bytes, total);
      } catch (thrown) {
        this.#way.report(thrown);
      }
    };
    const token = loop.watch({ onProgress });
    try {
      return infoOf(await loop.run<string>(start, signal, token));
    } finally {
      loop.forget(token);
    }
  }

  async delete(name: string): Promise<{ success: boolean; purged: number }> {
    const gone = await orNull(async () => {
      const { chunks } = await this.#told(name);
      await this.#js.objectDelete({ bucket: this.#bucket, name });
      return { success: true, purged: chunks as number };
    });
    return gone ?? { success: false, purged: 0 };
  }

  async link(name: string, meta: ObjectInfo): Promise<ObjectInfo> {
    string("name", name);
    string("meta.bucket", meta?.bucket);
    const { bucket: to_bucket, name: to, deleted } = meta;
    if (deleted) {
      throw new InvalidLinkError(`bucket ${to_bucket}: the object "${to}" was deleted`);
    }
    const input = { bucket: this.#bucket, name, to, to_bucket };
    return objectInfo(await this.#js.objectAddLink(input));
  }

  async linkStore(name: string, bucket: ObjectStore): Promise<ObjectInfo> {
    string("name", name);
    if (!(bucket instanceof Store)) {
      throw wrongType("bucket", "a bucket of objects", bucket);
    }
    const input = { bucket: this.#bucket, name, to_bucket: bucket.#bucket };
    return objectInfo(await this.#js.objectAddBucketLink(input));
  }

  async watch(opts: ObjectStoreWatchOpts = {}): Promise<KvWatcher<ObjectWatchInfo>> {
    const { json, read, explain } = objectWatchDocument(opts);
    const start: Start = (token) =>
      read(() => this.#way.native.objectWatch(token, this.#native, json));
    try {
      const subscription = await opened(this.#way, start, {}, (packet) => new Updates(packet));
      return new WatcherImpl(subscription, { of: (update) => update.info(), ends: false });
    } catch (error) {
      throw explain(error);
    }
  }

  async seal(): Promise<ObjectStoreStatus> {
    return storeStatus(await this.#js.objectStoreSeal({ bucket: this.#bucket }));
  }

  async status(): Promise<ObjectStoreStatus> {
    return storeStatus(await this.#js.objectStoreStatus({ bucket: this.#bucket }));
  }

  async update(name: string, meta: Partial<ObjectStoreMeta>): Promise<PubAck> {
    const given = metaDocument(meta);
    delete given.options;
    const { description, headers, metadata } = await this.#told(name, false);
    const said = Object.entries({ ...given, name: meta.name }).filter(([, v]) => v !== undefined);
    const all = { description, headers, metadata, ...Object.fromEntries(said) };
    const { revision } = await this.#js.objectUpdateMeta({
      bucket: this.#bucket,
      name,
      meta: all,
    });
    return { stream: `OBJ_${this.#bucket}`, seq: revision as number, duplicate: false };
  }

  async destroy(): Promise<boolean> {
    await this.#js.objectStoreDelete({ bucket: this.#bucket });
    return true;
  }

  async #told(name: string, show_deleted = true): Promise<Record<string, any>> {
    string("name", name);
    return this.#js.objectInfo({ bucket: this.#bucket, name, show_deleted });
  }
}

/** Null when there is no such object. */
async function orNull<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof ObjectNotFoundError) {
      return null;
    }
    throw error;
  }
}
