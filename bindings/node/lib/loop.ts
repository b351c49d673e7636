/**
 * The one queue of the environment: results of operations, readiness of subscriptions, events of
 * connections. The native side wakes it once for as many of them as there are.
 */

import { onAbort } from "./abort";
import { addon, type NativeOperation, type NativeQuestion, type NativeQueue } from "./addon";
import { errorOf, fromNative, refusalOf } from "./errors";
import type { MsgImpl, Responder } from "./msg";
import { Packet } from "./packet";

/** What is told of a subscription or connection under its token. */
export interface Source {
  /** There are messages, this many, or the end has come. */
  onReady?(pending: number): void;
  /** Something happened to the connection. */
  onEvent?(kind: number, json: string): void;
  /** The connection asks something. */
  onQuestion?(question: NativeQuestion): void;
  /** An operation is so far. */
  onProgress?(soFar: number, total: number): void;
  /** The library has logged something. */
  onRecord?(level: number, text: string): void;
}

interface Pending {
  resolve(value: any): void;
  reject(reason: unknown): void;
  forgetSignal: (() => void) | undefined;
  asked: Asked | undefined;
}

/** What the outcome of a request needs of it. */
export interface Asked {
  /** Where an answer to the reply goes out. */
  publisher: Responder;
  /** What it rejects with when this is why. */
  refusal(error: unknown): unknown;
  /** What it resolves to, if that is not the reply. */
  read?(reply: MsgImpl): unknown;
}

// The kinds of events, as src/queue.rs numbers them.
const DONE = 0;
const FAILED = 1;
const NUMBER = 2;
const MESSAGE = 3;
const VALUE = 4;
const READY = 5;
const QUESTION = 7;
const RECORD = 8;
const REFUSED = 9;
const PROGRESS = 10;

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
    asked?: Asked,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      signal?.throwIfAborted();
      let operation: NativeOperation | void;
      try {
        operation = start(token);
      } catch (thrown) {
        const error = fromNative(thrown);
        throw asked === undefined ? error : asked.refusal(error);
      }
      const abort = () => {
        operation?.cancel();
        this.settle(token);
        reject(signal?.reason);
      };
      const forgetSignal = signal && onAbort(signal, abort);
      this.operations.set(token, { resolve, reject, forgetSignal, asked });
      this.hold();
    });
  }

  /** What waits for the operation, which ends now. */
  private settle(token: number): Pending | undefined {
    const pending = this.operations.get(token);
    if (pending !== undefined) {
      this.operations.delete(token);
      this.release();
      pending.forgetSignal?.();
    }
    return pending;
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
        const pending = this.settle(token);
        const reply = (packet as Packet).next(pending?.asked?.publisher, number);
        if (pending !== undefined) {
          answered(pending, reply);
        }
      } else if (kind === FAILED || kind === REFUSED) {
        const text = value() as string;
        const error = kind === FAILED ? errorOf(number, text) : refusalOf(number, text);
        const pending = this.settle(token);
        pending?.reject(pending.asked === undefined ? error : pending.asked.refusal(error));
      } else if (kind === DONE || kind === NUMBER) {
        this.settle(token)?.resolve(kind === DONE ? undefined : number);
      } else if (kind === VALUE) {
        const handle = value();
        this.settle(token)?.resolve(handle);
      } else if (kind === QUESTION) {
        const question = value() as NativeQuestion;
        this.sources.get(token)?.onQuestion?.(question);
      } else if (kind === RECORD) {
        const text = value() as string;
        this.sources.get(token)?.onRecord?.(number, text);
      } else if (kind === PROGRESS) {
        const total = Number(value());
        this.sources.get(token)?.onProgress?.(number, total);
      } else {
        const json = value() as string;
        this.sources.get(token)?.onEvent?.(number, json);
      }
    }
  }
}

/** Ends a request with its reply. */
function answered(pending: Pending, reply: MsgImpl): void {
  const read = pending.asked?.read;
  if (read === undefined) {
    pending.resolve(reply);
    return;
  }
  try {
    pending.resolve(read(reply));
  } catch (thrown) {
    pending.reject(thrown);
  }
}

/** The loop of this environment: of the main program, or of one worker. */
export const loop = new Loop();
