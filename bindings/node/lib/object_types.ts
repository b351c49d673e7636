/** Buckets of objects in the shape of `@nats-io/obj` (ADR-20). */

import type { Placement, StreamInfo } from "./documents";
import type { KvWatcher } from "./kv_types";
import type { MsgHdrs, PubAck } from "./types";

/** What a bucket is like. */
export interface ObjectStoreOptions {
  /** What it is for. */
  description?: string;
  /** How long an object stays, in nanoseconds. Default: for ever. */
  ttl?: number;
  /** Default: `"file"`. */
  storage?: "file" | "memory";
  /** How many servers keep it. Default: 1. */
  replicas?: number;
  /** Its bytes in all; a put beyond them fails. */
  max_bytes?: number;
  /** Which servers keep it. */
  placement?: Placement;
  metadata?: Record<string, string>;
  /** It is kept compressed. */
  compression?: boolean;
}

/** A bucket as it is. */
export interface ObjectStoreStatus {
  bucket: string;
  description: string;
  /** In nanoseconds; 0: for ever. */
  ttl: number;
  storage: "file" | "memory";
  replicas: number;
  /** Nothing in it can be changed any more. */
  sealed: boolean;
  /** Its bytes. */
  size: number;
  backingStore: string;
  /** Its stream. */
  streamInfo: StreamInfo;
  metadata?: Record<string, string>;
  compression: boolean;
}

/** Where a link leads. */
export interface ObjectStoreLink {
  bucket: string;
  /** Without one it leads to the bucket as a whole. */
  name?: string;
}

/** Where a link leads, and how an object is stored. */
export interface ObjectStoreMetaOptions {
  /** It is a link; those are made by `link` and `linkStore` alone. */
  link?: ObjectStoreLink;
  /** Bytes of a chunk. Default: 131072. */
  max_chunk_size?: number;
}

/** What is said of an object. */
export interface ObjectStoreMeta {
  /** Any text of 1 to 2048 bytes. */
  name: string;
  description?: string;
  headers?: MsgHdrs;
  options?: ObjectStoreMetaOptions;
  metadata?: Record<string, string>;
}

/** What is known of an object, or of a link. */
export interface ObjectInfo extends ObjectStoreMeta {
  bucket: string;
  /** The id of its content. */
  nuid: string;
  /** Its bytes. */
  size: number;
  chunks: number;
  /** `SHA-256=` and the digest in base64url. */
  digest: string;
  deleted: boolean;
  /** When it was changed last, in RFC 3339. */
  mtime: string;
  revision: number;
}

/** What is known of an object that was changed. */
export interface ObjectWatchInfo extends ObjectInfo {
  /** It was changed since the watch began. */
  isUpdate: boolean;
}

/** Told how many bytes have gone over, and of how many, where that is known. */
export type ObjectProgress = (bytes: number, total: number | undefined) => void;

/** Options of an object that is put. */
export interface ObjectStorePutOpts {
  /** How many milliseconds the server may take for the next acknowledgement. Default: 10000. */
  timeout?: number;
  /** The revision that the object is to have; 0: there is to be none. */
  previousRevision?: number;
  /** How many bytes may be under way to the server. Default: 4194304. */
  windowBytes?: number;
  progress?: ObjectProgress;
  /** Gives it up: nothing of it is left. */
  signal?: AbortSignal;
}

/** Options of an object that is got. */
export interface ObjectStoreGetOpts {
  /** Where to begin. Default: 0. */
  offset?: number;
  /** How many bytes from there on, at most. Default: all. */
  length?: number;
  /** The id that the content is to have: a reading that was interrupted is gone on with. */
  nuid?: string;
  /** One that was deleted is an object without content. */
  showDeleted?: boolean;
  /** How many milliseconds the next chunk may take. Default: 30000. */
  timeout?: number;
  progress?: ObjectProgress;
  /** Gives it up. */
  signal?: AbortSignal;
}

/** Options of a watch. */
export interface ObjectStoreWatchOpts {
  /** Leave out that objects were deleted. */
  ignoreDeletes?: boolean;
  /** Begin with all that is known of objects. */
  includeHistory?: boolean;
  /** Begin with what comes from now on; false: with what is known of each object now. Default: true. */
  updatesOnly?: boolean;
  /** How often, in milliseconds, the server says that it is there. Default: 5000. */
  heartbeat?: number;
}

