/** JetStream: the control plane, publishing with acknowledgement, taking messages. */

import type {
  NativeConnection,
  NativeJetStream,
  NativeOperation,
  NativeSubscription,
  Pairs,
} from "./addon";
import { BatchImpl } from "./batch";
import { callable, payload as checkPayload, signal as checkSignal, string, wrongType } from "./check";
import {
  errorOf,
  InvalidArgumentError,
  NatsError,
  NoRespondersError,
  ProtocolError,
} from "./errors";
import { loop, type Asked } from "./loop";
import { Empty, MsgImpl, type Responder } from "./msg";
import { Operations } from "./operations_gen";
import {
  batchDocument,
  consumeDocument,
  fetchDocument,
  jetstreamDocument,
  orderedDocument,
  pushedDocument,
  storeDocument,
} from "./options";
import type { Outbox } from "./outbox";
import { messages, Packet } from "./packet";
import type { Receiving, SubscriptionImpl, Unpack } from "./subscription";
import type {
  Batch,
  BatchOptions,
  ConsumeOptions,
  FetchOptions,
  JetStream,
  JetStreamOptions,
  JetStreamPublishOptions,
  Msg,
  MsgCallback,
  MsgHdrs,
  NatsConnection,
  OrderedOptions,
  Payload,
  PubAck,
  PushedOptions,
  Subscription,
} from "./types";

/** What a JetStream needs of its connection. */
export interface Way extends Responder {
  readonly native: NativeConnection;
  readonly out: Outbox;
  /** Tells the program what its functions have thrown. */
  report(thrown: unknown): void;
  /** What goes with a message as headers. */
  pairs(headers: MsgHdrs | undefined, trace: object): Pairs | undefined;
  /** A subscription, opened under a token. */
  receive<T>(
    start: (token: number) => NativeSubscription,
    options: Receiving<T>,
    unpack: Unpack<T>,
  ): SubscriptionImpl<T>;
}

/** The JetStream of an account. */
export class JetStreamImpl extends Operations implements JetStream {
  readonly #way: Way;
  readonly #native: NativeJetStream;
  readonly #timeout: number;

  constructor(way: Way, options: JetStreamOptions) {
    super();
    const { json, read } = jetstreamDocument(options);
    this.#way = way;
    this.#native = read(() => way.native.jetstream(json));
    this.#timeout = this.#native.timeout;
  }

  /** @internal */
  get way(): Way {
    return this.#way;
  }

  /** @internal */
  get native(): NativeJetStream {
    return this.#native;
  }

  /** @internal */
  protected override async operate(name: string, input: object): Promise<any> {
    const document = text(input);
    const answer = await loop.run<string>((token) =>
      this.#way.native.operate(token, this.#native, name, document),
    );
    return JSON.parse(answer);
  }

