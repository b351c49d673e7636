#!/usr/bin/env node
// [quickstart]
import { connect } from "nats-ffi";

const nc = await connect({ servers: process.argv[2] ?? "nats://127.0.0.1:4222" });
const sub = nc.subscribe("greet.*", { max: 1 });
nc.publish("greet.joe", "hello");
for await (const msg of sub) console.log(`${msg.subject}: ${msg.string()}`);
await nc.drain();
// [/quickstart]
