// What the test files share: registration, patience, readers, watched connections.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { connect } from "nats-ffi";

import { plain } from "./harness.mjs";

/** The patience, in milliseconds, with what must come. */
export const PATIENCE = 30_000;

/** Reconnects at once and for ever, so that tests wait for the server and not for the client. */
export const EAGER = { reconnectDelayMin: 5, reconnectDelayMax: 20, maxReconnects: -1 };

/** Of the configuration "users": may use public.> and inboxes only. */
export const LIMITED = { user: "bob", pass: "secret" };

/** Registers the test of one behaviour of tests/conformance/behaviours.toml. */
export function behaviour(id, title, run) {
  test(`${id}: ${title}`, { timeout: 120_000 }, run);
}

/** Registers a test that is no behaviour of the conformance list. */
export function check(title, run) {
  test(title, { timeout: 120_000 }, run);
}

/** The promise's value, or an error that says what did not come in time. */
export async function within(promise, what, ms = PATIENCE) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`waited ${ms} ms for ${what}`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** A connection that is closed when the test ends; `to` is a URL or something of the harness. */
export async function dial(t, to, options = {}) {
  const servers = to?.url ?? to ?? (await plain());
  const nc = await within(connect({ servers, ...options }), "the connection");
  t.after(() => nc.close());
  return nc;
}

/** The error that a call must give; its code's name is checked. The call may throw or reject. */
export async function fails(codeName, call, ...says) {
  let value;
  try {
    value = await within(typeof call === "function" ? call() : call, `${codeName}`);
  } catch (error) {
    assert.ok(error instanceof Error, `no Error: ${error}`);
    assert.equal(error.codeName, codeName, `${error.stack}`);
    assert.equal(typeof error.code, "number");
    for (const part of says) assert.ok(error.message.includes(part), `${part}: ${error.message}`);
    return error;
  }
  return assert.fail(`expected ${codeName}, got ${value}`);
}

/** Reads a subscription message by message. */
export class Reader {
  #iterator;

  constructor(iterable) {
    this.#iterator = iterable[Symbol.asyncIterator]();
  }

  /** The next message, which must come. */
  async next() {
    const { value, done } = await within(this.#iterator.next(), "a message");
    assert.ok(!done, "the subscription has ended");
    return value;
  }

  /** The texts of the next `count` messages. */
  async texts(count) {
    const texts = [];
    while (texts.length < count) texts.push((await this.next()).string());
    return texts;
  }

  async text() {
    return (await this.texts(1))[0];
  }

  /** The iteration must end now, without an error. */
  async end() {
    const { value, done } = await within(this.#iterator.next(), "the end of the subscription");
    assert.ok(done, `there is one more message: ${value?.string()}`);
  }

  /** The iteration must end now, with this error. */
  fails(codeName, ...says) {
    return fails(codeName, this.#iterator.next(), ...says);
  }
}

/** What a connection tells by status(), collected. */
export class Watch {
  /** All of it, in order. */
  seen = [];
  #waiting = [];
  #ended;

  constructor(nc) {
    this.#ended = this.#collect(nc.status());
  }

  async #collect(statuses) {
    for await (const status of statuses) {
      this.seen.push(status);
      this.#waiting = this.#waiting.filter((check) => !check());
    }
  }

  all(type) {
    return this.seen.filter((status) => status.type === type);
  }

  count(type) {
    return this.all(type).length;
  }

  /** Waits until `count` of this type have come; gives the last of them. */
  until(type, count = 1) {
    const come = new Promise((resolve) => {
      const check = () => {
        const all = this.all(type);
        if (all.length >= count) resolve(all[count - 1]);
        return all.length >= count;
      };
      if (!check()) this.#waiting.push(check);
    });
    return within(come, `status ${type} ${count}`);
  }

  /** Waits for the end of the statuses, which comes behind the last one. */
  end() {
    return within(this.#ended, "the end of status()");
  }
}

/** Publishes the numbers from `first` to `last` and waits until the server has had them. */
export async function publishNumbers(nc, subject, first, last) {
  for (let i = first; i <= last; i++) nc.publish(subject, String(i));
  await nc.flush();
}

/** The numbers from `first` to `last` as texts. */
export function numbers(first, last) {
  return Array.from({ length: last - first + 1 }, (_, i) => String(first + i));
}

/** Answers every request on a subject with its own payload. */
export function echo(nc, subject) {
  return nc.subscribe(subject, { callback: (_, msg) => msg.respond(msg.data) });
}

/** Waits until so many messages of a consumer wait for their acknowledgement; gives its state. */
export async function unacknowledged(js, stream, consumer, count) {
  let info;
  const come = async () => {
    do info = await js.consumerInfo({ stream, consumer });
    while (info.num_ack_pending !== count);
  };
  await within(come(), `${count} messages without acknowledgement`);
  return info;
}

/** Counts what a callback gets, and lets a test wait for it. */
export class Counter {
  count = 0;
  #waiting = [];

  add() {
    this.count += 1;
    this.#waiting = this.#waiting.filter((check) => !check());
  }

  until(count) {
    const come = new Promise((resolve) => {
      const check = () => {
        if (this.count >= count) resolve();
        return this.count >= count;
      };
      if (!check()) this.#waiting.push(check);
    });
    return within(come, `${count} calls`);
  }
}

/** Runs a program of test/programs; resolves to its exit code or signal, and its output. */
export async function run(program, args = [], { node = [], env = {} } = {}) {
  const path = fileURLToPath(new URL(`programs/${program}`, import.meta.url));
  return runFile(process.execPath, [...node, path, ...args], { env });
}

export async function runFile(command, args, { env = {}, cwd } = {}) {
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, NODE_TEST_CONTEXT: "", NATS_URL: await plain(), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"]) {
    child[name].setEncoding("utf8").on("data", (text) => (output[name] += text));
  }
  const ended = new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? signal, ...output }));
  });
  try {
    return await within(ended, `the end of ${args.join(" ")}`, 90_000);
  } finally {
    child.kill("SIGKILL");
  }
}
