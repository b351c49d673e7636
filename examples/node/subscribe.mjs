#!/usr/bin/env node
// Prints the next three messages on updates.>: subscribe [URL]
import { connect } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
const sub = nc.subscribe("updates.>", { max: 3 });
await nc.flush();
console.log("subscribed");

for await (const msg of sub) console.log(`${msg.subject}: ${msg.string()}`);
await nc.close();
