/** What programs see: the shape is that of nats.js. */

import type { NatsError } from "./errors";
import type { Match } from "./headers";
import type { KeyPair } from "./nkeys";
import type { Operations } from "./operations_gen";
import type * as gen from "./options_gen";
import type { Status } from "./status";

export type * from "./documents";

/** What may be sent. */
export type Payload = Uint8Array | string;

/** The second argument of `JSON.parse`. */
export type ReviverFn = (key: string, value: any) => any;

/** TLS, in nats.js's names. An empty object asks for TLS with the system's authorities. */
export interface TlsOptions {
  /** Begin with TLS, before the server says anything. */
  handshakeFirst?: boolean;
  /** The client certificate, in PEM. */
  cert?: string;
  /** A PEM file with it. */
  certFile?: string;
  /** Its key, in PEM. */
  key?: string;
  /** A PEM file with that. */
  keyFile?: string;
  /** Certificate authorities to trust, in PEM. */
  ca?: string;
  /** A PEM file with them. */
  caFile?: string;
  /** The name that the server's certificate must have. */
  servername?: string;
  /** False believes every certificate. */
  rejectUnauthorized?: boolean;
}

/** Who connects: what an {@link Authenticator} says. */
export interface Auth {
  user?: string | undefined;
  pass?: string | undefined;
  auth_token?: string | undefined;
  /** The user's JWT. */
  jwt?: string | undefined;
  /** The public NKey. */
  nkey?: string | undefined;
  /** The signature of the nonce: 64 bytes, or these in base64. */
  sig?: Uint8Array | string | undefined;
  /** A seed with which the library signs instead. */
  seed?: Uint8Array | string | undefined;
  /** The content of a credentials file: JWT and seed. */
  creds?: Uint8Array | string | undefined;
}

/** Says who connects, for each attempt; `nonce` is what the server asks to sign. */
export type Authenticator = (nonce?: string) => Auth | Promise<Auth>;

/** A server that a connection knows. */
export interface PoolServer {
  /** Its URL, without credentials. */
  url: string;
  /** The cluster told of it. */
  discovered: boolean;
  /** Attempts to connect to it that have failed since one succeeded. */
  failures: number;
  /** Why the last one failed. */
  error?: string;
}

/** The server to try next, one of the pool, and how many milliseconds to wait first. */
export interface Pick {
  url: string;
  delay?: number;
}

/** Options of a connection: those of the options document and nats.js's own names for them. */
export interface ConnectionOptions extends gen.ConnectOptions {
  /** Connect by TLS only. `null` is the same as leaving it out. */
  tls?: TlsOptions | null;
  /** Say who connects, anew for each attempt; several say it together. */
  authenticator?: Authenticator | Authenticator[] | undefined;
  /** Yields the client certificate and its key, in PEM, for each attempt. */
  certificateHandler?: (() => Certificate | Promise<Certificate>) | undefined;
  /** Yields HTTP headers of the request that opens a WebSocket, for each attempt. */
  wsHeadersHandler?:
    | ((url: string) => Record<string, string> | Promise<Record<string, string>>)
    | undefined;
  /**
   * Decides, of those that may be tried, which server is next once the connection was lost; nothing
   * stands for the usual order and wait.
   */
  pickServerHandler?:
    | ((servers: PoolServer[], info: ServerInfo) => Pick | undefined | Promise<Pick | undefined>)
    | undefined;
  /** Decides the wait between rounds of attempts to reconnect. */
  reconnectDelayHandler?: ReconnectDelayHandler | undefined;
  /** Adds headers, `traceparent` for instance, to whatever is published or requested. */
  inject?: ((headers: MsgHdrs) => void) | undefined;
  /** Calls `run`, which hands a message to its callback, within the context of the message. */
  extract?: ((msg: Msg, run: () => unknown) => unknown) | undefined;
}

/** A client certificate. */
export interface Certificate {
  cert: string;
  key: string;
}

