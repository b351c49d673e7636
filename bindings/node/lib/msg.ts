/** Received messages: views of the packet in which they came. */

import { addon } from "./addon";
import { MalformedMessageError } from "./errors";
import { MsgHdrsImpl } from "./headers";
import type { Msg, MsgHdrs, Payload, Publisher, PublishOptions, ReviverFn } from "./types";

/** The numbers in front of a packet, and those of each message; see src/packet.rs. */
const HEAD = 2;
const LENGTHS = 5;

/** No bytes. */
export const Empty = new Uint8Array(0);

/** Reads a packet. `more` says that others can be had at once. */
export function unpack(packet: ArrayBuffer): { messages: MsgImpl[]; more: boolean } {
  const head = new Uint32Array(packet, 0, HEAD);
  const count = head[0] as number;
  const lengths = new Uint32Array(packet, HEAD * 4, count * LENGTHS);
  const bytes = Buffer.from(packet);
  const messages = new Array<MsgImpl>(count);
  let start = (HEAD + count * LENGTHS) * 4;
  for (let index = 0, at = 0; index < count; index++, at += LENGTHS) {
    const subject = start + (lengths[at] as number);
    const reply = subject + (lengths[at + 1] as number);
    const headers = reply + (lengths[at + 2] as number);
    const data = headers + (lengths[at + 3] as number);
    const fault = data + (lengths[at + 4] as number);
    messages[index] = new MsgImpl(bytes, start, subject, reply, headers, data, fault);
    start = fault;
  }
  return { messages, more: head[1] === 1 };
}

/** A received message. Everything is read when it is asked for. */
export class MsgImpl implements Msg {
  /** @internal The connection that an answer goes out by. */
  publisher: Publisher | undefined;
  sid = 0;
  #bytes: Buffer;
  #start: number;
  /** Where the parts end. */
  #subjectEnd: number;
  #replyEnd: number;
  #headersEnd: number;
  #dataEnd: number;
  #end: number;
  #subject: string | undefined;
  #headers: MsgHdrs | undefined;
  #data: Uint8Array | undefined;

  constructor(
    bytes: Buffer,
    start: number,
    subject: number,
    reply: number,
    headers: number,
    data: number,
    end: number,
  ) {
    this.#bytes = bytes;
    this.#start = start;
    this.#subjectEnd = subject;
    this.#replyEnd = reply;
    this.#headersEnd = headers;
    this.#dataEnd = data;
    this.#end = end;
  }

  get subject(): string {
    return (this.#subject ??= this.#text(this.#start, this.#subjectEnd));
  }

  get subjectBytes(): Uint8Array {
    return this.#view(this.#start, this.#subjectEnd);
  }

  get reply(): string | undefined {
    const [start, end] = [this.#subjectEnd, this.#replyEnd];
    return start === end ? undefined : this.#text(start, end);
  }

  get headers(): MsgHdrs | undefined {
    if (this.#headers === undefined && this.#replyEnd < this.#headersEnd) {
      const block = this.#view(this.#replyEnd, this.#headersEnd);
      this.#headers = MsgHdrsImpl.received(addon.parseHeaders(block));
    }
    return this.#headers;
  }

  get data(): Uint8Array {
    return (this.#data ??= this.#view(this.#headersEnd, this.#dataEnd));
  }

  string(): string {
    return this.#text(this.#headersEnd, this.#dataEnd);
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
    return this.#dataEnd - this.#start;
  }

  check(): void {
    if (this.#dataEnd < this.#end) {
      throw new MalformedMessageError(this.#text(this.#dataEnd, this.#end));
    }
  }

  #text(start: number, end: number): string {
    return this.#bytes.toString("utf8", start, end);
  }

  #view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#bytes.buffer, this.#bytes.byteOffset + start, end - start);
  }
}
