/** Connections. */

import { onAbort } from "./abort";
import type { NativeConnection, NativeQuestion, NativeSubscription, Pairs } from "./addon";
import {
  callable,
  members,
  millis,
  payload as checkPayload,
  signal as checkSignal,
  string,
  wrongType,
} from "./check";
import {
  ClosedConnectionError,
  errorOf,
  InvalidArgumentError,
  native,
  NatsError,
  NoRespondersError,
  PermissionViolationError,
  RequestError,
} from "./errors";
import { EventHandler } from "./event";
import { MsgHdrsImpl } from "./headers";
import { JetStreamImpl, type Way } from "./jetstream";
import { loop, type Asked } from "./loop";
import { Empty } from "./msg";
import { connectDocument, manyDocument, subscribeDocument } from "./options";
import { Outbox } from "./outbox";
import { messages } from "./packet";
import { Questions } from "./question";
import { StatusIterator, type Status } from "./status";
import { SubscriptionImpl, type Owner, type Receiving, type Unpack } from "./subscription";
import type {
  ConnectionOptions,
  JetStream,
  JetStreamOptions,
  Msg,
  MsgHdrs,
  NatsConnection,
  Payload,
  PoolServer,
  PublishOptions,
  RequestManyOptions,
  RequestOptions,
  Server,
  ServerInfo,
  Stats,
  Subscription,
  SubscriptionOptions,
  TraceOptions,
  WaitOptions,
} from "./types";
import { deferred } from "./util";

/** What the core tells of servers: all that it knows, and those among them that it was told of. */
type Servers = { known: string[]; discovered: string[]; pool: PoolServer[] };

const PUBLISH = ["reply", "headers", "traceDestination", "traceOnly"];
const REQUEST = ["timeout", "signal", "headers", "noMux", "reply", "traceDestination", "traceOnly"];
const WAIT = ["timeout", "signal"];

/**
 * Connects.
 *
 * @throws InvalidOptionError, InvalidUrlError; ConnectionError, which NoServersError is;
 * AuthorizationError.
 */
export async function connect(options?: ConnectionOptions): Promise<NatsConnection> {
  const document = connectDocument(options);
  const connection = new NatsConnectionImpl(options ?? {});
  await connection.open(document.json, document.read);
  if (options?.waitOnFirstConnect === true) {
    await connection.first();
  }
  return connection;
}

/**
 * Connects through WebSocket, as nats.js's function of this name: servers without a scheme are taken
 * for `wss://` when there are options for TLS, and for `ws://` otherwise.
 *
 * @throws What {@link connect} throws.
 */
export async function wsconnect(options: ConnectionOptions = {}): Promise<NatsConnection> {
  const scheme = options.tls === undefined || options.tls === null ? "ws://" : "wss://";
  const { servers = "127.0.0.1", ...others } = options;
  const urls = (Array.isArray(servers) ? servers : [servers]).flatMap((list) => list.split(","));
  return connect({
    ...others,
    servers: urls.map((url) => (url.includes("://") ? url : `${scheme}${url.trim()}`)),
  });
}

/** A connection. */
class NatsConnectionImpl implements NatsConnection, Owner, Way {
  readonly #events = new EventHandler(this);
  readonly #closed = deferred<void | Error>();
  readonly #subscriptions = new Set<SubscriptionImpl<any>>();
  readonly #listeners = new Set<StatusIterator>();
  #token = 0;
  #handle: NativeConnection | undefined;
  #outbox: Outbox | undefined;
  /** The program has asked for the end. */
  #leaving = false;
  readonly #questions: Questions;
  readonly #inject: ((headers: MsgHdrs) => void) | undefined;
  /** @internal */
  readonly extract: ConnectionOptions["extract"];

  constructor(options: ConnectionOptions) {
    this.#questions = new Questions(options, (thrown) => this.report(thrown));
    callable("inject", options.inject);
    callable("extract", options.extract);
    this.#inject = options.inject;
    this.extract = options.extract;
  }