/**
 * Returns how many milliseconds to wait before another round over the servers; `attempts` counts the
 * rounds that have failed since the connection was lost. The first round is tried at once. Without a
 * number, or when it throws or does not return within ten seconds, the usual back-off applies.
 */
export type ReconnectDelayHandler = (
  attempts: number,
) => number | undefined | Promise<number | undefined>;

/** Options of a subscription. */
export interface SubscriptionOptions extends gen.SubscribeOptions {
  /** Called with every message. Without one the subscription is iterated. */
  callback?: MsgCallback<Msg>;
  /** End with a TimeoutError when the first message has not come in this many milliseconds. */
  timeout?: number | undefined;
}

/** Receives messages. When an error has ended the subscription, `err` is it and `msg` is empty. */
export type MsgCallback<T> = (err: Error | null, msg: T) => void | Promise<unknown>;

/** Message tracing. */
export interface TraceOptions {
  /** The subject on which servers report the way of the message. */
  traceDestination?: string | undefined;
  /** Report only; the message is not delivered. */
  traceOnly?: boolean | undefined;
}

/** Options of a publish. */
export interface PublishOptions extends TraceOptions {
  /** Where an answer is to go. */
  reply?: string | undefined;
  /** Headers. A status that they carry is not sent. */
  headers?: MsgHdrs | undefined;
}

