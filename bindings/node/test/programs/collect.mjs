// Objects become garbage in any order, live and closed; what is in use stays.

import assert from "node:assert/strict";

import { connect } from "nats-ffi";

import { collect } from "./held.mjs";

const servers = process.env.NATS_URL;

/** Makes one of everything and lets go of it, the connection open or closed. */
async function drop(closes) {
  const nc = await connect({ servers });
  const sub = nc.subscribe("p.collect");
  nc.subscribe("p.collect", { callback: () => {} });
  const iterator = sub[Symbol.asyncIterator]();
  nc.publish("p.collect", "x", { reply: "p.collect.answers" });
  const { value: msg } = await iterator.next();
  nc.request("p.collect.silent", "", { timeout: 50 }).catch(() => {});
  const status = nc.status()[Symbol.asyncIterator]();
  status.next();
  if (closes) await nc.close();
  return closes ? msg : nc;
}

/** A message that outlives its connection. */
async function orphan() {
  const msg = await drop(true);
  await collect();
  assert.equal(msg.string(), "x");
  assert.equal(msg.reply, "p.collect.answers");
  assert.throws(() => msg.respond("y"), /closed/i);
}

/** A subscription whose callback goes on although nobody holds it or its connection. */
async function unheld() {
  let count = 0;
  let done;
  const enough = new Promise((resolve) => (done = resolve));
  let nc = await connect({ servers });
  nc.subscribe("p.collect.unheld", {
    callback: () => {
      count += 1;
      if (count === 10) done();
    },
  });
  await nc.flush();
  nc = undefined;
  const other = await connect({ servers });
  for (let i = 0; i < 10; i++) {
    await collect();
    other.publish("p.collect.unheld", "x");
    await other.flush();
  }
  await enough;
  await other.close();
}

for (let i = 0; i < 20; i++) {
  const open = await drop(false);
  await collect();
  open.publish("p.collect", "still open");
  await open.close();
  await drop(true);
  await collect();
}
await orphan();
await unheld();
console.log("collected");
process.exit(); // the connection of unheld() is open: nobody can close it
