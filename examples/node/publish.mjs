#!/usr/bin/env node
// Publishes three messages and waits until the server has them: publish [URL]
import { connect } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
for (const update of ["one", "two", "three"]) nc.publish("updates.count", update);
// A publish returns when the message is buffered; a drain when the server has everything.
await nc.drain();
console.log("published 3 messages");
