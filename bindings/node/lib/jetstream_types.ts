/** JetStream: publishing, and taking messages. */

import type { Msg, MsgCallback, MsgHdrs, Payload, Subscription } from "./message_types";
import type { Operations } from "./operations_gen";
import type * as gen from "./options_gen";

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
