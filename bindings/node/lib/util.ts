/** Small things that programs for nats.js import from it. */

import { addon } from "./addon";
import { string } from "./check";
import { native, TimeoutError } from "./errors";
import { nuid } from "./nuid";

/** Nanoseconds. */
export type Nanos = number;

/** A promise that can be settled from outside. */
export interface Deferred<T> extends Promise<T> {
  resolve(value: T | PromiseLike<T>): void;
  reject(reason?: unknown): void;
}

/** A promise that can be settled from outside. */
export function deferred<T = void>(): Deferred<T> {
  const settle: Partial<Deferred<T>> = {};
  const promise = new Promise<T>((resolve, reject) => Object.assign(settle, { resolve, reject }));
  return Object.assign(promise, settle) as Deferred<T>;
}

/** A promise that can be ended early. */
export interface Delay extends Promise<void> {
  /** Resolves it now. */
  cancel(): void;
}

/** Resolves after `ms` milliseconds. */
export function delay(ms = 0): Delay {
  let cancel = () => {};
  const promise = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    cancel = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return Object.assign(promise, { cancel });
}

/** Settles like `promise`, or rejects with TimeoutError after `ms` milliseconds. */
export async function deadline<T>(promise: Promise<T>, ms = 1000): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`not settled within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Nanoseconds of milliseconds. */
export function nanos(millis: number): Nanos {
  return millis * 1_000_000;
}

/** Whole milliseconds of nanoseconds. */
export function millis(ns: Nanos): number {
  return Math.floor(ns / 1_000_000);
}

/** Growing pauses. */
export interface Backoff {
  /** The pause in milliseconds behind attempt number `attempt`, counted from 0. */
  backoff(attempt: number): number;
}

/** Pauses of about these milliseconds, the last of them for all further attempts. */
export function backoff(policy: number[] = [0, 250, 250, 500, 500, 3000, 5000]): Backoff {
  return {
    backoff(attempt) {
      const pause = policy[Math.max(0, Math.min(attempt, policy.length - 1))] ?? 0;
      return pause === 0 ? 0 : Math.floor(pause / 2 + Math.random() * pause);
    },
  };
}

/** Takes from an iterable by calls. */
export interface SyncIterator<T> {
  /** The next value, or null when there are no more. */
  next(): Promise<T | null>;
}

/** Takes from an iterable by calls. */
export function syncIterator<T>(source: AsyncIterable<T>): SyncIterator<T> {
  const iterator = source[Symbol.asyncIterator]();
  return {
    async next() {
      const result = await iterator.next();
      return result.done === true ? null : result.value;
    },
  };
}

/** A new inbox subject. Throws InvalidOptionError when the prefix cannot begin one. */
export function createInbox(prefix = "_INBOX"): string {
  string("prefix", prefix);
  const begin = prefix === "" ? "_INBOX" : prefix;
  native(() => addon.checkInboxPrefix(begin));
  return `${begin}.${nuid.next()}`;
}