  /** @internal */
  async open(json: string, read: <T>(call: () => T) => T): Promise<void> {
    this.#token = loop.watch(this.#events);
    try {
      const asks = this.#questions.asks;
      const start = (token: number) => read(() => loop.native.connect(token, json, asks));
      this.#handle = await loop.run<NativeConnection>(start, undefined, this.#token);
    } catch (error) {
      loop.forget(this.#token);
      throw error;
    }
    if (this.#events.isClosed) {
      this.#settleClosed();
    } else {
      loop.hold();
    }
  }

  /** @internal Waits for the first server that lets the connection in. */
  async first(): Promise<void> {
    if (this.#native.state === "connecting" || this.#native.state === "reconnecting") {
      await Promise.race([this.#events.connected, this.#closed]);
    }
    if (this.isClosed()) {
      throw this.lastError() ?? new ClosedConnectionError("the connection is closed");
    }
  }

  get #native(): NativeConnection {
    return this.#handle as NativeConnection;
  }

  /** @internal */
  get native(): NativeConnection {
    return this.#native;
  }

  /** @internal */
  get out(): Outbox {
    return (this.#outbox ??= new Outbox(this.#native, (error) => this.report(error)));
  }

  get info(): ServerInfo | undefined {
    if (this.isClosed()) {
      return undefined;
    }
    const info = JSON.parse(this.#native.info()) as ServerInfo;
    return info.server_id === "" ? undefined : info;
  }

  closed(): Promise<void | Error> {
    return this.#closed;
  }

  async close(): Promise<void> {
    this.#leaving = true;
    this.#native.close();
    await this.#closed;
  }

  publish(subject: string, payload: Payload = Empty, options?: PublishOptions): void {
    this.#publish(subject, payload, options, false);
  }

  /** @internal */
  respond(subject: string, payload: Payload, options: PublishOptions | undefined): void {
    this.#publish(subject, payload, options, true);
  }

  #publish(
    subject: string,
    payload: Payload,
    options: PublishOptions | undefined,
    answers: boolean,
  ): void {
    string("subject", subject);
    checkPayload(payload);
    let reply: string | undefined;
    let headers: Pairs | undefined;
    if (options !== undefined) {
      members("options", options, PUBLISH);
      reply = options.reply;
      if (reply !== undefined) {
        string("reply", reply);
      }
      headers = this.pairs(options.headers, options);
    } else if (this.#inject !== undefined) {
      headers = this.pairs(undefined, {});
    }
    this.out.publish(subject, payload, reply, headers, answers);
  }

  jetstream(options: JetStreamOptions = {}): JetStream {
    return new JetStreamImpl(this, options);
  }

  /** @internal */
  answer(bytes: Uint8Array, start: number, end: number, payload: string): void {
    this.out.answer(bytes, start, end, payload);
  }

  /** @internal */
  async confirm(subject: string, payload: string, timeout = 0): Promise<void> {
    const whole = Math.min(Math.ceil(timeout), 2 ** 32 - 1);
    await loop.run((token) => this.out.request(token, subject, payload, whole));
  }

  publishMessage(msg: Msg): void {
    this.publish(msg.subject, msg.data, { reply: msg.reply, headers: msg.headers });
  }

  respondMessage(msg: Msg): boolean {
    if (msg.reply === undefined || msg.reply === "") {
      return false;
    }
    this.respond(msg.reply, msg.data, { headers: msg.headers });
    return true;
  }

  subscribe(subject: string, options: SubscriptionOptions = {}): Subscription {
    string("subject", subject);
    const { json, read } = subscribeDocument(options);
    const open = (token: number) => read(() => this.#native.subscribe(token, subject, json));
    return this.receive(open, options, messages);
  }

  /** @internal A subscription that a drain waits for. */
  receive<T>(
    start: (token: number) => NativeSubscription,
    options: Receiving<T>,
    unpack: Unpack<T>,
  ): SubscriptionImpl<T> {
    const subscription = new SubscriptionImpl(this, start, options, unpack);
    this.#subscriptions.add(subscription);
    return subscription;
  }

  request(subject: string, payload: Payload = Empty, options?: RequestOptions): Promise<Msg> {
    try {
      return this.#request(subject, payload, options);
    } catch (thrown) {
      return Promise.reject(thrown);
    }
  }

  #request(subject: string, payload: Payload, options: RequestOptions = {}): Promise<Msg> {
    string("subject", subject);
    checkPayload(payload);
    members("options", options, REQUEST);
    const { timeout, signal, noMux = false } = options;
    millis("timeout", timeout);
    checkSignal(signal);
    if ("reply" in options && options.reply !== undefined) {
      throw new InvalidArgumentError("reply: requests make their own; use noMux for an own inbox");
    }
    const headers = this.pairs(options.headers, options);
    const asked: Asked = { publisher: this, refusal: (error) => refusal(subject, error) };
    const whole = timeout ?? 0;
    if (signal === undefined && noMux !== true && whole === whole >>> 0) {
      const outbox = this.out;
      const start = (token: number) => outbox.request(token, subject, payload, whole, headers);
      return loop.run<Msg>(start, undefined, undefined, asked);
    }
    const start = (token: number) =>
      this.#native.requestApart(token, subject, payload, headers, timeout, noMux === true);
    return loop.run<Msg>(start, signal, undefined, asked);
  }

  async requestMany(
    subject: string,
    payload: Payload = Empty,
    options: RequestManyOptions = {},
  ): Promise<AsyncIterable<Msg>> {
    string("subject", subject);
    checkPayload(payload);
    const { json, read } = manyDocument(options);
    checkSignal(options.signal);
    const headers = this.pairs(options.headers, options);
    const start = (token: number) =>
      read(() => this.#native.requestMany(token, subject, payload, headers, json));
    const replies = await loop.run<NativeSubscription>(start, options.signal);
    const open = (token: number) => {
      replies.watch(token);
      return replies;
    };
    const subscription = new SubscriptionImpl<Msg>(this, open, {}, messages);
    const { signal } = options;
    if (signal !== undefined) {
      const forget = onAbort(signal, () => subscription.stop(signal.reason as Error));
      void subscription.closed.then(forget);
    }
    return subscription;
  }

  /** @internal What goes with a message as headers, those that the program injects among them. */
  pairs(headers: MsgHdrs | undefined, trace: TraceOptions): Pairs | undefined {
    if (this.#inject === undefined) {
      return pairs(headers, trace);
    }
    const all = new MsgHdrsImpl();
    for (const [name, values] of headers ?? []) {
      values.forEach((value) => all.append(name, value));
    }
    this.#inject(all);
    return pairs(all, trace);
  }

  async flush(options: WaitOptions = {}): Promise<void> {
    await this.rtt(options);
  }

  async rtt(options: WaitOptions = {}): Promise<number> {
    members("options", options, WAIT);
    millis("timeout", options.timeout);
    checkSignal(options.signal);
    const start = (token: number) => this.#native.flush(token, options.timeout);
    return loop.run<number>(start, options.signal);
  }

  async drain(options: { timeout?: number } = {}): Promise<void> {
    members("options", options, ["timeout"]);
    millis("timeout", options.timeout);
    const drained = loop.run((token) => this.#native.drain(token, options.timeout));
    if (this.isDraining()) {
      this.#leaving = true;
      const handled = [...this.#subscriptions].map((subscription) => subscription.handled());
      void Promise.all(handled).then(() => this.#native.handled());
    }
    await drained;
    await this.#closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isClosed() && !this.isDraining()) {
      await this.drain();
    }
    await this.#closed;
  }

  isClosed(): boolean {
    return this.#native.state === "closed";
  }

  isDraining(): boolean {
    return this.#native.state.startsWith("draining");
  }

  getServer(): string {
    return hostport(this.#native.url ?? "");
  }

  getServers(): Server[] {
    const { known, discovered } = JSON.parse(this.#native.servers()) as Servers;
    const server = (src: string, gossiped: boolean): Server => {
      const listen = hostport(src);
      const colon = listen.lastIndexOf(":");
      const [hostname, port] = [listen.slice(0, colon), Number(listen.slice(colon + 1))];
      return { hostname, port, listen, src, gossiped };
    };
    return [
      ...known.filter((src) => !discovered.includes(src)).map((src) => server(src, false)),
      ...discovered.map((src) => server(src, true)),
    ];
  }

  serverPool(): PoolServer[] {
    return (JSON.parse(this.#native.servers()) as Servers).pool;
  }

  setServers(urls: string | string[]): void {
    const list: unknown = typeof urls === "string" ? [urls] : urls;
    if (!Array.isArray(list)) {
      throw wrongType("urls", "a string or an array of strings", urls);
    }
    list.forEach((url) => string("urls", url));
    native(() => this.#native.setServers(list as string[]));
  }

  status(): AsyncIterable<Status> {
    const iterator = new StatusIterator((left) => this.#listeners.delete(left));
    if (this.#events.isClosed) {
      iterator.stop();
    } else {
      this.#listeners.add(iterator);
    }
    return iterator;
  }

  stats(): Stats {
    return this.#native.stats();
  }

  async reconnect(): Promise<void> {
    native(() => this.#native.reconnect());
    this.tell({ type: "forceReconnect" });
  }

  newInbox(): string {
    return native(() => this.#native.newInbox());
  }

  lastError(): NatsError | undefined {
    const last = this.#native.lastError();
    return last === null ? undefined : errorOf(last.code, last.text);
  }

  /** @internal */
  report(thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(String(thrown));
    this.tell({ type: "error", error });
  }

  /** @internal */
  ended(subscription: SubscriptionImpl<any>): void {
    this.#subscriptions.delete(subscription);
  }

  /** @internal Tells all listeners. */
  tell(status: Status): void {
    for (const listener of this.#listeners) {
      listener.push(status);
    }
  }

  /** @internal The subscription with this number, if it is there. */
  subscriptionOf(sid: number): Subscription | undefined {
    for (const subscription of this.#subscriptions) {
      if (subscription.getID() === sid) {
        return subscription;
      }
    }
    return undefined;
  }

  /** @internal */
  onQuestion(question: NativeQuestion): void {
    void this.#questions.answer(question);
  }

  /** @internal The last event has come. */
  onClosed(): void {
    loop.forget(this.#token);
    for (const subscription of this.#subscriptions) {
      subscription.detach();
    }
    for (const listener of this.#listeners) {
      listener.stop();
    }
    this.#listeners.clear();
    // One that closes before it has crossed is settled when it does.
    if (this.#handle !== undefined) {
      loop.release();
      this.#settleClosed();
    }
  }

  #settleClosed(): void {
    this.#closed.resolve(this.#leaving ? undefined : this.lastError());
  }
}

/** What goes with a message as headers, trace options among them. */
function pairs(headers: MsgHdrs | undefined, trace: TraceOptions): Pairs | undefined {
  const { traceDestination, traceOnly } = trace;
  if (headers === undefined && traceDestination === undefined && traceOnly === undefined) {
    return undefined;
  }
  const all = headers === undefined ? [] : MsgHdrsImpl.pairs(headers);
  const extra: Pairs = [];
  if (traceDestination !== undefined) {
    string("traceDestination", traceDestination);
    extra.push("Nats-Trace-Dest", traceDestination);
  }
  if (traceOnly !== undefined) {
    if (typeof traceOnly !== "boolean") {
      throw wrongType("traceOnly", "a boolean", traceOnly);
    }
    if (traceOnly) {
      extra.push("Nats-Trace-Only", "true");
    }
  }
  return extra.length === 0 ? all : [...all, ...extra];
}

/** What a request ends with: refusals are wrapped as nats.js does. */
function refusal(subject: string, error: unknown): unknown {
  if (error instanceof NoRespondersError) {
    error.subject = subject;
  } else if (!(error instanceof PermissionViolationError)) {
    return error;
  }
  return new RequestError(error.message, { cause: error });
}

/** Host and port of a URL. */
function hostport(url: string): string {
  return url.replace(/^\w+:\/\//, "");
}
