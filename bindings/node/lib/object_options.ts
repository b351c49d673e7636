/** Options of buckets of objects, made into documents of the core, and what the core tells of them. */

import { fileURLToPath } from "node:url";

import { addon } from "./addon";
import { callable, members, signal as checkSignal, string, wrongType } from "./check";
import { InvalidArgumentError, native } from "./errors";
import { MsgHdrsImpl } from "./headers";
import { named } from "./kv_options";
import type {
  ObjectInfo,
  ObjectStoreGetOpts,
  ObjectStoreMeta,
  ObjectStoreOptions,
  ObjectStorePutOpts,
  ObjectStoreStatus,
  ObjectStoreWatchOpts,
} from "./object_types";
import { convert, object, type Document } from "./options";
import { OBJECT_GET, OBJECT_PUT, OBJECT_WATCH } from "./options_gen";
import type { MsgHdrs } from "./types";

/** What a bucket is like, and the core's names. */
const CONFIG: Readonly<Record<string, string>> = {
  description: "description",
  ttl: "ttl",
  storage: "storage",
  replicas: "num_replicas",
  max_bytes: "max_bytes",
  placement: "placement",
  metadata: "metadata",
  compression: "compression",
};

/** What may be said of an object, and what is only told of one. */
const SAID = ["name", "description", "headers", "options", "metadata"];
const TOLD = ["bucket", "nuid", "size", "chunks", "digest", "deleted", "mtime", "revision", "isUpdate"];

/** The document of a bucket. */
export function storeDocument(bucket: string, options: ObjectStoreOptions): object {
  const document: Record<string, unknown> = { bucket };
  for (const [name, value] of Object.entries(object(options))) {
    const own = Object.hasOwn(CONFIG, name) ? (CONFIG[name] as string) : undefined;
    if (own === undefined) {
      native(() => addon.refuseOption(Object.keys(CONFIG), name));
    } else if (value !== undefined) {
      // nats.js has -1 for no limit.
      document[own] = name === "max_bytes" && value === -1 ? 0 : value;
    }
  }
  return document;
}

/** The document of what is said of an object. */
export function metaDocument(meta: Partial<ObjectStoreMeta>): Record<string, unknown> {
  members("meta", meta ?? null, [...SAID, ...TOLD]);
  const { description, headers, options, metadata } = meta;
  members("meta.options", options, ["link", "max_chunk_size"]);
  const max_chunk_size = options?.max_chunk_size;
  const chunked = max_chunk_size === undefined ? undefined : { max_chunk_size };
  return { description, headers: headers && record(headers), metadata, options: chunked };
}

/** The name and the document of an object that is to be put. */
export function putMeta(meta: ObjectStoreMeta): [string, string] {
  const document = metaDocument(meta);
  string("meta.name", meta.name);
  if (meta.options?.link !== undefined) {
    throw new InvalidArgumentError("meta.options.link: links are made by link and linkStore");
  }
  return [meta.name, JSON.stringify(document)];
}

/** The document of how an object is put. */
export function putDocument(options: ObjectStorePutOpts): Document {
  const { previousRevision, timeout, windowBytes, progress, signal } = options;
  const known = ["previousRevision", "timeout", "windowBytes", "progress", "signal"];
  members("opts", options, known);
  callable("progress", progress);
  checkSignal(signal);
  const names = {
    previous: "previousRevision",
    window_bytes: "windowBytes",
    timeout_ms: "timeout",
  };
  return named(names, () =>
    convert(OBJECT_PUT, [], { previous: previousRevision, timeout, windowBytes }),
  );
}

/** The document of how an object is read. */
export function getDocument(options: ObjectStoreGetOpts): Document {
  const { progress, signal, ...others } = object(options, "opts") as ObjectStoreGetOpts;
  callable("progress", progress);
  checkSignal(signal);
  return convert(OBJECT_GET, ["progress", "signal"], others as Record<string, unknown>);
}

/** The document of a watch. */
export function objectWatchDocument(options: ObjectStoreWatchOpts): Document {
  const names = {
    include_history: "includeHistory",
    updates_only: "updatesOnly",
    heartbeat_ms: "heartbeat",
  };
  const given = object(options, "opts") as ObjectStoreWatchOpts;
  const { includeHistory, updatesOnly = includeHistory !== true } = given;
  return named(names, () => convert(OBJECT_WATCH, [], { ...given, updatesOnly }));
}

/** What the core tells of a bucket, under the names of nats.js. */
export function storeStatus(told: Record<string, any>): ObjectStoreStatus {
  const { bucket, description, ttl, storage, num_replicas, sealed, size, stream } = told;
  const { metadata, compression } = told;
  return {
    bucket,
    description: description ?? "",
    ttl: ttl ?? 0,
    storage,
    replicas: num_replicas,
    sealed,
    size,
    backingStore: "JetStream",
    streamInfo: stream,
    metadata,
    compression: compression ?? false,
  };
}

/** What the core tells of an object. */
export function objectInfo(told: Record<string, any>): ObjectInfo {
  const { headers, description, deleted, metadata, ...others } = told;
  const received = headers && new MsgHdrsImpl();
  for (const [name, values] of Object.entries((headers ?? {}) as Record<string, string[]>)) {
    values.forEach((value) => received.append(name, value));
  }
  return {
    ...(others as ObjectInfo),
    description: description ?? "",
    headers: received,
    metadata: metadata ?? {},
    deleted: deleted ?? false,
  };
}

/** The same, of JSON. */
export function infoOf(json: string): ObjectInfo {
  return objectInfo(JSON.parse(json) as Record<string, unknown>);
}

/** A path as text. */
export function pathOf(path: unknown): string {
  if (path instanceof URL) {
    return fileURLToPath(path);
  }
  if (typeof path !== "string") {
    throw wrongType("path", "a string or a URL", path);
  }
  return path;
}

function record(headers: MsgHdrs): Record<string, string[]> {
  const pairs = MsgHdrsImpl.pairs(headers);
  const all: Record<string, string[]> = {};
  for (let at = 0; at < pairs.length; at += 2) {
    (all[pairs[at] as string] ??= []).push(pairs[at + 1] as string);
  }
  return all;
}
