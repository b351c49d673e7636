#!/usr/bin/env node
// Two members of a queue group share the work, each job going to one of them: queue_group [URL]
import { connect } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
let first = 0;
let second = 0;
nc.subscribe("jobs.*", { queue: "workers", callback: () => (first += 1) });
nc.subscribe("jobs.*", { queue: "workers", callback: () => (second += 1) });
for (let job = 0; job < 100; job++) nc.publish("jobs.clean");

// When the drain is over, everything that was published has been handled.
await nc.flush();
await nc.drain();
console.log(`first: ${first}, second: ${second}, together: ${first + second}`);
