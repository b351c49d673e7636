/** What a subscription brings, made into something else. */

import type { QueuedIterator } from "./kv_types";
import type { SubscriptionImpl } from "./subscription";

/** An iterator over what a subscription brings. */
export abstract class Mapped<M, T> implements QueuedIterator<T> {
  /** @internal */
  protected readonly subscription: SubscriptionImpl<M>;

  constructor(subscription: SubscriptionImpl<M>) {
    this.subscription = subscription;
  }

  /** @internal What a loop gets of it; nothing: it is left out. */
  protected abstract of(message: M): T | undefined;

  /** @internal The loop is done with what it has got. */
  protected done(): void {}

  /** @internal Whether this ends a loop without an error. */
  protected ends(_error: unknown): boolean {
    return false;
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    const source = this.subscription[Symbol.asyncIterator]();
    const next = async (): Promise<IteratorResult<T>> => {
      this.done();
      try {
        for (;;) {
          const result = await source.next();
          if (result.done === true) {
            return result;
          }
          const value = this.of(result.value);
          if (value !== undefined) {
            return { done: false, value };
          }
        }
      } catch (error) {
        if (this.ends(error)) {
          return { done: true, value: undefined };
        }
        throw error;
      }
    };
    const end = async (): Promise<IteratorResult<T>> => {
      this.done();
      await source.return?.();
      return { done: true, value: undefined };
    };
    const iterator = { next, return: end, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }

  stop(): void {
    this.subscription.unsubscribe();
  }

  getProcessed(): number {
    return this.subscription.getProcessed();
  }

  getPending(): number {
    return this.subscription.getPending();
  }

  getReceived(): number {
    return this.getProcessed() + this.getPending();
  }
}
