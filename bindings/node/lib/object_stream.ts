/** Objects that are read and written piece by piece, and what a watch of objects takes. */

import { types } from "node:util";

import { onAbort } from "./abort";
import type { NativeObjectReader, NativeOperation } from "./addon";
import { wrongType } from "./check";
import { native, ProtocolError } from "./errors";
import type { Way } from "./jetstream";
import { loop } from "./loop";
import { infoOf, objectInfo } from "./object_options";
import type {
  ObjectInfo,
  ObjectProgress,
  ObjectResult,
  ObjectSource,
  ObjectStoreGetOpts,
  ObjectWatchInfo,
} from "./object_types";
import { Packet } from "./packet";
import type { Held } from "./subscription";
import type { Msg } from "./types";
import { deferred } from "./util";
import type { Told } from "./watcher";

/** How much is handed over at once. */
const BLOCK = 128 << 10;

/** An object that is read as its stream is asked for. */
export class Reading {
  readonly #way: Way;
  readonly #reader: NativeObjectReader;
  readonly #signal: AbortSignal | undefined;
  readonly #progress: ObjectProgress | undefined;
  readonly #error = deferred<Error | null>();
  readonly #info: ObjectInfo;
  /** Bytes so far, and all of them. */
  #bytes = 0;
  readonly #total: number;

  constructor(way: Way, reader: NativeObjectReader, opts: ObjectStoreGetOpts) {
    this.#way = way;
    this.#reader = reader;
    this.#signal = opts.signal;
    this.#progress = opts.progress;
    this.#info = infoOf(native(() => reader.info()));
    this.#total = Math.min(opts.length ?? Infinity, this.#info.size - (opts.offset ?? 0));
  }

  /** The object. */
  result(): ObjectResult {
    const pull = (to: ReadableStreamDefaultController<Uint8Array>) => this.#pull(to);
    const cancel = () => this.#end(null);
    const data = new ReadableStream<Uint8Array>({ pull, cancel }, { highWaterMark: 0 });
    return { info: this.#info, data, error: this.#error };
  }

  async #pull(to: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    try {
      const next = (token: number): NativeOperation => this.#way.native.objectNext(token, this.#reader);
      const chunk = await loop.run<Msg | undefined>(next, this.#signal);
      if (chunk === undefined) {
        this.#end(null);
        to.close();
        return;
      }
      to.enqueue(chunk.data);
      this.#bytes += chunk.data.length;
      this.#progress?.(this.#bytes, this.#total);
    } catch (thrown) {
      this.#end(thrown instanceof Error ? thrown : new Error(String(thrown)));
      to.error(thrown);
    }
  }

  #end(error: Error | null): void {
    this.#reader.leave();
    this.#error.resolve(error);
  }
}

/** What a watch has taken. */
export class Updates implements Held<Update> {
  readonly #packet: Packet;

  constructor(packet: Buffer) {
    this.#packet = new Packet(packet);
  }

  get more(): boolean {
    return this.#packet.more;
  }

  get left(): number {
    return this.#packet.left;
  }

  next(): Update {
    return new Update(this.#packet.next(undefined, 0).string());
  }
}

/** What a watch tells; nothing: that all that there was has come. */
class Update implements Told {
  isUpdate = false;
  readonly #json: string;

  constructor(json: string) {
    this.#json = json;
  }

  get isNone(): boolean {
    return this.#json === "";
  }

  /** What is known of the object. */
  info(): ObjectWatchInfo {
    const told = JSON.parse(this.#json) as Record<string, unknown> | [string];
    if (Array.isArray(told)) {
      throw new ProtocolError(told[0]);
    }
    return { ...objectInfo(told), isUpdate: this.isUpdate };
  }
}

/** What a source yields, in pieces that are handed over at once, until the signal. */
export async function* pieces(
  source: ObjectSource,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  const { next, leave } = begun(source);
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await unlessAborted(next(), signal);
      if (done === true) {
        ended = true;
        return;
      }
      if (!types.isUint8Array(value)) {
        throw wrongType("rs", "a stream of Uint8Array", value);
      }
      for (let at = 0; at < value.length; at += BLOCK) {
        yield value.subarray(at, at + BLOCK);
      }
    }
  } finally {
    if (!ended) {
      // How the source takes that is no news.
      leave()?.catch(() => {});
    }
  }
}

/** How a source is read, and how it is told that it is not read any more. */
function begun(source: ObjectSource): {
  next: () => Promise<{ done?: boolean; value?: unknown }>;
  leave: () => Promise<unknown> | undefined;
} {
  if ("getReader" in source) {
    const reader = source.getReader();
    return { next: () => reader.read(), leave: () => reader.cancel() };
  }
  const iterator = source[Symbol.asyncIterator]();
  return { next: () => iterator.next(), leave: () => iterator.return?.() };
}

/** The promise's value, if it comes before the signal. */
function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) {
    return promise;
  }
  signal.throwIfAborted();
  return new Promise<T>((resolve, reject) => {
    const forget = onAbort(signal, () => reject(signal.reason));
    promise.then(resolve, reject).finally(forget);
  });
}
