// Buckets: values, revisions, markers, histories, keys, watches.
import { connect } from "nats-ffi";
import { Base64KeyCodec, Kvm, KvWatchInclude, NoopKvCodecs } from "nats-ffi"; // @nats-io/kv

const nc = await connect({ servers: process.env.NATS_URL });
const kvm = new Kvm(nc);
const kv = await kvm.create("b", {
  history: 5,
  storage: "memory",
  description: "what for",
  max_bytes: 1 << 20,
  maxValueSize: 100,
  ttl: 60_000,
  metadata: { own: "yes" },
});

function show(what, entry) {
  if (entry === null) return console.log(what, null);
  const { bucket, key, revision, delta, operation, length, isUpdate, created } = entry;
  const is = created instanceof Date && Date.now() - created.getTime() < 60_000;
  console.log(what, bucket, key, entry.string(), revision, delta, operation, length, isUpdate, is);
}

console.log(await kv.put("a", "1"), await kv.put("b.c", new Uint8Array([50])));
console.log(await kv.update("a", JSON.stringify({ n: 3 }), 1), await kv.create("d", "4"));
console.log(await kv.put("a", "5", { previousSeq: 3 }));
for (const refused of [
  () => kv.create("a", "x"),
  () => kv.update("a", "x", 1),
  () => kv.put("a b", "x"),
  () => kv.put("big", new Uint8Array(200)),
  () => kv.get(""),
]) {
  try {
    await refused();
    console.log("done");
  } catch (error) {
    console.log("refused", error instanceof Error);
  }
}
await kv.delete("d");
await kv.purge("b.c");
for (const key of ["a", "b.c", "d", "none"]) {
  const { operation, revision } = (await kv.get(key)) ?? {};
  console.log(key, operation, revision);
}
console.log((await kv.get("a", { revision: 3 })).json(), await kv.get("d", { revision: 3 }));
await kv.create("d", "8");
for await (const entry of await kv.history({ key: "d" })) show("history", entry);
for await (const entry of await kv.history({ key: "none" })) show("none", entry);
for await (const entry of await kv.history({ key: ["a", "b.>"], headers_only: true })) {
  console.log("history", entry.key, entry.revision, entry.length, entry.value.length);
}
for await (const key of await kv.keys()) console.log("key", key);
for await (const key of await kv.keys("a")) console.log("filtered", key);
for await (const key of await kv.keys(["none", "d"])) console.log("filtered", key);

const watch = await kv.watch({ key: ["a", "d", "e"], ignoreDeletes: true });
let come = 0;
for await (const { key, revision, operation } of watch) {
  console.log("watched", key, revision, operation);
  if (++come === 2) {
    await kv.put("other", "x");
    await kv.put("e", "9");
    await kv.delete("e");
    await kv.put("a", "10");
  }
  if (come === 4) break;
}
const updates = await kv.watch({ include: KvWatchInclude.UpdatesOnly });
await kv.put("f", "11");
for await (const entry of updates) {
  show("update", entry);
  updates.stop();
}
for await (const entry of await kv.watch({ resumeFromRevision: 12 })) {
  console.log("resumed", entry.key, entry.revision);
  if (entry.delta === 0) break;
}
const coded = await kvm.open("b", { codec: { ...NoopKvCodecs(), key: Base64KeyCodec() } });
await coded.put("a b.c d", "coded");
console.log((await coded.get("a b.c d")).string(), (await coded.get("a b.c d")).key);

const status = await kv.status();
for (const name of ["bucket", "values", "history", "ttl", "description", "storage", "replicas"]) {
  console.log(name, status[name]);
}
for (const name of ["max_bytes", "maxValueSize", "compression", "markerTTL", "backingStore"]) {
  console.log(name, status[name]);
}
console.log(status.size > 0, status.metadata.own, status.streamInfo.config.name);
await (await kvm.create("c", { storage: "memory" })).put("k", "v");
for await (const { bucket, values } of kvm.list()) console.log("listed", bucket, values);
console.log((await kvm.list().next()).length);
const { success, purged } = await kv.purgeDeletes(0);
console.log(success, purged > 0);
console.log(await kv.destroy());
try {
  await kv.status();
} catch {
  console.log("gone");
}
await nc.close();
