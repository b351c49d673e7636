/** Subscriptions: messages are taken from the core as the program consumes them. */

import type { NativeSubscription } from "./addon";
import { callable, members, millis, wrongType } from "./check";
import {
  ClosedConnectionError,
  fromNative,
  InvalidArgumentError,
  InvalidOperationError,
  native,
  SubscriptionClosedError,
  SubscriptionEndedError,
  TimeoutError,
} from "./errors";
import { loop } from "./loop";
import { MsgImpl, type Responder } from "./msg";
import { Reader } from "./reader";
import type { ConnectionOptions, Msg, MsgCallback, SubscriptionOptions } from "./types";
import { deferred, type Deferred } from "./util";

/** How many packets are handed on before the event loop has its turn. */
const PACKETS = 16;
/** How many milliseconds callbacks may take before it has. */
const TURN = 10;
/** How many quick callbacks are made between two looks at the clock. */
const LOOK = 16;

/** What a subscription needs of its connection. */
export interface Owner extends Responder {
  isClosed(): boolean;
  /** Hands a message over within its context. */
  readonly extract: ConnectionOptions["extract"];
  /** Reports what a callback has thrown. */
  report(error: unknown): void;
  /** The subscription has ended. */
  ended(subscription: SubscriptionImpl<any>): void;
}

/** What was taken, read one by one. */
export interface Held<T> {
  /** Others can be had at once. */
  readonly more: boolean;
  /** How many were not read yet. */
  readonly left: number;
  /** The next one, which must be there. */
  next(publisher: Responder, sid: number): T;
}

/** What a subscription does with what it takes. */
export type Receiving<T> = Omit<SubscriptionOptions, "callback"> & {
  callback?: MsgCallback<T>;
};

/** How what is taken is read. */
export type Unpack<T> = (packet: Buffer) => Held<T>;

/** A loop that waits for a message. */
type Waiting<T> = [Reader<T>, Deferred<IteratorResult<T>>];

