/** Received messages: views of the packet in which they came. */

import { addon } from "./addon";
import { millis, string, wrongType } from "./check";
import {
  AlreadyAckedError,
  InvalidArgumentError,
  MalformedMessageError,
  native,
  NotJetStreamError,
} from "./errors";
import { MsgHdrsImpl } from "./headers";
import type { Metadata, Msg, MsgHdrs, Payload, PublishOptions, ReviverFn } from "./types";

/** No bytes. */
export const Empty = new Uint8Array(0);

/** What reply subjects of JetStream begin with. */
const DELIVERY = Buffer.from(addon.ackPrefix());
const ACK = addon.ackPayload();
const NAK = addon.nakPayload();
const IN_PROGRESS = addon.inProgressPayload();
const TERM = addon.termPayload();

/** Where answers to a message go out. */
export interface Responder {
  /** Publishes to the reply subject of a message. */
  respond(subject: string, payload: Payload, options: PublishOptions | undefined): void;
  /** Publishes a few letters to the subject that these bytes are. */
  answer(bytes: Uint8Array, start: number, end: number, payload: string): void;
  /** Asks this of the subject; nothing but that there is an answer counts. */
  confirm(subject: string, payload: string, timeout: number | undefined): Promise<void>;
}

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
  publisher: Responder | undefined;
  sid: number;
  readonly #subject: Subject;
  readonly #start: number;
  readonly #end: number;
  readonly #parts: Parts | undefined;
  #headers: MsgHdrs | undefined;
  #data: Uint8Array | undefined;
  /** It was said what became of it. */
  #acked = false;
  #metadata: Metadata | undefined;

  /** `start` and `end` are those of the payload. */
  constructor(
    publisher: Responder | undefined,
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
    this.publisher.respond(reply, payload, options);
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

  get metadata(): Metadata {
    return (this.#metadata ??= native(() => addon.metadata(this.reply ?? "")));
  }

  ack(): void {
    this.#say(ACK, true);
  }

  async ackSync(timeout?: number): Promise<void> {
    millis("timeout", timeout);
    this.#claim();
    this.#acked = true;
    try {
      await this.publisher?.confirm(this.reply as string, ACK, timeout);
    } catch (error) {
      this.#acked = false;
      throw error;
    }
  }

  nak(delay?: number): void {
    if (delay !== undefined && typeof delay !== "number") {
      throw wrongType("delay", "a number of milliseconds", delay);
    }
    if (delay !== undefined && !(delay >= 0)) {
      throw new InvalidArgumentError(`delay: ${delay}; expected at least 0 milliseconds`);
    }
    this.#say(delay === undefined ? NAK : addon.nakPayload(delay), true);
  }

  inProgress(): void {
    this.#say(IN_PROGRESS, false);
  }

  term(reason?: string): void {
    if (reason !== undefined) {
      string("reason", reason);
    }
    this.#say(reason === undefined ? TERM : addon.termPayload(reason), true);
  }

  /** Says what became of the message. What could not be said may be said again. */
  #say(payload: string, final: boolean): void {
    const parts = this.#claim();
    this.#acked = final;
    try {
      this.publisher?.answer(this.#subject.bytes, parts.reply, parts.headers, payload);
    } catch (thrown) {
      this.#acked = false;
      throw thrown;
    }
  }

  /** Where the reply subject lies of a message of which something may be said. */
  #claim(): Parts {
    const parts = this.#parts;
    if (parts === undefined || !isDelivery(this.#subject.bytes, parts.reply, parts.headers)) {
      throw new NotJetStreamError("the message is not from JetStream");
    }
    if (this.#acked) {
      throw new AlreadyAckedError("the message was acknowledged before");
    }
    return parts;
  }

  #text(start: number, end: number): string {
    return this.#subject.bytes.toString("utf8", start, end);
  }

  #view(start: number, end: number): Uint8Array {
    return new Uint8Array(this.#subject.memory, start, end - start);
  }
}

/** Whether a message with this reply subject is from JetStream. */
function isDelivery(bytes: Uint8Array, start: number, end: number): boolean {
  const length = DELIVERY.length;
  for (let at = 0; at < length; at++) {
    if (bytes[start + at] !== DELIVERY[at]) {
      return false;
    }
  }
  return end - start > length;
}
