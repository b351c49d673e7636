// Idle connections have no threads of their own and use no CPU: idle.mjs COUNT.

import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";

import { connect } from "nats-ffi";

import { held } from "./held.mjs";

const servers = process.env.NATS_URL;

async function open() {
  const nc = await connect({ servers });
  nc.subscribe("p.idle", { callback: () => {} });
  await nc.flush();
  return nc;
}

const all = [await open()];
const { threads } = held();
while (all.length <= Number(process.argv[2])) all.push(await open());
assert.ok(held().threads <= threads, `${threads} threads, then ${held().threads}`);
// Idleness itself is what is measured here.
const before = process.cpuUsage();
await delay(1000);
const { user, system } = process.cpuUsage(before);
assert.ok(user + system < 100_000, `${user + system} us`);
await Promise.all(all.map((nc) => nc.close()));
