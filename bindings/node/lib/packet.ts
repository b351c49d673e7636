/** Messages as they come from the native side: many at a time, in one block of memory. */

import { MsgImpl, Subject, type Parts, type Responder } from "./msg";
import type { Unpack } from "./subscription";
import type { Msg } from "./types";

/** Set in the length of a payload when the other lengths follow; see src/packet.rs. */
const FULL = 0x8000_0000;
/** Numbers in front of the messages. */
const HEAD = 2;

/** Messages, read one by one. */
export class Packet {
  /** Others can be had at once. */
  readonly more: boolean;
  /** Messages that were not read yet. */
  left: number;
  /** The memory, and a view of all of it. */
  readonly #memory: ArrayBuffer;
  readonly #bytes: Buffer;
  readonly #words: Uint32Array;
  /** Where the packet begins. */
  readonly #offset: number;
  /** Where the next message is, as a number of words. */
  #at = HEAD;
  #subject: Subject;

  constructor(packet: Buffer) {
    const memory = packet.buffer as ArrayBuffer;
    const words = new Uint32Array(memory, packet.byteOffset, packet.length >> 2);
    this.#memory = memory;
    this.#words = words;
    this.#offset = packet.byteOffset;
    this.#bytes = packet.length === memory.byteLength ? packet : Buffer.from(memory);
    this.left = words[0] as number;
    this.more = words[1] === 1;
    this.#subject = new Subject(memory, this.#bytes, 0, 0);
  }

  /** The next message, which must be there. */
  next(publisher: Responder | undefined, sid: number): MsgImpl {
    this.left--;
    const length = this.#words[this.#at] as number;
    if (length >= FULL) {
      return this.#full(publisher, sid, length - FULL);
    }
    const start = this.#offset + (this.#at + 1) * 4;
    const end = start + length;
    this.#at += 1 + ((length + 3) >> 2);
    return new MsgImpl(publisher, sid, this.#subject, start, end, undefined);
  }

  #full(publisher: Responder | undefined, sid: number, length: number): MsgImpl {
    const words = this.#words;
    const at = this.#at;
    const start = this.#offset + (at + 5) * 4;
    const reply = start + (words[at + 1] as number);
    const headers = reply + (words[at + 2] as number);
    const data = headers + (words[at + 3] as number);
    const fault = data + length;
    const end = fault + (words[at + 4] as number);
    const parts: Parts = { reply, headers, data, fault, end };
    if (reply > start) {
      this.#subject = new Subject(this.#memory, this.#bytes, start, reply);
    }
    this.#at += 5 + ((end - start + 3) >> 2);
    return new MsgImpl(publisher, sid, this.#subject, data, fault, parts);
  }
}

/** How messages are unpacked. */
export const messages: Unpack<Msg> = (packet) => new Packet(packet);
