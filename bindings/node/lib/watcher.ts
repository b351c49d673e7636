/** Watches of buckets: entries one by one, with the mark behind what there was taken out. */

import { Entries, type KvEntryImpl } from "./entry";
import type { KvWatcher } from "./kv_types";
import type { SubscriptionImpl } from "./subscription";
import { deferred, type Deferred } from "./util";

/** What a watch takes. */
export interface Told {
  /** It is the mark behind what there was. */
  readonly isNone: boolean;
  /** It was done since the watch began. */
  isUpdate: boolean;
}

/** What a watch makes of entries. */
export interface Telling<T, E = KvEntryImpl> {
  /** What is told of an entry; nothing: it is left out. */
  of(entry: E): T | undefined;
  /** It ends behind what there was. */
  ends: boolean;
}

/** A watch. */
export class WatcherImpl<T, E extends Told = KvEntryImpl> implements KvWatcher<T> {
  readonly caughtUp: Deferred<boolean> = deferred<boolean>();
  readonly closed: Promise<void | Error>;
  readonly #subscription: SubscriptionImpl<E>;
  readonly #telling: Telling<T, E>;
  #caughtUp = false;
  #told = 0;

  constructor(subscription: SubscriptionImpl<E>, telling: Telling<T, E>) {
    this.#subscription = subscription;
    this.#telling = telling;
    this.closed = subscription.closed;
    void this.closed.then(() => this.caughtUp.resolve(false));
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const source = this.#subscription[Symbol.asyncIterator]();
    const end = async (): Promise<IteratorResult<T>> => {
      await source.return?.();
      return { done: true, value: undefined };
    };
    const next = async (): Promise<IteratorResult<T>> => {
      for (;;) {
        const result = await source.next();
        if (result.done === true) {
          return result;
        }
        const value = this.#tell(result.value);
        if (value !== undefined) {
          return { done: false, value };
        }
        if (this.#caughtUp && this.#telling.ends) {
          return end();
        }
      }
    };
    const iterator = { next, return: end, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  /** What is told of an entry, if anything is. */
  #tell(entry: E): T | undefined {
    if (entry.isNone) {
      this.#caughtUp = true;
      this.caughtUp.resolve(true);
      return undefined;
    }
    entry.isUpdate = this.#caughtUp;
    const value = this.#telling.of(entry);
    this.#told += value === undefined ? 0 : 1;
    return value;
  }

  stop(): void {
    this.#subscription.unsubscribe();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
  }

  getProcessed(): number {
    return this.#told;
  }

  getPending(): number {
    return this.#subscription.getPending();
  }

  getReceived(): number {
    return this.#told + this.getPending();
  }
}

/** What makes entries of a bucket's packets. */
export function reader(bucket: string): (block: Buffer) => Entries {
  return (block) => new Entries(block, bucket);
}
