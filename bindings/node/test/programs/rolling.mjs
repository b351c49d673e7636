// Talks to itself and to others through a cluster whose servers come and go, and says at the end
// what has become of it: see tests/rolling.

import { createInterface } from "node:readline";

import { connect } from "nats-ffi";

const [servers, name] = process.argv.slice(2);
const PUBLISH_MS = 2;
const REQUESTS_EVERY = 10;
const REQUEST_MS = 2000;
const QUIET_MS = 2000;

const talk = {
  name,
  published: 0,
  delivered: 0,
  duplicates: 0,
  out_of_order: 0,
  missing: 0,
  requests: 0,
  failures: [],
  reconnects: 0,
  migrations: 0,
  dropped_out: 0,
  discarded: 0,
};
const seen = new Set();
const pending = new Set();
let greatest = -1;

const nc = await connect({ servers: servers.split(","), name, maxReconnects: -1 });
const statuses = (async () => {
  for await (const status of nc.status()) {
    if (status.type === "migrated") talk.migrations++;
  }
})();

nc.subscribe(`rolling.data.${name}`, {
  callback: (error, msg) => {
    if (error !== null) return;
    const number = Number(msg.string());
    if (seen.has(number)) talk.duplicates++;
    else if (number < greatest) talk.out_of_order++;
    seen.add(number);
    greatest = Math.max(greatest, number);
  },
});
nc.subscribe("rolling.echo", {
  queue: "echo",
  callback: (error, msg) => void (error === null && msg.respond(msg.data)),
});
await nc.flush();
console.log("ready");

async function ask() {
  const payload = `${name}-${talk.requests++}`;
  const at_ms = Date.now();
  try {
    const reply = await nc.request("rolling.echo", payload, { timeout: REQUEST_MS });
    if (reply.string() !== payload) talk.failures.push({ at_ms, code: "WRONG_REPLY" });
  } catch (error) {
    // nats.js's request errors say why in their cause.
    talk.failures.push({ at_ms, code: error.codeName ?? error.cause?.codeName ?? error.name });
  }
}

let stopped = false;
const stop = new Promise((resolve) => {
  const lines = createInterface({ input: process.stdin });
  lines.once("line", resolve);
  lines.once("close", resolve);
}).then(() => (stopped = true));

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

for (let turn = 1; !stopped; turn++) {
  try {
    nc.publish(`rolling.data.${name}`, String(talk.published));
    talk.published++;
  } catch {
    // Then it does not count.
  }
  if (turn % REQUESTS_EVERY === 0) {
    const asked = ask().finally(() => pending.delete(asked));
    pending.add(asked);
  }
  await pause(PUBLISH_MS);
}
await stop;
await Promise.all(pending);
await nc.flush();
for (let count = -1, since = Date.now(); greatest < talk.published - 1; await pause(10)) {
  if (seen.size !== count) [count, since] = [seen.size, Date.now()];
  if (Date.now() - since > QUIET_MS) break;
}
await nc.drain();
await statuses;
const stats = nc.stats();
talk.delivered = seen.size;
talk.missing = talk.published - seen.size;
talk.reconnects = stats.reconnects;
talk.dropped_out = stats.droppedOut;
console.log(JSON.stringify(talk));
process.exit(0);
