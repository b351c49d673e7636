/** Services, and questions to services. */

import { types } from "node:util";

import type { NativeEndpoint, NativeService } from "./addon";
import { members, millis, string, wrongType } from "./check";
import { InvalidJsonError, native, NoRespondersError } from "./errors";
import { jetstreamOf, opened, type Way } from "./jetstream";
import { loop } from "./loop";
import { Mapped } from "./mapped";
import { Empty } from "./msg";
import { messages } from "./packet";
import { errorHeaders, failure, ServiceError } from "./service_error";
import { askDocument, endpointDocument, serviceDocument } from "./service_options";
import {
  ServiceResponseType,
  type EndpointInfo,
  type EndpointOptions,
  type NamedEndpointStats,
  type Service,
  type ServiceAnswers,
  type ServiceClient,
  type ServiceClientOptions,
  type ServiceConfig,
  type ServiceEndpoint,
  type ServiceGroup,
  type ServiceHandler,
  type ServiceIdentity,
  type ServiceInfo,
  type ServiceMsg,
  type ServiceStats,
} from "./service_types";
import type { SubscriptionImpl } from "./subscription";
import type {
  Msg,
  MsgHdrs,
  NatsConnection,
  Payload,
  PublishOptions,
  ReviverFn,
} from "./types";

/** The services of a program on a connection, and what finds services. */
export class Svcm {
  readonly #way: Way;

  constructor(nc: NatsConnection) {
    this.#way = jetstreamOf(nc).way;
  }

