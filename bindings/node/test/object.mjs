// What the tests of objects share.

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Objm } from "nats-ffi";

import { server } from "./harness.mjs";
import { dial } from "./helpers.mjs";
import { MEMORY, until } from "./kv.mjs";

/** A connection to a server with JetStream of the test's own, and the bucket `b`. */
export async function begin(t, options = {}) {
  const own = await server(t, "jetstream");
  const nc = await dial(t, own, options);
  const objm = new Objm(nc);
  return { own, nc, js: nc.jetstream(), objm, store: await objm.create("b", MEMORY) };
}

/** Bytes that are not alike. */
export function content(size) {
  const bytes = new Uint8Array(size);
  for (let at = 0; at < size; at++) bytes[at] = (at * 31 + (at >> 8) * 7) & 255;
  return bytes;
}

export function chunked(name, max_chunk_size) {
  return { name, options: { max_chunk_size } };
}

/** A stream of so much, in pieces of this size; `seen` gets to know how it goes. */
export function source(bytes, piece, seen = {}) {
  let at = 0;
  seen.pulled = 0;
  return new ReadableStream(
    {
      pull(to) {
        if (at >= bytes.length) return to.close();
        to.enqueue(bytes.subarray(at, (at += piece)));
        seen.pulled += piece;
      },
      cancel() {
        seen.cancelled = true;
      },
    },
    { highWaterMark: 0 },
  );
}

/** All of a stream. */
export async function drained(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export async function text(store, name) {
  const bytes = await store.getBlob(name);
  return bytes && Buffer.from(bytes).toString();
}

export function same(got, expected) {
  assert.ok(Buffer.from(got).equals(expected), `${got.length} bytes, not ${expected.length}`);
}

/** Messages of a bucket's stream. */
export async function messages(store) {
  return (await store.status()).streamInfo.state.messages;
}

/** Nothing is there but these objects, soon. */
export async function settles(store, ...infos) {
  const expected = infos.reduce((sum, info) => sum + info.chunks + 1, 0);
  await until(`${expected} messages`, async () => (await messages(store)) === expected);
}

/** A folder of the test's own. */
export async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "nats-ffi-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}
