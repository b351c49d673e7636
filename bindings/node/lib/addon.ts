/** The native addon and what it offers. See bindings/node/src. */

import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Metadata, Stats } from "./types";

/** An operation that can be given up. */
export interface NativeOperation {
  cancel(): void;
}

/** What a connection asks the program. */
export interface NativeQuestion {
  /** What is asked: `reconnect_delay`, `pick_server`, `login`, `certificate` or `ws_headers`. */
  readonly ask: string;
  /** What there is to know for it, as JSON. */
  readonly about: string;
  /** Answers, once, with as many values as names. */
  answer(names: string[], values: Buffer[]): void;
  /** Fails what the question is for, once. */
  refuse(why: string): void;
}

/** Events of one turn: three numbers each in `numbers`, the rest in order. */
export interface NativeEvents {
  numbers: ArrayBuffer;
  values: (
    | string
    | NativeConnection
    | NativeSubscription
    | NativeQuestion
    | Buffer[]
    | NativeBucket
    | NativeCache
    | NativeObjects
    | NativeObjectWriter
    | NativeObjectReader
  )[];
  packet?: Buffer;
  more: boolean;
}

/** The queue of the environment. */
export interface NativeQueue {
  poll(): NativeEvents;
  ref(): void;
  unref(): void;
  connect(token: number, options: string, asks: string[]): void;
  setLog(token: number, level: number): void;
}

/** Header names and values by turns. */
export type Pairs = string[];

/** A connection. */
export interface NativeConnection {
  readonly state: string;
  readonly url: string | null;
  outbox(): ArrayBuffer;
  publish(
    subject: string,
    payload: string | Uint8Array,
    reply: string | undefined,
    headers: Pairs | undefined,
    headersNumber: number,
    answers: boolean,
  ): void;
  handOver(): void;
  leave(): void;
  subscribe(token: number, subject: string, options: string): NativeSubscription;
  request(
    token: number,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    headersNumber: number,
    timeout: number,
  ): void;
  requestApart(
    token: number,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    timeout: number | undefined,
    ownInbox: boolean,
  ): NativeOperation;
  requestMany(
    token: number,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    options: string,
  ): NativeOperation;
  jetstream(options: string): NativeJetStream;
  operate(token: number, js: NativeJetStream, name: string, input: string): NativeOperation;
  store(
    token: number,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    headersNumber: number,
    timeout: number,
    options: string | undefined,
  ): void;
  fetch(
    token: number,
    js: NativeJetStream,
    stream: string,
    consumer: string,
    options: string,
  ): NativeOperation;
  consume(
    token: number,
    js: NativeJetStream,
    stream: string,
    consumer: string,
    options: string,
  ): NativeSubscription;
  consumeOrdered(
    token: number,
    js: NativeJetStream,
    stream: string,
    options: string,
  ): NativeOperation;
  consumePushed(
    token: number,
    js: NativeJetStream,
    stream: string,
    consumer: string,
    options: string,
  ): NativeOperation;
  consumeGroup(
    token: number,
    js: NativeJetStream,
    stream: string,
    group: string,
    member: string,
    options: string,
  ): NativeOperation;
  batchAdd(
    token: number,
    batch: NativeBatch,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    options: string | undefined,
  ): NativeOperation;
  batchCommit(
    token: number,
    batch: NativeBatch,
    subject: string,
    payload: string | Uint8Array,
    headers: Pairs | undefined,
    options: string | undefined,
  ): NativeOperation;
  batchClose(token: number, batch: NativeBatch): NativeOperation;
  batchState(token: number, batch: NativeBatch): NativeOperation;
  bucket(token: number, js: NativeJetStream, name: string, options: string): NativeOperation;
  kvPut(
    token: number,
    bucket: NativeBucket,
    key: string,
    value: string | Uint8Array,
    timeout: number,
    options: string | undefined,
  ): void;
  kvCreate(
    token: number,
    bucket: NativeBucket,
    key: string,
    value: string | Uint8Array,
    options: string | undefined,
  ): NativeOperation;
  kvRemove(
    token: number,
    bucket: NativeBucket,
    key: string,
    purge: boolean,
    options: string | undefined,
  ): void;
  kvGet(token: number, bucket: NativeBucket, key: string): void;
  kvGetRevision(
    token: number,
    bucket: NativeBucket,
    key: string,
    revision: number,
  ): NativeOperation;
  kvGetMany(token: number, bucket: NativeBucket, keys: string[]): NativeOperation;
  kvWatch(token: number, bucket: NativeBucket, options: string): NativeOperation;
  kvCache(token: number, bucket: NativeBucket, options: string): NativeOperation;
  kvCacheWait(token: number, cache: NativeCache, revision: number): NativeOperation;
  kvPurgeDeletes(token: number, bucket: NativeBucket, olderThan: number): NativeOperation;
  objects(token: number, js: NativeJetStream, name: string): NativeOperation;
  objectPut(
    token: number,
    objects: NativeObjects,
    name: string,
    meta: string,
    data: string | Uint8Array,
    options: string,
  ): NativeOperation;
  objectPutFile(
    token: number,
    objects: NativeObjects,
    name: string,
    meta: string,
    path: string,
    options: string,
  ): NativeOperation;
  objectGet(token: number, objects: NativeObjects, name: string, options: string): NativeOperation;
  objectGetFile(
    token: number,
    objects: NativeObjects,
    name: string,
    path: string,
    options: string,
  ): NativeOperation;
  objectWriter(
    token: number,
    objects: NativeObjects,
    name: string,
    meta: string,
    options: string,
  ): NativeOperation;
  objectWrite(token: number, writer: NativeObjectWriter, data: Uint8Array): NativeOperation;
  objectFinish(token: number, writer: NativeObjectWriter): NativeOperation;
  objectReader(token: number, objects: NativeObjects, name: string, options: string): NativeOperation;
  objectNext(token: number, reader: NativeObjectReader): NativeOperation;
  objectWatch(token: number, objects: NativeObjects, options: string): NativeOperation;
  service(options: string): NativeService;
  askServices(token: number, what: string, options: string): NativeOperation;
  flush(token: number, timeout?: number): NativeOperation;
  drain(token: number, timeout?: number): void;
  handled(): void;
  close(): void;
  reconnect(): void;
  newInbox(): string;
  info(): string;
  servers(): string;
  setServers(urls: string[]): void;
  stats(): Stats;
  lastError(): { code: number; text: string } | null;
}

