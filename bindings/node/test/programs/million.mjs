// A million messages, published and received; memory is then what it was: million.mjs STYLE.

import assert from "node:assert/strict";

import { connect } from "nats-ffi";

import { collect, held } from "./held.mjs";

const CHUNK = 1000;
const style = process.argv[2];
const nc = await connect({ servers: process.env.NATS_URL });
let received = 0;
let length = 0;
let wake = () => {};

function take(msg) {
  length += msg.data.length + msg.subject.length;
  received += 1;
  if (received % CHUNK === 0) wake();
}

const options = style === "callback" ? { callback: (_, msg) => take(msg) } : {};
const sub = nc.subscribe(`p.million.${process.pid}`, options);
if (style === "iterator") {
  (async () => {
    for await (const msg of sub) take(msg);
  })();
}

async function exchange(count) {
  const payload = new Uint8Array(100);
  const end = received + count;
  while (received < end) {
    const chunk = new Promise((resolve) => (wake = resolve));
    for (let i = 0; i < CHUNK; i++) nc.publish(sub.getSubject(), payload);
    await chunk;
  }
  await collect();
}

await exchange(200_000);
const before = held();
received = 0;
await exchange(1_000_000);
const after = held();
assert.equal(sub.getReceived(), 1_200_000);
assert.equal(sub.getProcessed(), 1_200_000);
assert.ok(length > 0);
const grown = after.resident - before.resident;
assert.ok(grown < 24 * 2 ** 20, `${grown} bytes`);
console.log(`${received} messages, ${grown} bytes`);
await nc.close();