  publish(
    subject: string,
    payload: Payload = Empty,
    options?: JetStreamPublishOptions,
  ): Promise<PubAck> {
    try {
      return this.#publish(subject, payload, options);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #publish(
    subject: string,
    payload: Payload,
    options: JetStreamPublishOptions = {},
  ): Promise<PubAck> {
    string("subject", subject);
    checkPayload(payload);
    const way = this.#way;
    const said = storeDocument(options);
    const pairs = way.pairs(options.headers, {});
    const timeout = this.#timeout;
    const asked: Asked = { publisher: way, refusal: (error) => refusal(subject, error), read };
    const store = (token: number) =>
      way.out.store(token, subject, payload, timeout, pairs, said?.json);
    const start = said === undefined ? store : (token: number) => said.read(() => store(token));
    return loop.run<PubAck>(start, undefined, undefined, asked);
  }

  async fetch(stream: string, consumer: string, options: FetchOptions = {}): Promise<Msg[]> {
    string("stream", stream);
    string("consumer", consumer);
    const { json, read } = fetchDocument(options);
    checkSignal(options.signal);
    const start = (token: number) =>
      read(() => this.#way.native.fetch(token, this.#native, stream, consumer, json));
    const all: Msg[] = [];
    for (const buffer of await loop.run<Buffer[]>(start, options.signal)) {
      const packet = new Packet(buffer);
      while (packet.left > 0) {
        all.push(packet.next(this.#way, 0));
      }
    }
    return all;
  }

  async consume(
    stream: string,
    consumer: string,
    options: ConsumeOptions = {},
  ): Promise<Subscription> {
    string("stream", stream);
    string("consumer", consumer);
    const { json, read } = consumeDocument(options);
    const start = (token: number) =>
      read(() => this.#way.native.consume(token, this.#native, stream, consumer, json));
    // What bounds its messages is no bound of the subscription.
    return this.#way.receive(start, { callback: options.callback }, messages);
  }

  async consumeOrdered(stream: string, options: OrderedOptions = {}): Promise<Subscription> {
    string("stream", stream);
    const { json, read } = orderedDocument(options);
    return this.#opened(options.callback, (token) =>
      read(() => this.#way.native.consumeOrdered(token, this.#native, stream, json)),
    );
  }

  async consumePushed(
    stream: string,
    consumer: string,
    options: PushedOptions = {},
  ): Promise<Subscription> {
    string("stream", stream);
    string("consumer", consumer);
    const { json, read } = pushedDocument(options);
    return this.#opened(options.callback, (token) =>
      read(() => this.#way.native.consumePushed(token, this.#native, stream, consumer, json)),
    );
  }

  async consumeGroup(
    stream: string,
    group: string,
    member: string,
    options: ConsumeOptions = {},
  ): Promise<Subscription> {
    string("stream", stream);
    string("group", group);
    string("member", member);
    const { json, read } = consumeDocument(options);
    return this.#opened(options.callback, (token) =>
      read(() => this.#way.native.consumeGroup(token, this.#native, stream, group, member, json)),
    );
  }

  async #opened(
    callback: MsgCallback<Msg> | undefined,
    start: (token: number) => NativeOperation,
  ): Promise<Subscription> {
    callable("callback", callback);
    return opened(this.#way, start, { callback }, messages);
  }

  batch(options: BatchOptions = {}): Batch {
    const { json, read } = batchDocument(options);
    return new BatchImpl(this.#way, read(() => this.#native.batch(json)));
  }

  ackAll(messages: Iterable<Msg>): void {
    if (typeof messages?.[Symbol.iterator] !== "function") {
      throw wrongType("messages", "received messages", messages);
    }
    let place = 0;
    for (const message of messages) {
      if (!(message instanceof MsgImpl)) {
        throw wrongType(`messages: ${place}`, "a received message", message);
      }
      try {
        message.ack();
      } catch (thrown) {
        throw placed(place, thrown);
      }
      place++;
    }
  }
}

/** The JetStream that is given, or that of the connection that is. */
export function jetstreamOf(nc: NatsConnection | JetStream): JetStreamImpl {
  const js: unknown = "jetstream" in Object(nc) ? (nc as NatsConnection).jetstream() : nc;
  if (!(js instanceof JetStreamImpl)) {
    throw wrongType("nc", "a connection or a JetStream", nc);
  }
  return js;
}

/** A subscription that has to be waited for. */
export async function opened<T>(
  way: Way,
  start: (token: number) => NativeOperation,
  options: Receiving<T>,
  unpack: Unpack<T>,
): Promise<SubscriptionImpl<T>> {
  const native = await loop.run<NativeSubscription>(start);
  const open = (token: number) => {
    native.watch(token);
    return native;
  };
  return way.receive(open, options, unpack);
}

/** A document as JSON. */
function text(input: unknown): string {
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw wrongType("input", "an object", input);
  }
  try {
    return JSON.stringify(input);
  } catch (cause) {
    // A cycle, or a bigint: the engine says where.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new InvalidArgumentError(`input: ${why}`, { cause });
  }
}

/** The acknowledgement that a reply was found to be, at a glance. */
function read(reply: MsgImpl): PubAck {
  let ack: PubAck;
  try {
    ack = reply.json<PubAck>();
  } catch (cause) {
    throw new ProtocolError("the answer is no JSON", { cause });
  }
  ack.duplicate ??= false;
  return ack;
}

function refusal(subject: string, error: unknown): unknown {
  if (error instanceof NoRespondersError) {
    error.subject = subject;
  }
  return error;
}

/** An error of the message at this place. */
function placed(place: number, thrown: unknown): unknown {
  if (!(thrown instanceof NatsError)) {
    return thrown;
  }
  return errorOf(thrown.code, `message ${place}: ${thrown.message}`);
}
