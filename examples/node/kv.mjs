#!/usr/bin/env node
// Keeps settings in a bucket of keys, and watches them change: kv [URL]
import { connect, KeyExistsError, Kvm } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const show = (how, entry) => {
  const { key, revision } = entry;
  const is = entry.operation === "PUT" ? `${entry.string()} (revision ${revision})` : "deleted";
  console.log(`${how}: ${key} is ${is}`);
};

const nc = await connect({ servers });
const kv = await new Kvm(nc).create("settings", { history: 5, storage: "memory" });
const first = await kv.put("color", "red");
show("got", await kv.get("color"));
try {
  await kv.create("color", "blue");
} catch (error) {
  if (!(error instanceof KeyExistsError)) throw error;
  console.log("create: KEY_EXISTS");
}

const watch = await kv.watch();
void watch.caughtUp.then(async () => {
  console.log("watched: this was all");
  // Only while nobody else has changed it.
  await kv.update("color", "green", first);
});
for await (const entry of watch) {
  show("watched", entry);
  if (entry.isUpdate) break;
}

await kv.put("size", "large");
const keys = [];
for await (const key of await kv.keys()) keys.push(key);
console.log("keys:", ...keys);
await kv.delete("color");
for await (const entry of await kv.history({ key: "color" })) show("history", entry);
await kv.destroy();
console.log("bucket deleted");
await nc.close();
