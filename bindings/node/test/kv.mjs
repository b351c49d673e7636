// What the tests of buckets share.

import assert from "node:assert/strict";

import { Kvm } from "nats-ffi";

import { server } from "./harness.mjs";
import { dial, within } from "./helpers.mjs";

/** A connection to a server with JetStream of the test's own, and its buckets. */
export async function begin(t, options = {}) {
  const own = await server(t, "jetstream");
  const nc = await dial(t, own, options);
  return { own, nc, js: nc.jetstream(), kvm: new Kvm(nc) };
}

export const MEMORY = { storage: "memory" };

/** The same, and the bucket `b`, which keeps five values of a key. */
export async function bucket(t, options = {}) {
  const begun = await begin(t, options);
  return { ...begun, kv: await begun.kvm.create("b", { history: 5, ...MEMORY }) };
}

/** Whether the server is of this minor version of 2 at least. */
export function has(nc, minor) {
  return Number(nc.info.version.split(".")[1]) >= minor;
}

/** The same; the test is skipped otherwise. */
export function needs(t, nc, minor) {
  if (!has(nc, minor)) t.skip(`server 2.${minor}`);
  return has(nc, minor);
}

/** Gives keys their names as values. */
export async function put(kv, ...keys) {
  for (const key of keys) await kv.put(key, key);
}

/** Key and value, or what was done to the key. */
export function short(entry) {
  const { key, operation } = entry;
  return operation === "PUT" ? `${key}=${entry.string()}` : `${key} ${operation}`;
}

/** Reads a watch; the word that this was all is told as `-`. */
export class Told {
  #iterator;
  #watch;
  /** How often that was told. */
  marks = 0;
  #next;

  constructor(watch) {
    this.#watch = watch;
    this.#iterator = watch[Symbol.asyncIterator]();
    watch.caughtUp.then((caughtUp) => (this.marks += Number(caughtUp)));
  }

  /** What comes next. */
  async next() {
    this.#next ??= this.#iterator.next();
    const mark = this.#watch.caughtUp.then((caughtUp) => (caughtUp ? "-" : this.#next));
    const next = this.marks === 0 ? Promise.race([mark, this.#next]) : this.#next;
    const what = await within(next, "an update");
    if (what === "-") return "-";
    this.#next = undefined;
    return what.done ? "end" : what.value;
  }

  async short() {
    const told = await this.next();
    return typeof told === "string" ? told : short(told);
  }

  async expect(...expected) {
    for (const one of expected) assert.equal(await this.short(), one);
  }
}

/** All that comes until the end. */
export async function all(iterator) {
  const told = [];
  const read = async () => {
    for await (const one of await iterator) told.push(one);
  };
  await within(read(), "the end");
  return told;
}

/** Tries until it gives something. */
export function until(what, attempt) {
  const come = async () => {
    for (;;) {
      const got = await attempt();
      if (got) return got;
    }
  };
  return within(come(), what);
}
