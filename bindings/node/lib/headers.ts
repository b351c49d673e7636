/** Headers of messages. */

import { addon, type Pairs, type ParsedHeaders } from "./addon";
import { wrongType, string } from "./check";
import { InvalidArgumentError, native } from "./errors";
import type { MsgHdrs } from "./types";

/** How names of headers are compared. */
export const Match = {
  /** Letter by letter. */
  Exact: "exact",
  /** As {@link canonicalMIMEHeaderKey} writes them. */
  CanonicalMIME: "canonical",
  /** Whatever the case. */
  IgnoreCase: "insensitive",
} as const;
export type Match = (typeof Match)[keyof typeof Match];

/**
 * A name in the form `Content-Type`.
 *
 * @throws InvalidHeaderError when it cannot name a header.
 */
export function canonicalMIMEHeaderKey(key: string): string {
  string("header name", key);
  native(() => addon.checkHeader(key, ""));
  return key
    .split("-")
    .map((word) => word.slice(0, 1).toUpperCase() + word.slice(1).toLowerCase())
    .join("-");
}

/**
 * New headers. Code and description, when given, can be read again but are not sent: the status line
 * belongs to servers.
 */
export function headers(code = 0, description = ""): MsgHdrs {
  if (typeof code !== "number") {
    throw wrongType("code", "a number", code);
  }
  string("description", description);
  if (code === 0 && description !== "") {
    throw new InvalidArgumentError("code: is required with a description");
  }
  if (code > 0 && description === "") {
    throw new InvalidArgumentError("description: is required with a code");
  }
  return new MsgHdrsImpl(code, description);
}

/** Headers: names, which may repeat, and values, in order. */
export class MsgHdrsImpl implements MsgHdrs {
  readonly code: number;
  readonly description: string;
  /** Names and values by turns. */
  #pairs: Pairs = [];
  /** Somebody else has the pairs too: they are not changed any more. */
  #shared = false;

  constructor(code = 0, description = "") {
    this.code = code;
    this.description = description;
  }

  /** @internal The headers of a received block. */
  static received({ code, description, pairs }: ParsedHeaders): MsgHdrsImpl {
    const headers = new MsgHdrsImpl(code, description);
    headers.#pairs = pairs;
    return headers;
  }

  /** @internal What is sent for `headers`, which anybody may have made. It does not change. */
  static pairs(headers: MsgHdrs): Pairs {
    if (headers instanceof MsgHdrsImpl) {
      headers.#shared = true;
      return headers.#pairs;
    }
    if (typeof headers !== "object" || headers === null || !(Symbol.iterator in headers)) {
      throw wrongType("headers", "MsgHdrs", headers);
    }
    const pairs: Pairs = [];
    for (const [name, values] of headers as Iterable<[unknown, unknown]>) {
      if (!Array.isArray(values)) {
        throw wrongType("headers", "an array of values for each name", values);
      }
      for (const value of values as unknown[]) {
        string("header name", name);
        string("header value", value);
        pairs.push(name, value);
      }
    }
    return pairs;
  }

  get hasError(): boolean {
    return this.code >= 300;
  }

  get status(): string {
    return `${this.code} ${this.description}`.trim();
  }

  *[Symbol.iterator](): IterableIterator<[string, string[]]> {
    const all = new Map<string, string[]>();
    for (let at = 0; at < this.#pairs.length; at += 2) {
      const [name, value] = this.#pairs.slice(at, at + 2) as [string, string];
      const values = all.get(name);
      if (values === undefined) {
        all.set(name, [value]);
      } else {
        values.push(value);
      }
    }
    yield* all;
  }

  size(): number {
    return this.keys().length;
  }

  keys(): string[] {
    return [...new Set(this.#pairs.filter((_, at) => at % 2 === 0))];
  }

  get(name: string, match: Match = Match.Exact): string {
    return this.values(name, match)[0] ?? "";
  }

  last(name: string, match: Match = Match.Exact): string {
    return this.values(name, match).at(-1) ?? "";
  }

  values(name: string, match: Match = Match.Exact): string[] {
    const same = matcher(name, match);
    return this.#pairs.filter((_, at) => at % 2 === 1 && same(this.#pairs[at - 1] as string));
  }

  has(name: string, match: Match = Match.Exact): boolean {
    return this.values(name, match).length > 0;
  }

  append(name: string, value: string, match: Match = Match.Exact): void {
    check(name, value);
    this.#own().push(this.#known(name, match), value);
  }

  set(name: string, value: string, match: Match = Match.Exact): void {
    check(name, value);
    const same = matcher(name, match);
    const first = this.#pairs.findIndex((text, at) => at % 2 === 0 && same(text));
    if (first < 0) {
      this.#own().push(match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(name) : name, value);
      return;
    }
    this.#own()[first + 1] = value;
    this.#keep((text, at) => at <= first || !same(text));
  }

  delete(name: string, match: Match = Match.Exact): void {
    const same = matcher(name, match);
    this.#keep((text) => !same(text));
  }

  /** The pairs, to be changed. */
  #own(): Pairs {
    if (this.#shared) {
      this.#pairs = [...this.#pairs];
      this.#shared = false;
    }
    return this.#pairs;
  }

  /** The name under which a value is added: one that is there already, if any matches. */
  #known(name: string, match: Match): string {
    if (match === Match.IgnoreCase) {
      const same = matcher(name, match);
      return this.#pairs.find((text, at) => at % 2 === 0 && same(text)) ?? name;
    }
    return match === Match.CanonicalMIME ? canonicalMIMEHeaderKey(name) : name;
  }

  #keep(wanted: (name: string, at: number) => boolean): void {
    const pairs = this.#pairs;
    this.#pairs = pairs.filter((_, at) => wanted(pairs[at - (at % 2)] as string, at - (at % 2)));
    this.#shared = false;
  }
}

function check(name: unknown, value: unknown): void {
  string("header name", name);
  string("header value", value);
  native(() => addon.checkHeader(name, value));
}

function matcher(name: string, match: Match): (other: string) => boolean {
  string("header name", name);
  switch (match) {
    case Match.Exact:
      return (other) => other === name;
    case Match.CanonicalMIME: {
      const canonical = canonicalMIMEHeaderKey(name);
      return (other) => other === canonical;
    }
    case Match.IgnoreCase: {
      const lower = name.toLowerCase();
      return (other) => other.toLowerCase() === lower;
    }
    default:
      throw new InvalidArgumentError(`match: expected a member of Match, found ${match}`);
  }
}