/** A subscription, of messages or of what else its packets hold. */
export class SubscriptionImpl<T = Msg> {
  readonly closed: Deferred<void | Error> = deferred<void | Error>();
  callback: MsgCallback<T> | undefined;
  /** Messages go to the callback; otherwise to readers. */
  readonly #pushes: boolean;
  #native: NativeSubscription;
  #owner: Owner;
  #token: number;
  #sid: number;
  /** Messages that were taken. */
  #held: Held<T> | undefined;
  readonly #unpack: Unpack<T>;
  /** There is something to take, or the end. */
  #ready = false;
  #scheduled = false;
  /** Nobody tells of it any more: the end comes behind what there is. */
  #detached = false;
  /** Packets taken in this turn. */
  #packets = 0;
  #ended = false;
  #error: Error | undefined;
  #draining = false;
  #max: number | undefined;
  /** Messages handed on, and how many may be. */
  #given = 0;
  #limit = Infinity;
  #readers = new Set<Reader<T>>();
  #waiting: Waiting<T>[] = [];
  #handled: Deferred<void>[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** `open` subscribes so that readiness is reported under the token. */
  constructor(
    owner: Owner,
    open: (token: number) => NativeSubscription,
    options: Receiving<T>,
    unpack: Unpack<T>,
  ) {
    const { callback, timeout, max, maxMessages } = options;
    callable("callback", callback);
    millis("timeout", timeout);
    this.#owner = owner;
    this.#unpack = unpack;
    this.callback = callback;
    this.#pushes = callback !== undefined;
    this.#max = maxMessages ?? max;
    this.#token = loop.watch(this);
    try {
      this.#native = open(this.#token);
    } catch (thrown) {
      loop.forget(this.#token);
      throw thrown;
    }
    this.#sid = this.#native.sid;
    if (timeout !== undefined) {
      this.#timer = setTimeout(() => this.#late(timeout), Math.min(timeout, 2 ** 31 - 1));
    }
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    if (this.#pushes) {
      const text = "the subscription delivers to a callback and cannot be iterated";
      throw new InvalidOperationError(text);
    }
    const reader = new Reader(this);
    this.#readers.add(reader);
    return reader;
  }

  unsubscribe(max?: number): void {
    if (max !== undefined && typeof max !== "number") {
      throw wrongType("max", "a number of messages", max);
    }
    if (max !== undefined && !(Number.isSafeInteger(max) && max >= 0)) {
      throw new InvalidArgumentError(`max: ${max}; expected a whole number of at least 0`);
    }
    if (this.#ended) {
      return;
    }
    if (max === undefined || max <= this.#given) {
      this.stop(undefined);
      return;
    }
    try {
      native(() => this.#native.unsubscribeAfter(max));
    } catch (error) {
      if (!isEnd(error)) {
        throw error;
      }
    }
    this.#max = max;
    this.#limit = max;
  }

  async drain(options?: { timeout?: number }): Promise<void> {
    members("options", options, ["timeout"]);
    millis("timeout", options?.timeout);
    if (this.#owner.isClosed()) {
      throw new ClosedConnectionError("the connection is closed");
    }
    if (this.#ended) {
      throw new InvalidOperationError("the subscription is already closed");
    }
    this.#draining = true;
    await loop.run((token) => this.#native.drain(token, options?.timeout));
    if (this.#pushes) {
      // What was taken for the callback is not necessarily delivered yet.
      await this.closed;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#draining) {
      await this.closed;
    } else if (!this.#ended && !this.#owner.isClosed()) {
      await this.drain();
    }
  }

  isDraining(): boolean {
    return this.#draining;
  }

  isClosed(): boolean {
    return this.#ended;
  }

  getSubject(): string {
    return this.#native.subject;
  }

  getReceived(): number {
    const { pending, delivered } = this.#native.stats();
    return pending + delivered;
  }

  getProcessed(): number {
    return this.#given;
  }

  getPending(): number {
    return this.#native.stats().pending + this.#left();
  }

  getDropped(): number {
    return this.#native.stats().dropped;
  }

  getID(): number {
    return this.#sid;
  }

  getMax(): number | undefined {
    return this.#max;
  }

  /** @internal The loop says that there is something. */
  onReady(pending: number): void {
    this.#ready = true;
    this.#packets = 0;
    // The end is looked at even when nobody reads; messages wait in the core for somebody.
    if (this.#wanted()) {
      this.#turn();
    } else if (pending === 0) {
      this.#available();
    }
  }

  /** @internal The connection is closed: marks that are out already will not come again. */
  detach(): void {
    if (this.#ready) {
      loop.forget(this.#token);
      this.#detached = true;
    }
  }

  /** @internal The next message for a reader. */
  read(reader: Reader<T>): Promise<IteratorResult<T>> {
    if (this.#available()) {
      return Promise.resolve(this.#give(reader));
    }
    const result = deferred<IteratorResult<T>>();
    this.#waiting.push([reader, result]);
    if (this.#ended) {
      this.#dismiss();
    } else if (this.#ready) {
      this.#later();
    }
    this.#settleHandled();
    return result;
  }

  /** @internal A reader has left its loop, which ends the subscription. */
  left(reader: Reader<T>): void {
    this.#readers.delete(reader);
    this.unsubscribe();
    this.#settleHandled();
  }

  /** @internal Ends now; what waits is dropped. */
  stop(reason: Error | undefined): void {
    native(() => this.#native.unsubscribe());
    this.#held = undefined;
    this.#finish(reason);
  }

  /** @internal Resolves when everything was delivered and handled. */
  handled(): Promise<void> {
    for (const reader of this.#readers) {
      reader.excused = reader.busy;
    }
    const handled = deferred();
    this.#handled.push(handled);
    this.#settleHandled();
    return handled;
  }

  /** Hands on what there is, and goes on later when there is more than a turn's share. */
  #turn(): void {
    const end = performance.now() + TURN;
    let calls = 0;
    let look = 1;
    while (this.#wanted() && this.#available()) {
      if (this.#pushes) {
        this.#call(null, this.#shift());
        if (++calls === look) {
          if (performance.now() > end) {
            break;
          }
          look += Math.min(calls, LOOK);
        }
      } else {
        const [reader, result] = this.#waiting.shift() as Waiting<T>;
        result.resolve(this.#give(reader));
      }
    }
    if (this.#wanted() && (this.#left() > 0 || this.#ready) && !this.#ended) {
      this.#later();
    }
  }

  #wanted(): boolean {
    return this.#pushes || this.#waiting.length > 0;
  }

  /** Whether a message is there, after a look into the core when this turn has not had enough. */
  #available(): boolean {
    if (this.#left() === 0 && this.#ready && !this.#ended && this.#packets < PACKETS) {
      this.#take();
    }
    return this.#left() > 0;
  }

  /** The next turn is one of the event loop, so that others have theirs. */
  #later(): void {
    if (!this.#scheduled) {
      this.#scheduled = true;
      setImmediate(() => {
        this.#scheduled = false;
        this.#packets = 0;
        this.#turn();
      });
    }
  }

  #take(): void {
    let packet: Buffer | null;
    try {
      packet = this.#native.take();
    } catch (thrown) {
      this.#finish(fromNative(thrown) as Error);
      return;
    }
    this.#ready = false;
    this.#packets = packet === null ? 0 : this.#packets + 1;
    if (packet !== null) {
      this.#held = this.#unpack(packet);
      this.#ready = this.#held.more || this.#detached;
      clearTimeout(this.#timer);
    }
  }

  #left(): number {
    return this.#held?.left ?? 0;
  }

  #shift(): T {
    const held = this.#held as Held<T>;
    const message = held.next(this.#owner, this.#sid);
    if (held.left === 0) {
      this.#held = undefined;
    }
    if (++this.#given >= this.#limit) {
      this.stop(undefined);
    }
    return message;
  }

  #give(reader: Reader<T>): IteratorResult<T> {
    reader.busy = true;
    return { done: false, value: this.#shift() };
  }

  #call(error: Error | null, message: T): void {
    try {
      const { extract } = this.#owner;
      const result: unknown =
        extract === undefined || error !== null || !(message instanceof MsgImpl)
          ? this.callback?.(error, message)
          : extract(message, () => this.callback?.(error, message));
      if (result instanceof Promise) {
        result.catch((reason) => this.#owner.report(reason));
      }
    } catch (thrown) {
      this.#owner.report(thrown);
    }
  }

  #late(timeout: number): void {
    this.stop(new TimeoutError(`no message within ${timeout} ms`));
  }

  /** Everything was delivered and no more will come. */
  #finish(reason: Error | undefined): void {
    if (this.#ended) {
      return;
    }
    this.#ended = true;
    this.#error = isEnd(reason) ? undefined : reason;
    clearTimeout(this.#timer);
    loop.forget(this.#token);
    this.#owner.ended(this);
    if (this.#pushes && this.#error !== undefined) {
      this.#call(this.#error, {} as T);
    }
    this.#dismiss();
    this.closed.resolve(this.#error);
    this.#settleHandled();
  }

  /** Ends the loops that wait: each with the error once, if there is one. */
  #dismiss(): void {
    for (const [reader, result] of this.#waiting.splice(0)) {
      if (this.#error !== undefined && this.#readers.delete(reader)) {
        result.reject(this.#error);
      } else {
        result.resolve({ done: true, value: undefined });
      }
    }
  }

  #settleHandled(): void {
    if (this.#handled.length === 0 || !this.#ended) {
      return;
    }
    for (const reader of this.#readers) {
      if (reader.busy && !reader.excused) {
        return;
      }
    }
    for (const handled of this.#handled.splice(0)) {
      handled.resolve();
    }
  }
}

/** Whether an error is just how subscriptions end. */
function isEnd(error: unknown): boolean {
  return (
    error === undefined ||
    error instanceof SubscriptionClosedError ||
    error instanceof SubscriptionEndedError ||
    error instanceof ClosedConnectionError
  );
}
