/**
 * What a connection has published and requested in this turn of the event loop: the first message
 * of a turn crosses at once and finds out how much may follow; what follows is put down in a block
 * of memory and crosses at the turn's end, or before anything else does.
 */

import { addon, type NativeConnection, type Pairs } from "./addon";
import { fromNative } from "./errors";
import type { Payload } from "./types";

// The numbers in front of the block, and those of a record; see src/outbox.rs.
const END = 0;
const ROOM = 1;
const LARGEST = 2;
const HEADERS = 3;
const HEAD = 16;
const RECORD = 12;
const REQUEST_RECORD = 24;
const REQUEST = 0x8000_0000;
const STORE = 0x4000_0000;

/** Bytes of a publish on the wire besides subject, headers and payload, and some more. */
const FRAME = 64;
/** The same of a request, with the longest inbox. */
const REQUEST_FRAME = 1200;
/** Payloads above this many bytes are not copied twice. */
const SMALL = 4096;
/** What has up to this many bytes is copied faster here than by a call. */
const TINY = 48;
/** Subjects up to this length may be put down. */
const SHORT = 512;
/** Subjects that are accepted beyond doubt. */
const PLAIN = new RegExp(addon.plainSubjects());
/** How many headers are remembered. */
const KEPT = 64;
/** One in so many that are not known is remembered: many are used once only. */
const NOTED = 4;

/** Headers that have a number natively, and how many bytes they have at most. */
interface Known {
  number: number;
  size: number;
}

const NONE: Known = { number: 0, size: 0 };

/** Outboxes with a turn under way. */
const busy = new Set<Outbox>();
/** The program ends: there will be no end of the turn. */
let exiting = false;

process.on("exit", () => {
  exiting = true;
  for (const outbox of busy) {
    outbox.leave();
  }
});

/** The outbox of one connection. */
export class Outbox {
  readonly #native: NativeConnection;
  readonly #report: (error: unknown) => void;
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  readonly #headers = new Map<Pairs, Known>();
  #unknown = 0;
  /** A plain subject. */
  #subject: string | undefined;
  readonly #tick = () => this.#endTurn();

  /** `report` is told why messages were refused that had been put down. */
  constructor(connection: NativeConnection, report: (error: unknown) => void) {
    this.#native = connection;
    this.#report = report;
    const block = connection.outbox();
    this.#words = new Uint32Array(block);
    this.#bytes = Buffer.from(block);
  }

