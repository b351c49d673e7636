#!/usr/bin/env node
// Sends a message with headers and prints what arrives: headers [URL]
import { connect, headers } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
const sub = nc.subscribe("orders.new", { max: 1 });

// A name may come more than once; order and case are kept.
const sent = headers();
sent.append("Trace-Id", "4711");
sent.append("Tag", "express");
sent.append("Tag", "gift");
nc.publish("orders.new", "a book", { headers: sent });

for await (const msg of sub) {
  for (const [name, values] of msg.headers) {
    for (const value of values) console.log(`${name}: ${value}`);
  }
}
await nc.close();
