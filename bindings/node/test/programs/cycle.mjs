// Connects and closes so many times, and holds in the end what it held before: cycle.mjs COUNT.

import assert from "node:assert/strict";

import { connect } from "nats-ffi";

import { collect, held } from "./held.mjs";

const servers = process.env.NATS_URL;
const AT_ONCE = 20;

async function one() {
  const nc = await connect({ servers });
  nc.subscribe("p.cycle", { callback: () => {} });
  nc.subscribe("p.cycle");
  nc.publish("p.cycle", "x");
  await nc.close();
}

async function cycle(count) {
  for (let i = 0; i < count; i += AT_ONCE) {
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    // What a connection holds natively goes with its object, and V8 sees little of it.
    if (i % 1000 === 0) await collect();
  }
  await collect();
}

const count = Number(process.argv[2]);
await cycle(8000);
const before = held();
await cycle(count);
const after = held();
const told = JSON.stringify({ before, after });
assert.ok(after.descriptors <= before.descriptors + 4, told);
assert.ok(after.threads <= before.threads, told);
assert.ok(after.native <= before.native + 16 * 2 ** 20, told);
assert.ok(after.objects <= before.objects + 2 ** 20, told);
console.log(`cycled ${count}`);