/** The JetStream of an account. */
export interface NativeJetStream {
  /** How many milliseconds an answer may take. */
  readonly timeout: number;
  batch(options: string): NativeBatch;
}

/** A batch of messages; what is done with it is asked of the connection. */
export type NativeBatch = object;

/** A bucket; what is done with it is asked of the connection. */
export interface NativeBucket {
  /** The same for reading alone. */
  readOnly(): NativeBucket;
}

/** The values of a bucket in memory. */
export interface NativeCache {
  entry(key: string): Buffer | null;
  keys(): string[];
  stop(): void;
}

/** A bucket of objects; what is done with it is asked of the connection. */
export type NativeObjects = object;

/** An object that is being put. */
export interface NativeObjectWriter {
  /** Takes it back unless it is finished. */
  leave(): void;
}

/** An object that is being read. */
export interface NativeObjectReader {
  info(): string;
  /** Reads no more. */
  leave(): void;
}

/** A service. */
export interface NativeService {
  readonly isStopped: boolean;
  endpoint(options: string): NativeEndpoint;
  statsRequests(token: number): NativeSubscription;
  info(): string;
  stats(): string;
  reset(): void;
  stop(token: number, timeout?: number): NativeOperation;
  stopped(token: number): NativeOperation;
}

/** An endpoint of a service. */
export interface NativeEndpoint {
  requests(token: number): NativeSubscription;
  /** Counts a request that was taken, once. */
  handled(nanos: number, error?: string): void;
}

/** A subscription. */
export interface NativeSubscription {
  readonly sid: number;
  readonly subject: string;
  watch(token: number): void;
  take(): Buffer | null;
  unsubscribe(): void;
  unsubscribeAfter(max: number): void;
  drain(token: number, timeout?: number): void;
  stats(): { pending: number; delivered: number; dropped: number };
}

/** A key pair, or a public key alone. */
export interface NativeKey {
  kind(): string;
  publicKey(): string;
  seed(): Uint8Array;
  sign(input: Uint8Array): Uint8Array;
  verify(input: Uint8Array, signature: Uint8Array): boolean;
  wipe(): void;
}

/** A received header block. */
export interface ParsedHeaders {
  code: number;
  description: string;
  pairs: Pairs;
}

interface Addon {
  Queue: new (wake: () => void) => NativeQueue;
  parseHeaders(block: Uint8Array): ParsedHeaders;
  checkHeader(name: string, value: string): void;
  checkInboxPrefix(prefix: string): void;
  plainSubjects(): string;
  metadata(reply: string): Metadata;
  ackPrefix(): string;
  ackPayload(): string;
  inProgressPayload(): string;
  nakPayload(delay?: number): string;
  termPayload(reason?: string): string;
  refuseOption(known: string[], name: string, noun?: string): void;
  generateKey(kind: string): NativeKey;
  keyFromSeed(seed: string | Uint8Array): NativeKey;
  keyFromPublic(key: string | Uint8Array): NativeKey;
  encodeUser(claims: string, user: string, signer: NativeKey): string;
  encodeAccount(claims: string, account: string, signer: NativeKey): string;
  decodeJwt(token: string): string;
  formatCreds(jwt: string, key: NativeKey): Uint8Array;
  parseCreds(content: string | Uint8Array): { jwt: string; seed: string };
}

function load(): Addon {
  const built = join(__dirname, "..", "nats_ffi.node");
  // Without an addon of its own the package has one for each platform beside it.
  return require(existsSync(built) ? built : `nats-ffi-${process.platform}-${process.arch}`);
}

/** The addon. */
export const addon: Addon = load();
