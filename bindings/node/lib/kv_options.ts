/** Options of buckets, made into documents of the core. */

import { addon } from "./addon";
import { members } from "./check";
import { InvalidArgumentError, InvalidOptionError, native } from "./errors";
import type {
  KvOptions,
  KvPutOptions,
  KvStatus,
  KvWatchOptions,
} from "./kv_types";
import { convert, object, type Document } from "./options";
import { BUCKET, KEY, WATCH } from "./options_gen";

/** What a bucket is like: the core's names, and how numbers are converted. */
const CONFIG: Readonly<Record<string, readonly [string, (number: number) => number]>> = {
  description: ["description", same],
  replicas: ["num_replicas", same],
  history: ["history", same],
  max_bytes: ["max_bytes", limit],
  maxValueSize: ["max_value_size", limit],
  ttl: ["ttl", nanos],
  markerTTL: ["limit_marker_ttl", nanos],
  storage: ["storage", same],
  placement: ["placement", same],
  republish: ["republish", same],
  mirror: ["mirror", same],
  sources: ["sources", same],
  aggregate: ["aggregate", same],
  compression: ["compression", same],
  metadata: ["metadata", same],
};
/** Options of the handle, not of the bucket. */
const HANDLE = ["readOnly", "keyCodecs", "valueCodecs"] as const;
const OWN = ["codec", "bindOnly", "allow_direct"];

/** Two documents of a bucket's options. */
export interface BucketDocuments {
  /** What it is to be like. */
  config: Record<string, unknown>;
  /** How it is used. */
  handle: Document;
  /** Says in this package's names what is wrong. */
  explain(error: unknown): unknown;
}

/** The documents of a bucket's options. */
export function bucketDocuments(bucket: string, options: KvOptions): BucketDocuments {
  const given = object(options) as KvOptions;
  const config: Record<string, unknown> = { bucket };
  if ((given.allow_direct ?? true) !== true) {
    const found = String(given.allow_direct);
    throw new InvalidOptionError(`option 'allow_direct': expected true, found ${found}`);
  }
  const names: Record<string, string> = {};
  const handle: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    const row = Object.hasOwn(CONFIG, name) ? CONFIG[name] : undefined;
    if (row !== undefined && value !== undefined) {
      config[row[0]] = typeof value === "number" ? row[1](value) : value;
      names[row[0]] = name;
    } else if (HANDLE.some((known) => known === name)) {
      handle[name] = value;
    } else if (row === undefined && !OWN.includes(name)) {
      const known = [...Object.keys(CONFIG), ...HANDLE, ...OWN];
      native(() => addon.refuseOption(known, name));
    }
  }
  const explain = (error: unknown) => renamed(error, names);
  return { config, handle: convert(BUCKET, [], handle), explain };
}

/** The document of what is expected of a key; none when nothing is. */
export function keyDocument(options: KvPutOptions): Document | undefined {
  members("options", options, ["previousSeq", "ttl", "timeout"]);
  const { previousSeq, ttl } = options;
  if (previousSeq === undefined && ttl === undefined) {
    return undefined;
  }
  return named({ expectedRevision: "previousSeq" }, () =>
    convert(KEY, [], { expectedRevision: previousSeq, ttl: lifetime(ttl) }),
  );
}

/** The document of a watch of these keys. */
export function watchDocument(keys: string[], options: KvWatchOptions): Document {
  members("options", options, WATCHED);
  const { headers_only, include, resumeFromRevision, ignoreDeletes, heartbeat } = options;
  if (!["", "history", "updates", undefined].includes(include)) {
    const known = "expected \"\", \"history\" or \"updates\"";
    throw new InvalidOptionError(`option 'include': ${known}, found ${String(include)}`);
  }
  return named(WATCH_NAMES, () =>
    convert(WATCH, [], {
      keys,
      metaOnly: headers_only,
      resumeFrom: resumeFromRevision,
      includeHistory: include === "history" ? true : undefined,
      updatesOnly: include === "updates" ? true : undefined,
      ignoreDeletes,
      heartbeat,
    }),
  );
}

const WATCHED = [
  "key",
  "headers_only",
  "ignoreDeletes",
  "include",
  "resumeFromRevision",
  "heartbeat",
] as const;

/** What errors call the options of a watch, and their names here. */
const WATCH_NAMES: Readonly<Record<string, string>> = {
  metaOnly: "headers_only",
  resumeFrom: "resumeFromRevision",
  resume_from: "resumeFromRevision",
  updates_only: "include",
  heartbeat_ms: "heartbeat",
};

/** What the core tells of a bucket, under the names of nats.js. */
export function status(told: Record<string, any>): KvStatus {
  const { stream, bucket, values, bytes, ttl, limit_marker_ttl, num_replicas, ...others } = told;
  const { max_bytes, max_msg_size } = stream.config;
  delete others.max_value_size;
  return {
    ...(others as KvStatus),
    bucket,
    values,
    size: bytes,
    ttl: ttl / 1e6,
    markerTTL: limit_marker_ttl / 1e6,
    replicas: num_replicas,
    max_bytes,
    maxBucketSize: max_bytes,
    maxValueSize: max_msg_size,
    backingStore: others.storage,
    streamInfo: stream,
  };
}

/** The milliseconds of `"90s"`, `"1h30m"` and the like; digits alone are seconds. */
function lifetime(ttl: number | string | undefined): number | undefined {
  if (typeof ttl !== "string") {
    return ttl;
  }
  const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1, "": 1000 };
  if (!/^(\d+|(\d+(h|ms|m|s))+)$/.test(ttl)) {
    const found = JSON.stringify(ttl.slice(0, 32));
    throw new InvalidOptionError(`option 'ttl': expected a time such as "90s", found ${found}`);
  }
  let millis = 0;
  for (const [, digits, unit] of ttl.matchAll(/(\d+)(h|ms|m|s|)/g)) {
    millis += Number(digits) * (units[unit as string] as number);
  }
  return millis;
}

/** Makes a document that says under other names what is wrong with it. */
export function named(names: Readonly<Record<string, string>>, make: () => Document): Document {
  const explain = (error: unknown) => renamed(error, names);
  const said = <T>(call: () => T): T => {
    try {
      return call();
    } catch (error) {
      throw explain(error);
    }
  };
  const document = said(make);
  return { json: document.json, read: (call) => said(() => document.read(call)), explain };
}

/** The same error with other names for what it speaks of. */
function renamed(error: unknown, names: Readonly<Record<string, string>>): unknown {
  if (!(error instanceof InvalidArgumentError)) {
    return error;
  }
  const text = error.message.replace(/\w+/g, (word) =>
    Object.hasOwn(names, word) ? (names[word] as string) : word,
  );
  const Class = error.constructor as new (text: string) => Error;
  return text === error.message ? error : new Class(text);
}

function same(number: number): number {
  return number;
}

/** nats.js has -1 for no limit. */
function limit(number: number): number {
  return number === -1 ? 0 : number;
}

function nanos(millis: number): number {
  return Math.round(millis * 1e6);
}
