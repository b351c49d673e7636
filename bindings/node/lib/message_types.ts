/** Messages, and what is done with them. */

import type { Match } from "./headers";
import type * as gen from "./options_gen";

/** What may be sent. */
export type Payload = Uint8Array | string;

/** The second argument of `JSON.parse`. */
export type ReviverFn = (key: string, value: any) => any;

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
