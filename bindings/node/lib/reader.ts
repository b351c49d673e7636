/** One loop over a subscription. */

import type { Msg } from "./types";

/** What a reader asks of its subscription. */
export interface Readable {
  read(reader: Reader): Promise<IteratorResult<Msg>>;
  left(reader: Reader): void;
}

/** A loop over a subscription. */
export class Reader implements AsyncIterableIterator<Msg> {
  /** Its consumer has a message that it has not come back from. */
  busy = false;
  /** A drain does not wait for that message: the consumer may be what waits for the drain. */
  excused = false;
  readonly #subscription: Readable;

  constructor(subscription: Readable) {
    this.#subscription = subscription;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Msg>> {
    this.busy = false;
    this.excused = false;
    return this.#subscription.read(this);
  }

  return(): Promise<IteratorResult<Msg>> {
    this.busy = false;
    this.#subscription.left(this);
    return Promise.resolve({ done: true, value: undefined });
  }
}
