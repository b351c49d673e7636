/**
 * What a connection has published and requested in this turn of the event loop: the first message of
 * a turn crosses at once and finds out how much may follow; what follows is put down in a block of
 * memory and crosses at the turn's end, or before anything else does.
 */

import type { NativeConnection, Pairs } from "./addon";
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

/** Bytes of a publish on the wire besides subject, headers and payload, and some more. */
const FRAME = 64;
/** The same of a request, with the longest inbox. */
const REQUEST_FRAME = 1200;
/** Payloads above this many bytes are not copied twice. */
const SMALL = 4096;
/** Payloads up to this many bytes are copied faster here than by a call. */
const TINY = 48;
/** How many subjects and headers are remembered. */
const SUBJECTS = 1024;
const KEPT_HEADERS = 64;

/** What has a number natively, and how many bytes it has at most. */
interface Known {
  number: number;
  size: number;
}

const NONE: Known = { number: 0, size: 0 };

/** Outboxes with a turn under way. */
const busy = new Set<Outbox>();

process.on("exit", () => {
  for (const outbox of busy) {
    outbox.endTurn();
  }
});

/** The outbox of one connection. */
export class Outbox {
  readonly #native: NativeConnection;
  readonly #report: (error: unknown) => void;
  readonly #words: Uint32Array;
  readonly #bytes: Buffer;
  readonly #subjects = new Map<string, Known>();
  readonly #headers = new Map<Pairs, Known>();
  readonly #tick = () => this.endTurn();

  /** `report` is told why messages were refused that had been put down. */
  constructor(connection: NativeConnection, report: (error: unknown) => void) {
    this.#native = connection;
    this.#report = report;
    const block = connection.outbox();
    this.#words = new Uint32Array(block);
    this.#bytes = Buffer.from(block);
  }

  /**
   * Publishes. `pairs` are headers that do not change any more.
   *
   * @throws what the native call throws; nothing is published then.
   */
  publish(subject: string, payload: Payload, reply?: string, pairs?: Pairs): void {
    if (reply === undefined && this.#put(subject, payload, pairs, RECORD, FRAME)) {
      return;
    }
    this.#cross(subject, pairs, (native, subjectNumber, headersNumber) =>
      native.publish(subject, subjectNumber, payload, reply, pairs, headersNumber),
    );
  }

  /**
   * Sends a request that completes under the token; `timeout` is a whole number of milliseconds, 0
   * for the usual time.
   *
   * @throws what the native call throws; there is no completion then.
   */
  request(token: number, subject: string, payload: Payload, timeout: number, pairs?: Pairs): void {
    const start = (this.#words[END] as number) >> 2;
    if (this.#put(subject, payload, pairs, REQUEST_RECORD, REQUEST_FRAME)) {
      const words = this.#words;
      words[start] = (words[start] as number) + REQUEST;
      words[start + 3] = token;
      words[start + 4] = token / 2 ** 32;
      words[start + 5] = timeout;
      return;
    }
    this.#cross(subject, pairs, (native, subjectNumber, headersNumber) =>
      native.request(token, subject, subjectNumber, payload, pairs, headersNumber, timeout),
    );
  }

  /** Hands over what was put down. */
  endTurn(): void {
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
    const known = this.#subjects.get(subject);
    const headers = pairs === undefined ? NONE : this.#headers.get(pairs);
    if (known === undefined || headers === undefined) {
      return false;
    }
    const most = typeof payload === "string" ? payload.length * 3 : payload.length;
    const at = (words[END] as number) >> 2;
    const start = at * 4 + record;
    const room = (words[ROOM] as number) - known.size - headers.size - most - frame;
    if (
      room < 0 ||
      most > SMALL ||
      most + headers.size > (words[LARGEST] as number) ||
      start + most > this.#bytes.length ||
      (headers !== NONE && words[HEADERS] === 0)
    ) {
      return false;
    }
    const end = typeof payload === "string" ? this.#text(payload, start) : this.#copy(payload, start);
    words[at] = known.number;
    words[at + 1] = headers.number;
    words[at + 2] = end - start;
    words[END] = (end + 3) & ~3;
    words[ROOM] = room;
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
    subject: string,
    pairs: Pairs | undefined,
    call: (native: NativeConnection, subjectNumber: number, headersNumber: number) => void,
  ): void {
    const subjectNumber = next(this.#subjects, subject, SUBJECTS);
    const headersNumber = pairs === undefined ? 0 : next(this.#headers, pairs, KEPT_HEADERS);
    if (!busy.has(this)) {
      busy.add(this);
      process.nextTick(this.#tick);
    }
    try {
      call(this.#native, subjectNumber, headersNumber);
    } catch (thrown) {
      throw fromNative(thrown);
    }
    if (subjectNumber > 0) {
      this.#subjects.set(subject, { number: subjectNumber, size: subject.length * 3 });
    }
    if (pairs !== undefined && headersNumber > 0) {
      const size = pairs.reduce((sum, text) => sum + text.length * 3 + 2, FRAME);
      this.#headers.set(pairs, { number: headersNumber, size });
    }
  }
}

/** The number that a new key gets, 0 for one that has its number. */
function next<K>(known: Map<K, Known>, key: K, most: number): number {
  if (known.has(key)) {
    return 0;
  }
  if (known.size >= most) {
    known.clear();
  }
  return known.size + 1;
}