/** Options of a call that waits for the server. */
export interface WaitOptions {
  /** How many milliseconds to wait at most. Default: the connection's option. */
  timeout?: number | undefined;
  /** Gives the call up; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of a request. */
export interface RequestOptions extends TraceOptions, WaitOptions {
  /** Headers. */
  headers?: MsgHdrs | undefined;
  /** Wait on an inbox of the request's own, not on the one that all requests share. */
  noMux?: boolean;
}

/** When the replies of a request for many end; see {@link RequestManyOptions}. */
export type RequestStrategy = "timer" | "count" | "stall" | "sentinel";

/** Options of a request for many replies. Whichever rule is met first ends it. */
export interface RequestManyOptions extends TraceOptions {
  /**
   * `timer`: only `maxWait` counts; `count`: `maxMessages` too; `stall`: so does the time between
   * two replies; `sentinel`: an empty reply ends them. Default: all options that are set count.
   */
  strategy?: RequestStrategy;
  /** End after this many milliseconds. Default: 1000. */
  maxWait?: number;
  /** End after this many replies; -1 stands for no limit. */
  maxMessages?: number;
  /** End when no reply has come for this many milliseconds. Default with `stall`: 300. */
  stall?: number;
  /** End with a reply whose payload is empty; that one is not delivered. */
  sentinel?: boolean;
  /** Headers. */
  headers?: MsgHdrs | undefined;
  /** Accepted for nats.js's sake: the replies have an inbox of their own always. */
  noMux?: boolean;
  /** Gives the request up; an iteration of its replies throws the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** A received message. */
export interface Msg {
  /** The subject; what is not UTF-8 in it is replaced by U+FFFD. */
  readonly subject: string;
  /** The subject's bytes. */
  readonly subjectBytes: Uint8Array;
  /** The number of the subscription that received it. */
  readonly sid: number;
  /** Where an answer goes. */
  readonly reply?: string | undefined;
  /** The headers; of a block that is damaged what can be read. */
  readonly headers?: MsgHdrs | undefined;
  /** The payload, a view that is shared by all who read it. */
  readonly data: Uint8Array;
  /** Answers. Returns false when nobody waits for an answer. Throws what `publish` throws. */
  respond(payload?: Payload, options?: PublishOptions): boolean;
  /** The payload as JSON. Throws SyntaxError when it is not. */
  json<T>(reviver?: ReviverFn): T;
  /** The payload as UTF-8. */
  string(): string;
  /** Bytes of subject, reply subject, headers and payload. */
  size(): number;
  /** Throws MalformedMessageError when subject or headers cannot be decoded. */
  check(): void;
  /** Where it stands in its stream and its consumer. Throws NotJetStreamError. */
  readonly metadata: Metadata;
  /**
   * Says that it was handled, without waiting for the server to have heard it. Throws
   * AlreadyAckedError when it was said before what became of it, whatever it was; NotJetStreamError;
   * and as `publish`: then it can be said again. So do the others.
   */
  ack(): void;
  /**
   * Says that it was handled, and waits until the server has noted it: at most so many milliseconds.
   * Default: the connection's `requestTimeout`. Rejects with what `ack` throws, and TimeoutError.
   */
  ackSync(timeout?: number): Promise<void>;
  /** Says that it was not handled: it is delivered again, at once or after so many milliseconds. */
  nak(delay?: number): void;
  /** Says that it is being handled: the time to acknowledge it begins anew. May be said often. */
  inProgress(): void;
  /**
   * Says that it will never be handled: it is not delivered again. The reason goes into an advisory
   * (server 2.11).
   */
  term(reason?: string): void;
}

/** Where a message stands in its stream and its consumer. */
export interface Metadata {
  readonly stream: string;
  readonly consumer: string;
  /** How often it was delivered, this time included. */
  readonly delivered: number;
  /** Its sequence in the stream. */
  readonly streamSequence: number;
  /** Its sequence among what the consumer has delivered. */
  readonly consumerSequence: number;
  /** When it was stored, in nanoseconds since 1970. */
  readonly timestampNs: bigint;
  /** Messages of the consumer that are still to come. */
  readonly pending: number;
  /** The domain, where the server tells one. */
  readonly domain?: string;
}

/** Headers: ordered, names may repeat. By default names are compared letter by letter. */
export interface MsgHdrs extends Iterable<[string, string[]]> {
  /** Whether the status is an error, 300 or more. */
  readonly hasError: boolean;
  /** Code and description. */
  readonly status: string;
  /** The code of the status, 0 for none. */
  readonly code: number;
  /** The text of the status. */
  readonly description: string;
  /** The first value, or "". */
  get(name: string, match?: Match): string;
  /** Replaces all values. Throws InvalidHeaderError. */
  set(name: string, value: string, match?: Match): void;
  /** Adds a value. Throws InvalidHeaderError. */
  append(name: string, value: string, match?: Match): void;
  /** Whether there is a value. */
  has(name: string, match?: Match): boolean;
  /** The names in order of their first value. */
  keys(): string[];
  /** All values in order. */
  values(name: string, match?: Match): string[];
  /** Removes all values. */
  delete(name: string, match?: Match): void;
  /** The last value, or "". */
  last(name: string, match?: Match): string;
  /** How many names there are. */
  size(): number;
}

/** Whoever publishes. */
export interface Publisher {
  publish(subject: string, payload?: Payload, options?: PublishOptions): void;
}

/**
 * A subscription. Several loops may iterate it; each message goes to one of them. Leaving a loop
 * ends the subscription. An error that has ended it is thrown by the loop.
 */
export interface Subscription extends AsyncIterable<Msg> {
  /** Resolves when it has ended and everything was delivered: with the error that ended it. */
  readonly closed: Promise<void | Error>;
  /** Ends at once, dropping what waits; or after `max` messages, counted from the beginning. */
  unsubscribe(max?: number): void;
  /**
   * Ends gently: resolves when everything that was under way was taken by the loop or callback.
   * Rejects with TimeoutError, ClosedConnectionError, InvalidOperationError when it has ended.
   */
  drain(options?: { timeout?: number | undefined }): Promise<void>;
  /** Drains, unless it is draining or has ended. */
  [Symbol.asyncDispose](): Promise<void>;
  /** What receives the messages; may be exchanged when the subscription was made with one. */
  callback: MsgCallback<Msg> | undefined;
  isDraining(): boolean;
  isClosed(): boolean;
  getSubject(): string;
  /** Messages received so far, without dropped ones. */
  getReceived(): number;
  /** Messages handed to the loop or callback. */
  getProcessed(): number;
  /** Messages that wait. */
  getPending(): number;
  /** Messages dropped because the pending limits were exceeded. */
  getDropped(): number;
  /** The number under which the server knows it. */
  getID(): number;
  /** After how many messages it ends. */
  getMax(): number | undefined;
}

/** Options of a JetStream. */
export interface JetStreamOptions extends gen.JetStreamOptions {}

/** Options of a message that is published to a stream. */
export interface JetStreamPublishOptions extends gen.JetStreamPublishOptions {
  /** Headers. */
  headers?: MsgHdrs | undefined;
}

/** Options of a request for messages of a consumer. */
export interface FetchOptions extends gen.FetchOptions {
  /** Gives the request up; it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** Options of messages that are taken of a consumer without end. */
export interface ConsumeOptions extends gen.ConsumeOptions {
  /** Called with every message. Without one the subscription is iterated. */
  callback?: MsgCallback<Msg>;
}

/** Options of the messages of a stream in order. */
export interface OrderedOptions extends gen.OrderedOptions {
  /** Called with every message. Without one the subscription is iterated. */
  callback?: MsgCallback<Msg>;
}

/** Options of messages that a consumer pushes. */
export interface PushedOptions extends gen.PushedOptions {
  /** Called with every message. Without one the subscription is iterated. */
  callback?: MsgCallback<Msg>;
}

/** Options of a batch. */
export interface BatchOptions extends gen.BatchOptions {}

/** What happened to messages of a fast batch, counted from 1, and did not end it. */
export type BatchEvent =
  | { event: "gap"; expected: number; got: number }
  | { event: "refused"; sequence: number; code: number; name: string; error: string };

/** How far a batch is; "over" once it was ended by this side. */
export type BatchState =
  | { kind: "atomic"; added: number }
  | { kind: "fast"; added: number; acknowledged: number; events: BatchEvent[] }
  | { kind: "over" };

/**
 * Messages that a stream stores together or not at all, or, with the kind "fast", as they come and with
 * one acknowledgement for many (ADR-50); in the order of the calls. The server forgets a batch that is
 * without a message for ten seconds; an atomic one that is not committed is not stored.
 */
export interface Batch {
  /**
   * Adds a message; waits for the server's word at the first one, and where the options say so. Of its
   * options, `retries`, `retryWait` and `timeout` have no meaning here.
   *
   * Rejects with BatchOverError, whose text says how far it was stored; with JetStreamError,
   * NoRespondersError when the stream refuses, TimeoutError, ConnectionLostError: then the batch is
   * over. As the connection's `publish`, or with InvalidOptionError: then the message was not added.
   */
  add(subject: string, payload?: Payload, options?: JetStreamPublishOptions): Promise<void>;
  /**
   * Adds the last message and ends the batch: what the stream says of that message, with `count`.
   * Rejects as `add`; nothing of an atomic batch is stored then, and of a fast one what was
   * acknowledged. Stored or not, nobody knows: TimeoutError, ConnectionLostError.
   */
  commit(subject: string, payload?: Payload, options?: JetStreamPublishOptions): Promise<PubAck>;
  /**
   * Ends the batch with the messages that were added (an atomic one: server 2.14). Rejects with
   * InvalidArgumentError for a batch without messages, UnsupportedError, and as `commit`.
   */
  close(): Promise<PubAck>;
  /** How far it is; `events` are those since the last call. */
  state(): Promise<BatchState>;
}

/** The word of a stream that it has stored a message. */
export interface PubAck {
  stream: string;
  /** The message's sequence. */
  seq: number;
  /** The message was there before, by its id: this is its sequence. */
  duplicate: boolean;
  domain?: string;
  /** The counter's new value (ADR-49, server 2.12). */
  val?: string;
  /** The batch that was stored (ADR-50, server 2.12). */
  batch?: string;
  /** How many messages it had. */
  count?: number;
}

/**
 * The JetStream of an account, by way of a connection: a method for each operation on streams and
 * consumers, publishing with acknowledgement, and taking messages. Errors that stand for a refusal
 * of the server have its `apiCode`, `errCode` and `description`.
 */
export interface JetStream extends Operations {
  /**
   * Publishes a message and waits for the stream to have stored it. Several at a time go out together.
   *
   * Not stored: rejects with NoRespondersError when no stream has the subject, after some attempts;
   * with WrongLastSequenceError or another JetStreamError when the stream refuses;
   * InvalidOptionError; and as the connection's `publish`. Stored or not, nobody knows:
   * TimeoutError, ConnectionLostError; with a `msgId` it can be published again.
   */
  publish(
    subject: string,
    payload?: Payload,
    options?: JetStreamPublishOptions,
  ): Promise<PubAck>;
  /**
   * Asks a consumer once for messages, and waits until they have come, the time is over, or, with
   * `noWait`, no more are there. None is no error.
   *
   * Rejects, when no message has come, with ConsumerNotFoundError when the consumer was deleted
   * meanwhile, NoRespondersError when there is none, PullRefusedError with what the server said,
   * HeartbeatMissedError, ConnectionLostError, ClosedConnectionError, PermissionViolationError; and
   * with InvalidNameError, InvalidOptionError, InvalidArgumentError.
   */
  fetch(stream: string, consumer: string, options?: FetchOptions): Promise<Msg[]>;
  /**
   * Takes messages of a consumer without end, by requests that overlap, as a subscription: iterated or
   * with a callback, unsubscribed and drained like any other. They are asked for as they are taken, so
   * that never more than `maxMessages` or `maxBytes` wait. Lost connections, changes of the leader and
   * missed heartbeats are survived, and told by `status()` with the type "consumer".
   *
   * It ends with ConsumerNotFoundError or StreamNotFoundError when they are deleted, PullRefusedError
   * with what the server said, PermissionViolationError. Rejects with InvalidNameError,
   * InvalidOptionError, InvalidArgumentError, ClosedConnectionError.
   */
  consume(stream: string, consumer: string, options?: ConsumeOptions): Promise<Subscription>;
  /**
   * Takes the messages of a stream in order and without gaps, from where the options say, by a consumer
   * that the library makes (ADR-17), and makes anew behind the last message that was taken whenever one
   * was missed. They need no acknowledgement. Waits for the first consumer.
   *
   * The subscription is like that of `consume`, and ends with StreamNotFoundError when the stream is
   * deleted. Rejects with StreamNotFoundError, InvalidNameError, InvalidOptionError,
   * InvalidArgumentError, TimeoutError, ClosedConnectionError.
   */
  consumeOrdered(stream: string, options?: OrderedOptions): Promise<Subscription>;
  /**
   * Takes what a consumer with a `deliver_subject` pushes, with its `deliver_group` where it has one;
   * heartbeats and flow control are looked after.
   *
   * The subscription is like that of `consume`. Rejects with ConsumerNotFoundError,
   * InvalidArgumentError when it is none that pushes, InvalidNameError, InvalidOptionError,
   * TimeoutError, ClosedConnectionError.
   */
  consumePushed(stream: string, consumer: string, options?: PushedOptions): Promise<Subscription>;
  /**
   * Takes the messages of the partitions that a member of a group has, those with the same key in
   * order; when members come and go, partitions move (see `groupCreate`).
   *
   * The subscription is like that of `consume`. Rejects with NotFoundError when there is no such group,
   * InvalidNameError, InvalidOptionError, InvalidArgumentError, TimeoutError, ClosedConnectionError.
   */
  consumeGroup(
    stream: string,
    group: string,
    member: string,
    options?: ConsumeOptions,
  ): Promise<Subscription>;
  /**
   * A batch of messages to a stream. Nothing is asked of the server before its first message. Throws
   * UnsupportedError when the server is too old for its `kind`, InvalidOptionError,
   * ClosedConnectionError.
   */
  batch(options?: BatchOptions): Batch;
  /**
   * Says that all of these were handled, in one go. Throws the first of the errors of `ack`, with the
   * place of the message; those before it are acknowledged, those behind it are not.
   */
  ackAll(messages: Iterable<Msg>): void;
}

/** The server's description of itself, under the server's own names. */
export interface ServerInfo {
  server_id: string;
  server_name: string;
  version: string;
  go: string;
  host: string;
  port: number;
  proto: number;
  max_payload: number;
  client_id: number;
  client_ip?: string;
  git_commit?: string;
  headers?: boolean;
  auth_required?: boolean;
  tls_required?: boolean;
  tls_verify?: boolean;
  tls_available?: boolean;
  nonce?: string;
  cluster?: string;
  domain?: string;
  jetstream?: boolean;
  connect_urls?: string[];
  ldm?: boolean;
  api_lvl?: number;
}

/** A server that the connection may use. */
export interface Server {
  readonly hostname: string;
  readonly port: number;
  /** Host name and port. */
  readonly listen: string;
  /** The URL, without credentials. */
  readonly src: string;
  /** Whether the cluster told of it. */
  readonly gossiped: boolean;
}

/** Counters of a connection since it was opened. */
export interface Stats {
  inBytes: number;
  outBytes: number;
  inMsgs: number;
  outMsgs: number;
  reconnects: number;
  /** Messages dropped because a subscription's pending limits were exceeded. */
  droppedIn: number;
  /** Publishes dropped by the outbound policy "drop_oldest". */
  droppedOut: number;
  /** Errors that the server reported. */
  errors: number;
  /** Bytes that were published and are not sent yet. */
  outboundPending: number;
}

/** A connection. It keeps the process alive until it is closed. */
export interface NatsConnection extends Publisher {
  /** What the server told of itself last; nothing when closed. */
  readonly info?: ServerInfo | undefined;
  /** Resolves when the connection is closed: with the error that was the reason. */
  closed(): Promise<void | Error>;
  /** Closes at once: what waits ends with ClosedConnectionError. */
  close(): Promise<void>;
  /**
   * Publishes. Waits for room in the outbound buffer for at most `publishTimeout`, in which the
   * event loop stands still, and only when the network is slower than the program.
   *
   * Throws TypeError, InvalidSubjectError, MaxPayloadError, InvalidHeaderError,
   * OutboundFullError, DrainingConnectionError, ClosedConnectionError.
   */
  publish(subject: string, payload?: Payload, options?: PublishOptions): void;
  /** Publishes a message again, under its own subject. */
  publishMessage(msg: Msg): void;
  /** Publishes a message to its reply subject; false when it has none. */
  respondMessage(msg: Msg): boolean;
  /**
   * Subscribes. A refusal by the server ends the subscription with PermissionViolationError.
   *
   * Throws TypeError, InvalidSubjectError, InvalidQueueGroupError, InvalidOptionError,
   * DrainingConnectionError, ClosedConnectionError.
   */
  subscribe(subject: string, options?: SubscriptionOptions): Subscription;
  /**
   * Sends a request and waits for the reply. Rejects with TimeoutError; with RequestError, whose
   * cause is NoRespondersError or PermissionViolationError; with ConnectionLostError when the
   * socket dies meanwhile; with ClosedConnectionError; and as `publish`.
   */
  request(subject: string, payload?: Payload, options?: RequestOptions): Promise<Msg>;
  /**
   * Sends a request for many replies. Iterating them throws NoRespondersError when nobody is there.
   */
  requestMany(
    subject: string,
    payload?: Payload,
    options?: RequestManyOptions,
  ): Promise<AsyncIterable<Msg>>;
  /**
   * The JetStream of the connection's account. Nothing is asked of the server. Throws
   * InvalidOptionError.
   */
  jetstream(options?: JetStreamOptions): JetStream;
  /** Waits until the server has processed what was published before. */
  flush(options?: WaitOptions): Promise<void>;
  /**
   * Closes gently: subscriptions deliver what has arrived and their loops and callbacks may answer,
   * then everything is sent. Rejects with TimeoutError, and the connection is closed all the same.
   */
  drain(options?: { timeout?: number | undefined }): Promise<void>;
  /** Drains, unless the connection is draining or closed; resolves when it is closed. */
  [Symbol.asyncDispose](): Promise<void>;
  isClosed(): boolean;
  isDraining(): boolean;
  /** Host and port of the server in use, or "". */
  getServer(): string;
  /** The servers that the connection knows, those first that are tried first. */
  serverPool(): PoolServer[];
  /**
   * Replaces the servers that the connection knows, those that the cluster told of, too. It stays
   * where it is: they count from the next reconnect on, and what the cluster tells from now on is
   * added. Throws InvalidUrlError; then nothing has changed.
   */
  setServers(urls: string | string[]): void;
  /** The servers that are known. */
  getServers(): Server[];
  /** What happens to the connection from now on. */
  status(): AsyncIterable<Status>;
  stats(): Stats;
  /** The milliseconds that a PING takes to the server and back. */
  rtt(options?: WaitOptions): Promise<number>;
  /** Leaves the server and connects anew. */
  reconnect(): Promise<void>;
  /** A new inbox subject under the connection's `inboxPrefix`. */
  newInbox(): string;
  /** The last error of the connection. */
  lastError(): NatsError | undefined;
}

/** A key pair, or the text of a seed or a public key. */
export type Key = string | Uint8Array | KeyPair;

/** The subjects that may be used. */
export interface Permission {
  /** These, and no others. */
  allow?: string[];
  /** None of these. */
  deny?: string[];
}

/** Claims of a user: those of the table, and `@nats-io/jwt`'s own names for them. */
export interface UserClaims extends Omit<gen.UserClaims, "name"> {
  /** `publishAllow` and `publishDeny`. */
  pub?: Permission;
  /** `subscribeAllow` and `subscribeDeny`. */
  sub?: Permission;
  /** `responses`, and `responseTtl` in nanoseconds. */
  resp?: { max?: number; ttl?: number };
}

/** Claims of an account: those of the table, and `@nats-io/jwt`'s own names for them. */
export interface AccountClaims extends Omit<gen.AccountClaims, "name"> {
  /** The limits, under the names that they have in the token. */
  limits?: {
    subs?: number;
    conn?: number;
    leaf?: number;
    data?: number;
    payload?: number;
    imports?: number;
    exports?: number;
    wildcards?: boolean;
    mem_storage?: number;
    disk_storage?: number;
    streams?: number;
    consumer?: number;
  };
}

/** How a JWT is made. */
export interface EncodingOptions {
  /** When it ends, in seconds since 1970, or as a Date. */
  exp?: number | Date;
  /** From when on it is valid. */
  nbf?: number | Date;
  /** Who signs in the issuer's place. */
  signer?: Key;
}

/** What a JWT says. */
export interface ClaimsData<T> {
  /** Who signed it. */
  iss: string;
  /** Who it is about. */
  sub: string;
  name: string;
  /** When it was signed, in seconds since 1970. */
  iat: number;
  jti: string;
  exp?: number;
  nbf?: number;
  aud?: string;
  /** What is particular to NATS. */
  nats: T;
}

/** What a credentials file holds. */
export interface Creds {
  /** The seed. */
  key: string;
  /** The user's JWT. */
  jwt: string;
  /** What the JWT says. */
  uc: ClaimsData<Record<string, unknown>>;
  /** The account. */
  aid: string;
}
