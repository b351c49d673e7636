/** Services in the shape of `@nats-io/services` (ADR-32). */

import type { QueuedIterator } from "./kv_types";
import type { ServiceError } from "./service_error";
import type { MsgHdrs, Payload, PublishOptions, ReviverFn } from "./types";

/** A request to an endpoint. */
export interface ServiceMsg {
  /** The subject that it was sent to. */
  readonly subject: string;
  /** The number of the endpoint's subscription. */
  readonly sid: number;
  /** Where the answer goes; empty: nobody waits for one. */
  readonly reply: string;
  readonly headers?: MsgHdrs | undefined;
  /** The payload. */
  readonly data: Uint8Array;
  /** The payload as JSON. Throws SyntaxError when it is not. */
  json<T = unknown>(reviver?: ReviverFn): T;
  /** The payload as UTF-8. */
  string(): string;
  /** Answers. Returns false when nobody waits for an answer. Throws what `publish` throws. */
  respond(data?: Payload, opts?: PublishOptions): boolean;
  /**
   * Answers with an error, which is counted as one. Throws InvalidArgumentError for a code below 1 and
   * an empty description, InvalidHeaderError for one with a line break, and as `respond`.
   */
  respondError(code: number, description: string, data?: Payload, opts?: PublishOptions): boolean;
}

/**
 * Answers requests. One that throws or rejects answers with the error 500 and the text, or with what a
 * {@link ServiceError} says; that is counted as an error. A request is counted when it is answered, or
 * when its handler is done with it: when the promise that it returned settles; others are handled
 * meanwhile. What is thrown behind an answer is told by `status()` of the connection. `err` is null
 * always: what ends an endpoint ends its service, see `stopped`.
 */
export type ServiceHandler = (err: Error | null, msg: ServiceMsg) => void | Promise<void>;

/** What an endpoint may be like. */
export interface EndpointOptions {
  /** Where it listens, behind the prefixes of its groups; wildcards are allowed. Default: its name. */
  subject?: string;
  /** Without one, its requests are read by a loop. */
  handler?: ServiceHandler;
  /** What is to be noted of it. */
  metadata?: Record<string, string>;
  /** Its queue group; empty: none, so that every instance gets every request. Default: its group's. */
  queue?: string;
  /** How many requests may wait. Default: the connection's. */
  pendingMessages?: number;
  /** How many bytes of requests may wait. Default: the connection's. */
  pendingBytes?: number;
  /** What happens to requests beyond these; "error" ends the service. Default: the connection's. */
  overflow?: "drop_newest" | "drop_oldest" | "error";
}

/**
 * An endpoint. Without a handler a loop reads its requests; each is counted when it is answered, or the
 * loop asks for the next one. Leaving the loop, and `stop`, end the endpoint and not its service.
 */
export interface ServiceEndpoint extends QueuedIterator<ServiceMsg> {
  readonly name: string;
  /** Where it listens. */
  readonly subject: string;
}

/** What endpoints are added to. */
export interface ServiceGroup {
  /**
   * Adds an endpoint. Throws InvalidNameError, InvalidSubjectError, InvalidQueueGroupError,
   * InvalidOptionError; SubscriptionClosedError when the service has stopped; DrainingConnectionError,
   * ClosedConnectionError.
   */
  addEndpoint(name: string, opts?: ServiceHandler | EndpointOptions): ServiceEndpoint;
  /**
   * Endpoints whose subjects begin with `subject` and a dot, if it is not empty. Their queue group is
   * `queue`, if it is given; empty: none.
   */
  addGroup(subject?: string, queue?: string): ServiceGroup;
}

/** What a service may be like. */
export interface ServiceConfig {
  /** What kind of service it is: letters, digits, `_` and `-`. Its instances have the same name. */
  name: string;
  /** Its semantic version, as 1.0.0. */
  version: string;
  /** What it is for. */
  description?: string;
  /** What is to be noted of it. */
  metadata?: Record<string, string>;
  /** The queue group of its endpoints; empty: none. Default: "q". */
  queue?: string;
  /**
   * What the program adds to the statistics of an endpoint as `data`; null and undefined: nothing. What
   * it throws is told by `status()` of the connection.
   */
  statsHandler?: (endpoint: NamedEndpointStats & EndpointInfo) => unknown;
}

