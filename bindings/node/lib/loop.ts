/**
 * The one queue of the environment: results of operations, readiness of subscriptions, events of
 * connections. The native side wakes it once for as many of them as there are.
 */

import { onAbort } from "./abort";
import { addon, type NativeOperation, type NativeQuestion, type NativeQueue } from "./addon";
import { errorOf, fromNative } from "./errors";
import { Packet } from "./packet";

/** What is told of a subscription or connection under its token. */
export interface Source {
  /** There are messages, this many, or the end has come. */
  onReady?(pending: number): void;
  /** Something happened to the connection. */
  onEvent?(kind: number, json: string): void;
  /** The connection asks how long to wait, now that so many rounds over the servers have failed. */
  onQuestion?(attempts: number, question: NativeQuestion): void;
}

interface Pending {
  resolve(value: unknown): void;
  reject(reason: unknown): void;
}

// The kinds of events, as src/queue.rs numbers them.
const DONE = 0;
const FAILED = 1;
const NUMBER = 2;
const MESSAGE = 3;
const VALUE = 4;
const READY = 5;
const QUESTION = 7;

class Loop {
  readonly native: NativeQueue = new addon.Queue(() => this.drain());
  private readonly operations = new Map<number, Pending>();
  private readonly sources = new Map<number, Source>();
  private last = 0;
  private users = 0;

  /** Tells `source` what happens under the token that is returned, until `forget`. */
  watch(source: Source): number {
    const token = ++this.last;
    this.sources.set(token, source);
    return token;
  }

  /** Tells nothing more under this token, and keeps its source no longer. */
  forget(token: number): void {
    this.sources.delete(token);
  }

  /** Keeps the process alive until `release`. */
  hold(): void {
    if (this.users++ === 0) {
      this.native.ref();
    }
  }

  /** Undoes one `hold`. */
  release(): void {
    if (--this.users === 0) {
      this.native.unref();
    }
  }

  /**
   * Starts an operation and waits for its result. An abort forgets the operation and rejects with
   * the signal's reason.
   */
  run<T>(
    start: (token: number) => NativeOperation | void,
    signal?: AbortSignal,
    token = ++this.last,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      let operation: NativeOperation | void;
      try {
        operation = start(token);
      } catch (thrown) {
        throw fromNative(thrown);
      }
      const settle = () => {
        this.operations.delete(token);
        this.release();
        forgetSignal?.();
      };
      const abort = () => {
        operation?.cancel();
        settle();
        reject(signal?.reason);
      };
      const forgetSignal = signal && onAbort(signal, abort);
      this.operations.set(token, {
        resolve: (value) => (settle(), resolve(value as T)),
        reject: (reason) => (settle(), reject(reason)),
      });
      this.hold();
    });
  }

  private drain(): void {
    const events = this.native.poll();
    if (events.more) {
      // What is left causes no wake of its own.
      setImmediate(() => this.drain());
    }
    const numbers = new Float64Array(events.numbers);
    const packet = events.packet && new Packet(events.packet);
    let place = 0;
    // Taken out also when nobody waits for it any more, so that the next one gets its own.
    const value = () => events.values[place++];
    for (let at = 0; at < numbers.length; at += 3) {
      const kind = numbers[at];
      const token = numbers[at + 1] as number;
      const number = numbers[at + 2] as number;
      if (kind === READY) {
        this.sources.get(token)?.onReady?.(number);
      } else if (kind === MESSAGE) {
        const reply = packet?.next(undefined, number);
        this.operations.get(token)?.resolve(reply);
      } else if (kind === FAILED) {
        const text = value() as string;
        this.operations.get(token)?.reject(errorOf(number, text));
      } else if (kind === DONE || kind === NUMBER) {
        this.operations.get(token)?.resolve(kind === DONE ? undefined : number);
      } else if (kind === VALUE) {
        const handle = value();
        this.operations.get(token)?.resolve(handle);
      } else if (kind === QUESTION) {
        const question = value() as NativeQuestion;
        this.sources.get(token)?.onQuestion?.(number, question);
      } else {
        const json = value() as string;
        this.sources.get(token)?.onEvent?.(number, json);
      }
    }
  }
}

/** The loop of this environment: of the main program, or of one worker. */
export const loop = new Loop();