/** An object that is read. */
export interface ObjectResult {
  /** What is known of it; of what a link leads to. */
  info: ObjectInfo;
  /** Its chunks, as they are asked for. It fails when they were not what was put. */
  data: ReadableStream<Uint8Array>;
  /** Resolves when the stream has ended: with null, or with why it has failed. */
  error: Promise<Error | null>;
}

/** What can be put: a stream, or anything else that yields bytes one after the other. */
export type ObjectSource = ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * A bucket of objects. All methods reject with InvalidNameError, BucketNotFoundError, and as
 * `JetStream.accountInfo`; those that take options with InvalidOptionError and InvalidArgumentError.
 */
export interface ObjectStore {
  /** What is known of an object, or of a link, be it that it was deleted; null: nothing. */
  info(name: string): Promise<ObjectInfo | null>;
  /** What is known of all objects and links, in the order of their changes. */
  list(opts?: { showDeleted?: boolean }): Promise<ObjectInfo[]>;
  /**
   * An object, or a range of it; links are followed. Null: there is none. Nothing is read that the
   * stream is not asked for, but for a bounded window.
   *
   * This, and the stream, fail with DigestMismatchError when what came is not what was put,
   * ObjectChangedError when it was replaced meanwhile, or is not the one that `nuid` names,
   * InvalidLinkError for a link to a link or to a bucket; PermissionViolationError, TimeoutError,
   * ConnectionLostError. So do `getBlob` and `getFile`.
   */
  get(name: string, opts?: ObjectStoreGetOpts): Promise<ObjectResult | null>;
  /** The same, as bytes, at most 1 GiB of them. */
  getBlob(name: string, opts?: ObjectStoreGetOpts): Promise<Uint8Array | null>;
  /**
   * Gets an object into a file, which is there as a whole or not at all; what is known of it. Rejects as
   * `get`, with ObjectNotFoundError, and IoError.
   */
  getFile(name: string, path: string | URL, opts?: ObjectStoreGetOpts): Promise<ObjectInfo>;
  /**
   * Puts an object. Nobody sees anything of it before all is stored; then it takes the place of the one
   * that was there. What fails leaves nothing behind. The source is read as fast as the server stores.
   *
   * Rejects with WrongLastSequenceError when the object has another revision; JetStreamError when the
   * server refuses, as a bucket that is full or sealed does; PermissionViolationError, TimeoutError,
   * ConnectionLostError; and with what the source fails with.
   */
  put(meta: ObjectStoreMeta, rs: ObjectSource, opts?: ObjectStorePutOpts): Promise<ObjectInfo>;
  /** The same, of bytes or text. */
  putBlob(
    meta: ObjectStoreMeta,
    data: Uint8Array | string | null,
    opts?: ObjectStorePutOpts,
  ): Promise<ObjectInfo>;
  /** The same, of a file. Rejects with IoError when it cannot be read, or changes its size meanwhile. */
  putFile(
    meta: ObjectStoreMeta,
    path: string | URL,
    opts?: ObjectStorePutOpts,
  ): Promise<ObjectInfo>;
  /** Deletes an object, or a link and not what it leads to: whether there was one, and its chunks. */
  delete(name: string): Promise<{ success: boolean; purged: number }>;
  /**
   * Adds a link to an object; a link that has the name leads there from now on. Rejects with
   * ObjectExistsError when an object has the name, InvalidLinkError for a link to a link or to
   * a deleted object.
   */
  link(name: string, meta: ObjectInfo): Promise<ObjectInfo>;
  /** Adds a link to a bucket as a whole. Rejects with ObjectExistsError. */
  linkStore(name: string, bucket: ObjectStore): Promise<ObjectInfo>;
  /**
   * Watches objects: what is done to them, each once and in order, behind what is known of them already
   * where `opts` say so.
   * A loop throws ProtocolError for what is no object, and another one goes on behind that. Rejects with
   * InvalidArgumentError for options that exclude each other.
   */
  watch(opts?: ObjectStoreWatchOpts): Promise<KvWatcher<ObjectWatchInfo>>;
  /** Seals the bucket: nothing in it can be changed any more. */
  seal(): Promise<ObjectStoreStatus>;
  /** The bucket as it is. */
  status(): Promise<ObjectStoreStatus>;
  /**
   * Gives an object another name, description, headers or metadata; what is left out stays. Rejects with
   * ObjectNotFoundError, ObjectExistsError when another object has the name, ObjectChangedError when
   * somebody else has changed it meanwhile.
   */
  update(name: string, meta: Partial<ObjectStoreMeta>): Promise<PubAck>;
  /** Removes the bucket with all it has. */
  destroy(): Promise<boolean>;
}