/** What the answers of a service are. */
export const ServiceResponseType = {
  STATS: "io.nats.micro.v1.stats_response",
  INFO: "io.nats.micro.v1.info_response",
  PING: "io.nats.micro.v1.ping_response",
} as const;
export type ServiceResponseType = (typeof ServiceResponseType)[keyof typeof ServiceResponseType];

/** What is asked of services. */
export const ServiceVerb = { PING: "PING", STATS: "STATS", INFO: "INFO" } as const;
export type ServiceVerb = (typeof ServiceVerb)[keyof typeof ServiceVerb];

/** A service that is there. */
export interface ServiceIdentity {
  type: ServiceResponseType;
  name: string;
  /** The id of the instance. */
  id: string;
  version: string;
  metadata?: Record<string, string>;
}

/** An endpoint as its service tells of it. */
export interface EndpointInfo {
  name: string;
  subject: string;
  /** Empty: it is in none. */
  queue_group?: string;
  metadata?: Record<string, string>;
}

/** What a service is. */
export interface ServiceInfo extends ServiceIdentity {
  description: string;
  endpoints: EndpointInfo[];
}

/** What an endpoint has done; times are in nanoseconds. */
export interface NamedEndpointStats {
  name: string;
  subject: string;
  queue_group?: string;
  num_requests: number;
  num_errors: number;
  /** As `code:description`; empty: there was none. */
  last_error?: string;
  processing_time: number;
  average_processing_time: number;
  /** What its program has added. */
  data?: unknown;
}

/** What a service has done. */
export interface ServiceStats extends ServiceIdentity {
  /** When it was added or its counters were reset, in RFC 3339. */
  started: string;
  endpoints?: NamedEndpointStats[];
}

/** A service: requests answered under a name, with statistics, found by whoever asks. */
export interface Service extends ServiceGroup {
  /** Resolves when it has ended: with null when it was asked to, otherwise with the reason. */
  readonly stopped: Promise<Error | null>;
  /** Whether it has ended. */
  readonly isStopped: boolean;
  /** What it has done, with what `statsHandler` adds. */
  stats(): Promise<ServiceStats>;
  /** What it is. */
  info(): ServiceInfo;
  /** Who it is. */
  ping(): ServiceIdentity;
  /** Its statistics begin anew. */
  reset(): void;
  /**
   * Stops: no more requests are taken, and those that have come are still handled, for at most so many
   * milliseconds; default: the connection's `drainTimeout`. Resolves to the reason, which `stopped` gets,
   * too, if this is what has ended it, or null. Of several stops the first one decides. Rejects with
   * TimeoutError when requests were not handled by then, ClosedConnectionError when the connection was
   * closed meanwhile: it has stopped all the same.
   */
  stop(err?: Error, opts?: { timeout?: number }): Promise<Error | null>;
  /** Stops, unless it has. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How services are asked. */
export interface ServiceClientOptions {
  /** `timer`: only `maxWait` counts; `count`: `maxMessages` too; `stall`: so does the time between answers. */
  strategy?: "timer" | "count" | "stall";
  /** End after this many milliseconds. Default: 2000. */
  maxWait?: number;
  /** End after this many answers; -1 stands for no limit. */
  maxMessages?: number;
  /** End when no answer has come for this many milliseconds. Default: 300. */
  stall?: number;
}

/** What services answer, as they do. Loops throw ConnectionLostError when the connection is lost. */
export interface ServiceAnswers<T> extends QueuedIterator<T> {
  /** Answers that were none: InvalidJsonError, or the ServiceError that was answered. */
  readonly errors: Error[];
}

/**
 * Asks services: all, those of a name, or the instance with an id. Rejects with InvalidNameError,
 * InvalidArgumentError, InvalidSubjectError (the prefix), ClosedConnectionError. When nobody is there, there
 * are no answers.
 */
export interface ServiceClient {
  ping(name?: string, id?: string): Promise<ServiceAnswers<ServiceIdentity>>;
  stats(name?: string, id?: string): Promise<ServiceAnswers<ServiceStats>>;
  info(name?: string, id?: string): Promise<ServiceAnswers<ServiceInfo>>;
}
