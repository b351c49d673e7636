/** Batches of messages to a stream. */

import type { NativeBatch, NativeOperation } from "./addon";
import { payload as checkPayload, string } from "./check";
import type { Way } from "./jetstream";
import { loop } from "./loop";
import { Empty } from "./msg";
import { storeDocument } from "./options";
import type { Batch, BatchState, JetStreamPublishOptions, Payload, PubAck } from "./types";

/** A batch of a JetStream. */
export class BatchImpl implements Batch {
  readonly #way: Way;
  readonly #native: NativeBatch;

  constructor(way: Way, native: NativeBatch) {
    this.#way = way;
    this.#native = native;
  }

  async add(
    subject: string,
    payload: Payload = Empty,
    options: JetStreamPublishOptions = {},
  ): Promise<void> {
    await this.#send<void>("batchAdd", subject, payload, options);
  }

  async commit(
    subject: string,
    payload: Payload = Empty,
    options: JetStreamPublishOptions = {},
  ): Promise<PubAck> {
    return ack(await this.#send<string>("batchCommit", subject, payload, options));
  }

  async close(): Promise<PubAck> {
    const { native } = this.#way;
    return ack(await loop.run<string>((token) => native.batchClose(token, this.#native)));
  }

  async state(): Promise<BatchState> {
    const { native } = this.#way;
    const json = await loop.run<string>((token) => native.batchState(token, this.#native));
    return JSON.parse(json) as BatchState;
  }

  #send<T>(
    how: "batchAdd" | "batchCommit",
    subject: string,
    payload: Payload,
    options: JetStreamPublishOptions,
  ): Promise<T> {
    string("subject", subject);
    checkPayload(payload);
    const said = storeDocument(options);
    const pairs = this.#way.pairs(options.headers, {});
    const { native } = this.#way;
    const send = (token: number): NativeOperation =>
      native[how](token, this.#native, subject, payload, pairs, said?.json);
    return loop.run<T>(said === undefined ? send : (token) => said.read(() => send(token)));
  }
}

function ack(json: string): PubAck {
  const read = JSON.parse(json) as PubAck;
  read.duplicate ??= false;
  return read;
}