  /**
   * Adds a service. Rejects with InvalidNameError, InvalidArgumentError (the version),
   * InvalidQueueGroupError, InvalidOptionError; DrainingConnectionError, ClosedConnectionError. What the
   * server refuses ends it, see `stopped`.
   */
  async add(config: ServiceConfig): Promise<Service> {
    const { json, read } = serviceDocument(config);
    const service = read(() => this.#way.native.service(json));
    return new ServiceImpl(this.#way, service, config.statsHandler);
  }

  /** What asks services. `prefix`: what their subjects begin with where those of another account do. */
  client(opts: ServiceClientOptions = {}, prefix?: string): ServiceClient {
    askDocument(opts, prefix, undefined, undefined);
    return new Client(this.#way, opts, prefix);
  }
}

/** A request. It counts as handled once it is answered, or given up. */
class Request implements ServiceMsg {
  readonly #began = performance.now();
  readonly #msg: Msg;
  readonly #endpoint: NativeEndpoint;
  #counted = false;

  constructor(msg: Msg, endpoint: NativeEndpoint) {
    this.#msg = msg;
    this.#endpoint = endpoint;
  }

  get isCounted(): boolean {
    return this.#counted;
  }

  /** Counts it, the first time. */
  count(error?: ServiceError): void {
    if (!this.#counted) {
      this.#counted = true;
      const nanos = (performance.now() - this.#began) * 1e6;
      this.#endpoint.handled(nanos, error && `${error.code}:${error.message}`);
    }
  }

  get subject(): string {
    return this.#msg.subject;
  }

  get sid(): number {
    return this.#msg.sid;
  }

  get reply(): string {
    return this.#msg.reply ?? "";
  }

  get headers(): MsgHdrs | undefined {
    return this.#msg.headers;
  }

  get data(): Uint8Array {
    return this.#msg.data;
  }

  json<T = unknown>(reviver?: ReviverFn): T {
    return this.#msg.json<T>(reviver);
  }

  string(): string {
    return this.#msg.string();
  }

  respond(data: Payload = Empty, opts?: PublishOptions): boolean {
    const answered = this.#msg.respond(data, opts);
    this.count();
    return answered;
  }

  respondError(
    code: number,
    description: string,
    data: Payload = Empty,
    opts?: PublishOptions,
  ): boolean {
    const headers = errorHeaders(code, description, opts?.headers);
    const answered = this.#msg.respond(data, { ...opts, headers });
    this.count(new ServiceError(code, description));
    return answered;
  }
}

/** An endpoint. */
class EndpointImpl extends Mapped<Msg, ServiceMsg> implements ServiceEndpoint {
  readonly name: string;
  readonly #native: NativeEndpoint;
  /** What a loop has and has not come back from. */
  #current: Request | undefined;

  constructor(way: Way, name: string, native: NativeEndpoint, handler?: ServiceHandler) {
    const serve = (error: Error | null, msg: Msg): void | Promise<void> => {
      // An end with an error is that of the service.
      if (error === null) {
        return this.#serve(handler as ServiceHandler, new Request(msg, native));
      }
    };
    const callback = handler && serve;
    super(way.receive((token) => native.requests(token), { callback }, messages));
    this.name = name;
    this.#native = native;
  }

  get subject(): string {
    return this.subscription.getSubject();
  }

  /** @internal */
  protected override of(msg: Msg): ServiceMsg {
    this.#current = new Request(msg, this.#native);
    return this.#current;
  }

  /** @internal */
  protected override done(): void {
    this.#current?.count();
    this.#current = undefined;
  }

  #serve(handler: ServiceHandler, request: Request): void | Promise<void> {
    let done: unknown;
    try {
      done = handler(null, request);
    } catch (thrown) {
      this.#fail(request, thrown);
      return;
    }
    if (types.isPromise(done)) {
      return done.then(
        () => request.count(),
        (reason) => this.#fail(request, reason),
      );
    }
    request.count();
  }

  #fail(request: Request, thrown: unknown): void {
    if (request.isCounted) {
      // The answer is out: the connection tells of it.
      throw thrown;
    }
    const error = failure(thrown);
    try {
      request.respondError(error.code, error.message);
    } catch {
      // It cannot be answered: what the handler has thrown is what counts.
      request.count(error);
    }
  }
}

/** Endpoints whose subjects begin alike. */
class Group implements ServiceGroup {
  readonly #way: Way;
  readonly #native: NativeService;
  readonly #prefix: string;
  readonly #queue: string | undefined;

  constructor(way: Way, native: NativeService, prefix = "", queue?: string) {
    this.#way = way;
    this.#native = native;
    this.#prefix = prefix;
    this.#queue = queue;
  }

  addEndpoint(name: string, opts: ServiceHandler | EndpointOptions = {}): ServiceEndpoint {
    string("name", name);
    const options = typeof opts === "function" ? { handler: opts } : opts;
    const { json, read } = endpointDocument(name, this.#prefix, this.#queue, options);
    const endpoint = read(() => this.#native.endpoint(json));
    return new EndpointImpl(this.#way, name, endpoint, options.handler);
  }

  addGroup(subject = "", queue?: string): ServiceGroup {
    string("subject", subject);
    if (queue !== undefined) {
      string("queue", queue);
    }
    const prefix = [this.#prefix, subject].filter((part) => part !== "").join(".");
    return new Group(this.#way, this.#native, prefix, queue ?? this.#queue);
  }
}

/** A service. */
class ServiceImpl extends Group implements Service {
  readonly stopped: Promise<Error | null>;
  readonly #way: Way;
  readonly #native: NativeService;
  readonly #statsHandler: ServiceConfig["statsHandler"];
  /** The reason that the first stop has given; undefined: there was no stop. */
  #reason: Error | null | undefined;

  constructor(way: Way, native: NativeService, statsHandler: ServiceConfig["statsHandler"]) {
    super(way, native);
    this.#way = way;
    this.#native = native;
    this.#statsHandler = statsHandler;
    this.stopped = loop.run((token) => native.stopped(token)).then(
      () => this.#reason ?? null,
      (reason: Error) => reason,
    );
    if (statsHandler !== undefined) {
      const callback = (error: Error | null, msg: Msg): void => {
        if (error === null) {
          void this.#answer(msg);
        }
      };
      way.receive((token) => native.statsRequests(token), { callback }, messages);
    }
  }

  get isStopped(): boolean {
    return this.#native.isStopped;
  }

  info(): ServiceInfo {
    return JSON.parse(native(() => this.#native.info())) as ServiceInfo;
  }

  ping(): ServiceIdentity {
    const { name, id, version, metadata = {} } = this.info();
    return { type: ServiceResponseType.PING, name, id, version, metadata };
  }

  async stats(): Promise<ServiceStats> {
    const stats = JSON.parse(native(() => this.#native.stats())) as ServiceStats;
    const handler = this.#statsHandler;
    if (handler !== undefined) {
      const { endpoints } = this.info();
      const add = (one: NamedEndpointStats, at: number) => this.#add(handler, one, endpoints[at]);
      await Promise.all((stats.endpoints ?? []).map(add));
    }
    return stats;
  }

  /** What the program adds to what an endpoint has done. */
  async #add(
    handler: NonNullable<ServiceConfig["statsHandler"]>,
    stats: NamedEndpointStats,
    info: EndpointInfo | undefined,
  ): Promise<void> {
    try {
      const data = await handler({ ...info, ...stats });
      if (data !== undefined && data !== null) {
        stats.data = data;
      }
    } catch (thrown) {
      this.#way.report(thrown);
    }
  }

  async #answer(msg: Msg): Promise<void> {
    try {
      msg.respond(JSON.stringify(await this.stats()));
    } catch (thrown) {
      this.#way.report(thrown);
    }
  }

  reset(): void {
    this.#native.reset();
  }

  async stop(err?: Error, opts: { timeout?: number } = {}): Promise<Error | null> {
    if (err !== undefined && !(err instanceof Error)) {
      throw wrongType("err", "an Error", err);
    }
    members("opts", opts, ["timeout"]);
    millis("timeout", opts.timeout);
    if (this.#reason === undefined) {
      this.#reason = err ?? null;
    }
    await loop.run((token) => this.#native.stop(token, opts.timeout));
    return this.stopped;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.isStopped) {
      await this.stop();
    }
  }
}

/** What asks services. */
class Client implements ServiceClient {
  readonly #way: Way;
  readonly #options: ServiceClientOptions;
  readonly #prefix: string | undefined;

  constructor(way: Way, options: ServiceClientOptions, prefix: string | undefined) {
    this.#way = way;
    this.#options = { ...options };
    this.#prefix = prefix;
  }

  async ping(name?: string, id?: string): Promise<ServiceAnswers<ServiceIdentity>> {
    return this.#ask("PING", name, id);
  }

  async stats(name?: string, id?: string): Promise<ServiceAnswers<ServiceStats>> {
    return this.#ask("STATS", name, id);
  }

  async info(name?: string, id?: string): Promise<ServiceAnswers<ServiceInfo>> {
    return this.#ask("INFO", name, id);
  }

  async #ask<T>(
    verb: keyof typeof ServiceResponseType,
    name: string | undefined,
    id: string | undefined,
  ): Promise<ServiceAnswers<T>> {
    const document = askDocument(this.#options, this.#prefix, name || undefined, id || undefined);
    const ask = (token: number) =>
      this.#way.native.askServices(token, verb.toLowerCase(), document.json);
    try {
      const subscription = await opened(this.#way, ask, {}, messages);
      return new Answers<T>(subscription, ServiceResponseType[verb]);
    } catch (error) {
      throw document.explain(error);
    }
  }
}

/** The answers of services. */
class Answers<T> extends Mapped<Msg, T> implements ServiceAnswers<T> {
  readonly errors: Error[] = [];
  readonly #type: ServiceResponseType;

  constructor(subscription: SubscriptionImpl<Msg>, type: ServiceResponseType) {
    super(subscription);
    this.#type = type;
  }

  /** @internal */
  protected override of(msg: Msg): T | undefined {
    const error = ServiceError.toServiceError(msg);
    if (error !== null) {
      this.errors.push(error);
      return undefined;
    }
    try {
      return answer(msg, this.#type) as T;
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      this.errors.push(new InvalidJsonError(`the answer of a service: ${why}`, { cause }));
      return undefined;
    }
  }

  /** @internal Nobody is there. */
  protected override ends(error: unknown): boolean {
    return error instanceof NoRespondersError;
  }
}

/** What an answer tells. */
function answer(msg: Msg, type: ServiceResponseType): ServiceIdentity {
  const told = msg.json<Partial<ServiceIdentity> | null>();
  if (told?.type !== type) {
    throw new Error(`its type is no "${type}"`);
  }
  const { name, id, version } = told;
  if ([name, id, version].some((one) => typeof one !== "string")) {
    throw new Error("it does not say who it is of");
  }
  return told as ServiceIdentity;
}