  /**
   * Publishes. `pairs` are headers that do not change any more; `answers`: to the reply subject of a
   * message.
   *
   * @throws what the native call throws; nothing is published then.
   */
  publish(
    subject: string,
    payload: Payload,
    reply?: string,
    pairs?: Pairs,
    answers = false,
  ): void {
    if (reply === undefined && this.#put(subject, payload, pairs, RECORD, FRAME)) {
      return;
    }
    this.#cross(pairs, (native, number) =>
      native.publish(subject, payload, reply, pairs, number, answers),
    );
  }

  /**
   * Sends a request that completes under the token; `timeout` is a whole number of milliseconds, 0
   * for the usual time.
   *
   * @throws what the native call throws; there is no completion then.
   */
  request(token: number, subject: string, payload: Payload, timeout: number, pairs?: Pairs): void {
    if (!this.#ask(REQUEST, token, subject, payload, timeout, pairs)) {
      this.#cross(pairs, (native, number) =>
        native.request(token, subject, payload, pairs, number, timeout),
      );
    }
  }

  /**
   * Sends a message to a stream, whose acknowledgement completes under the token. `options` is the
   * document of its options, if it has some.
   *
   * @throws what the native call throws; there is no completion then.
   */
  store(
    token: number,
    subject: string,
    payload: Payload,
    timeout: number,
    pairs?: Pairs,
    options?: string,
  ): void {
    if (options !== undefined) {
      this.#cross(undefined, (native) =>
        native.store(token, subject, payload, pairs, 0, timeout, options),
      );
    } else if (!this.#ask(REQUEST + STORE, token, subject, payload, timeout, pairs)) {
      this.#cross(pairs, (native, number) =>
        native.store(token, subject, payload, pairs, number, timeout, undefined),
      );
    }
  }

  /**
   * Publishes a short text to the reply subject of a message, which lies in `bytes`: it is not made
   * into a string when it can be put down.
   *
   * @throws what the native call throws; nothing is published then.
   */
  answer(bytes: Uint8Array, start: number, end: number, payload: string): void {
    const words = this.#words;
    const at = (words[END] as number) >> 2;
    const length = end - start;
    const place = at * 4 + RECORD;
    const most = payload.length * 3;
    const room = (words[ROOM] as number) - length - most - FRAME;
    if (
      room < 0 ||
      length > SHORT ||
      payload.length > TINY ||
      most > (words[LARGEST] as number) ||
      place + length + most > this.#bytes.length
    ) {
      const reply = Buffer.from(bytes.buffer, bytes.byteOffset + start, length).toString();
      this.#cross(undefined, (native) =>
        native.publish(reply, payload, undefined, undefined, 0, false),
      );
      return;
    }
    const block = this.#bytes;
    for (let from = 0; from < length; from++) {
      block[place + from] = bytes[start + from] as number;
    }
    const stop = this.#text(payload, place + length);
    words[at] = length;
    words[at + 1] = 0;
    words[at + 2] = stop - place - length;
    words[END] = (stop + 3) & ~3;
    words[ROOM] = room;
  }

  /** Puts a request down, if it is known to be accepted. */
  #ask(
    flags: number,
    token: number,
    subject: string,
    payload: Payload,
    timeout: number,
    pairs: Pairs | undefined,
  ): boolean {
    const words = this.#words;
    const start = (words[END] as number) >> 2;
    if (!this.#put(subject, payload, pairs, REQUEST_RECORD, REQUEST_FRAME)) {
      return false;
    }
    words[start] = (words[start] as number) + flags;
    words[start + 3] = token;
    words[start + 4] = token / 2 ** 32;
    words[start + 5] = timeout;
    return true;
  }

  /** Hands over what was put down, and waits until it has left the process. */
  leave(): void {
    this.#native.leave();
  }

  /** Hands over what was put down. */
  #endTurn(): void {
    busy.delete(this);
    if (this.#words[END] === HEAD) {
      this.#words[ROOM] = 0;
      return;
    }
    try {
      this.#native.handOver();
    } catch (thrown) {
      this.#report(fromNative(thrown));
    }
  }

  /** Puts a message down behind so many bytes of numbers, if it is known to be accepted. */
  #put(
    subject: string,
    payload: Payload,
    pairs: Pairs | undefined,
    record: number,
    frame: number,
  ): boolean {
    const words = this.#words;
    const headers = pairs === undefined ? NONE : this.#headers.get(pairs);
    if (headers === undefined || subject.length > SHORT) {
      return false;
    }
    const most = typeof payload === "string" ? payload.length * 3 : payload.length;
    const at = (words[END] as number) >> 2;
    const start = at * 4 + record + subject.length;
    const room = (words[ROOM] as number) - subject.length - headers.size - most - frame;
    if (
      room < 0 ||
      most > SMALL ||
      most + headers.size > (words[LARGEST] as number) ||
      start + most > this.#bytes.length ||
      (headers !== NONE && words[HEADERS] === 0) ||
      !this.#isPlain(subject)
    ) {
      return false;
    }
    this.#text(subject, at * 4 + record);
    const end =
      typeof payload === "string" ? this.#text(payload, start) : this.#copy(payload, start);
    words[at] = subject.length;
    words[at + 1] = headers.number;
    words[at + 2] = end - start;
    words[END] = (end + 3) & ~3;
    words[ROOM] = room;
    return true;
  }

  #isPlain(subject: string): boolean {
    if (subject !== this.#subject) {
      if (!PLAIN.test(subject)) {
        return false;
      }
      this.#subject = subject;
    }
    return true;
  }

  /** Writes bytes; returns where they end. */
  #copy(payload: Uint8Array, start: number): number {
    const length = payload.length;
    if (length > TINY) {
      this.#bytes.set(payload, start);
    } else {
      const bytes = this.#bytes;
      for (let at = 0; at < length; at++) {
        bytes[start + at] = payload[at] as number;
      }
    }
    return start + length;
  }

  /** Writes text; returns where it ends. */
  #text(text: string, start: number): number {
    const bytes = this.#bytes;
    const length = text.length;
    if (length <= TINY) {
      let at = 0;
      for (let code: number; at < length && (code = text.charCodeAt(at)) < 0x80; at++) {
        bytes[start + at] = code;
      }
      if (at === length) {
        return start + length;
      }
    }
    return start + bytes.write(text, start);
  }

  /** Sends what was put down, then makes a call, and learns how much may follow in this turn. */
  #cross(
    pairs: Pairs | undefined,
    call: (native: NativeConnection, headersNumber: number) => void,
  ): void {
    const number = pairs === undefined ? 0 : this.#number(pairs);
    if (!busy.has(this)) {
      busy.add(this);
      process.nextTick(this.#tick);
    }
    try {
      call(this.#native, number);
    } catch (thrown) {
      throw fromNative(thrown);
    }
    if (exiting) {
      this.#words[ROOM] = 0;
    }
    if (pairs !== undefined && number > 0) {
      const size = pairs.reduce((sum, text) => sum + text.length * 3 + 4, FRAME);
      this.#headers.set(pairs, { number, size });
    }
  }

  /** The number that headers are to get, 0 when they get none. */
  #number(pairs: Pairs): number {
    if (this.#headers.has(pairs) || this.#unknown++ % NOTED !== 0) {
      return 0;
    }
    if (this.#headers.size >= KEPT) {
      this.#headers.clear();
    }
    return this.#headers.size + 1;
  }
}
