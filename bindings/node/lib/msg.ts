/** Received messages: views of the packet in which they came. */

import { addon } from "./addon";
import { MalformedMessageError } from "./errors";
import { MsgHdrsImpl } from "./headers";
import type { Msg, MsgHdrs, Payload, Publisher, PublishOptions, ReviverFn } from "./types";

/** No bytes. */
export const Empty = new Uint8Array(0);

/** A subject, which many messages of a packet have. */
export class Subject {
  readonly memory: ArrayBuffer;
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  #text: string | undefined;

  /** `bytes` are all of `memory`. */
  constructor(memory: ArrayBuffer, bytes: Buffer, start: number, end: number) {
    this.memory = memory;
    this.bytes = bytes;
    this.start = start;
    this.end = end;
  }

  /** Decoded once. */
  get text(): string {
    return (this.#text ??= this.bytes.toString("utf8", this.start, this.end));
  }
}

/** Where the parts lie that most messages do not have. */
export interface Parts {
  reply: number;
  headers: number;
  data: number;
  fault: number;
  end: number;
}

/** A received message. Everything is read when it is asked for. */
export class MsgImpl implements Msg {
  /** @internal The connection that an answer goes out by. */
  publisher: Publisher | undefined;
  sid: number;
  readonly #subject: Subject;
  readonly #start: number;
  readonly #end: number;
  readonly #parts: Parts | undefined;
  #headers: MsgHdrs | undefined;
  #data: Uint8Array | undefined;

  /** `start` and `end` are those of the payload. */
  constructor(
    publisher: Publisher | undefined,
    sid: number,
    subject: Subject,
    start: number,
    end: number,
    parts: Parts | undefined,
  ) {
    this.publisher = publisher;
    this.sid = sid;
    this.#subject = subject;
    this.#start = start;
    this.#end = end;
    this.#parts = parts;
  }

  get subject(): string {
    return this.#subject.text;
  }

  get subjectBytes(): Uint8Array {
    return this.#view(this.#subject.start, this.#subject.end);
  }

  get reply(): string | undefined {
    const parts = this.#parts;
    const none = parts === undefined || parts.reply === parts.headers;
    return none ? undefined : this.#text(parts.reply, parts.headers);
  }

  get headers(): MsgHdrs | undefined {
    const parts = this.#parts;
    if (this.#headers === undefined && parts !== undefined && parts.headers < parts.data) {
      const block = this.#view(parts.headers, parts.data);
      this.#headers = MsgHdrsImpl.received(addon.parseHeaders(block));
    }
    return this.#headers;
  }

  get data(): Uint8Array {
    return (this.#data ??= this.#view(this.#start, this.#end));
  }

  string(): string {
    return this.#text(this.#start, this.#end);
  }

  json<T>(reviver?: ReviverFn): T {
    return JSON.parse(this.string(), reviver);
  }

  respond(payload: Payload = Empty, options?: PublishOptions): boolean {
    const reply = this.reply;
    if (reply === undefined || this.publisher === undefined) {
      return false;
    }
    this.publisher.publish(reply, payload, options);
    return true;
  }

  size(): number {
    const { start, end } = this.#subject;
    return end - start + this.#end - (this.#parts?.reply ?? this.#start);
  }

  check(): void {
    const parts = this.#parts;
    if (parts !== undefined && parts.fault < parts.end) {
      throw new MalformedMessageError(this.#text(parts.fault, parts.end));
    }
  }

  #text(start: number, end: number): string {
    return this.#subject.bytes.toString("utf8", start, end);
  }

  #view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#subject.memory, start, end - start);
  }
}
