/** One loop over a subscription. */

/** What a reader asks of its subscription. */
export interface Readable<T> {
  read(reader: Reader<T>): Promise<IteratorResult<T>>;
  left(reader: Reader<T>): void;
}

/** A loop over a subscription. */
export class Reader<T> implements AsyncIterableIterator<T> {
  /** Its consumer has a message that it has not come back from. */
  busy = false;
  /** A drain does not wait for that message: the consumer may be what waits for the drain. */
  excused = false;
  readonly #subscription: Readable<T>;

  constructor(subscription: Readable<T>) {
    this.#subscription = subscription;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<T>> {
    this.busy = false;
    this.excused = false;
    return this.#subscription.read(this);
  }

  return(): Promise<IteratorResult<T>> {
    this.busy = false;
    this.#subscription.left(this);
    return Promise.resolve({ done: true, value: undefined });
  }
}
