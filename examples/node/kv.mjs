#!/usr/bin/env node
// Keeps settings in a bucket of keys, and watches them change: kv [URL]
import { connect, KeyExistsError, Kvm } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const show = (what, entry) => {
  console.log(`${what} ${entry.key}=${entry.string()} (revision ${entry.revision})`);
};

const nc = await connect({ servers });
const kv = await new Kvm(nc).create("SETTINGS", { history: 5, storage: "memory" });
const first = await kv.put("color", "red");
await kv.put("size", "10");
show("got", await kv.get("color"));
try {
  await kv.create("color", "green");
} catch (error) {
  if (!(error instanceof KeyExistsError)) throw error;
  console.log("create: color has a value already");
}
// Only if nobody else has changed it meanwhile.
await kv.update("color", "blue", first);

const watch = await kv.watch();
void watch.caughtUp.then(async () => {
  console.log("that was all");
  await kv.delete("size");
});
for await (const entry of watch) {
  if (entry.isUpdate) {
    console.log(`${entry.key}: ${entry.operation}`);
    break;
  }
  show("there is", entry);
}

const keys = [];
for await (const key of await kv.keys()) keys.push(key);
console.log("keys:", ...keys);
for await (const entry of await kv.history({ key: "color" })) show("was", entry);
await kv.destroy();
console.log("bucket deleted");
await nc.close();
