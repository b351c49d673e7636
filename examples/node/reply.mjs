#!/usr/bin/env node
// Answers requests on service.upper until SIGINT or SIGTERM: reply [URL]
import { connect } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
nc.subscribe("service.upper", {
  callback: (error, msg) => {
    if (error) throw error;
    msg.respond(msg.string().toUpperCase());
  },
});
await nc.flush();
console.log("answering on service.upper");

// The open connection keeps the process alive; without it the process ends by itself.
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => nc.drain());
