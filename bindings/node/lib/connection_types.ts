/** Connections, and what they are told. */

import type { NatsError } from "./errors";
import type { JetStream, JetStreamOptions } from "./jetstream_types";
import type {
  Msg,
  MsgHdrs,
  Payload,
  PublishOptions,
  Publisher,
  RequestManyOptions,
  RequestOptions,
  Subscription,
  SubscriptionOptions,
  WaitOptions,
} from "./message_types";
import type * as gen from "./options_gen";
import type { Status } from "./status";

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
