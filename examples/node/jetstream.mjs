#!/usr/bin/env node
// Stores ten messages in a stream, takes them from it and acknowledges them: jetstream [URL]
import { connect } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
const js = nc.jetstream();
await js.streamCreate({ name: "ORDERS", subjects: ["orders.>"], storage: "memory" });
await js.consumerCreate({ stream: "ORDERS", config: { durable_name: "worker" } });

for (let n = 1; n <= 10; n++) {
  const ack = await js.publish("orders.new", `order ${n}`);
  console.log(`stored ${n} as ${ack.seq}`);
}

// Five, each acknowledged by itself; then what is left, acknowledged together.
const print = (msg) => {
  const { streamSequence } = msg.metadata;
  console.log(`got ${msg.subject}: ${msg.string()} (sequence ${streamSequence})`);
};
for (const msg of await js.fetch("ORDERS", "worker", { maxMessages: 5 })) {
  print(msg);
  msg.ack();
}
const rest = await js.fetch("ORDERS", "worker", { noWait: true });
rest.forEach(print);
js.ackAll(rest);

await js.streamDelete({ stream: "ORDERS" });
console.log("stream deleted");
await nc.close();
