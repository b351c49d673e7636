// Buckets of objects: streams, bytes, links, watches.
import { connect } from "nats-ffi";
import { Objm } from "nats-ffi"; // @nats-io/obj

const nc = await connect({ servers: process.env.NATS_URL });
const objm = new Objm(nc);
const store = await objm.create("b", {
  description: "what for",
  storage: "memory",
  max_bytes: 1 << 20,
  metadata: { own: "yes" },
});

function show(what, info) {
  if (info === null) return console.log(what, null);
  const { bucket, name, size, chunks, digest, deleted, revision, description, metadata } = info;
  console.log(what, bucket, name, size, chunks, digest, deleted, revision, description, metadata);
}

const stream = (...texts) =>
  new ReadableStream({
    start(to) {
      texts.forEach((text) => to.enqueue(new TextEncoder().encode(text)));
      to.close();
    },
  });
const meta = { description: "d", options: { max_chunk_size: 4 }, metadata: { a: "b" } };
show("put", await store.put({ name: "x", ...meta }, stream("one", "two", "three")));
show("put", await store.putBlob({ name: "y" }, new TextEncoder().encode("y")));
show("put", await store.putBlob({ name: "empty" }, null));
for (const name of ["x", "y", "empty", "none"]) {
  show("info", await store.info(name));
  const blob = await store.getBlob(name);
  console.log(blob && new TextDecoder().decode(blob));
}
const { info, data, error } = await store.get("x");
let text = "";
for await (const chunk of data) text += new TextDecoder().decode(chunk);
console.log(info.name, text, (await error) ?? "no error", await store.get("none"));
try {
  await store.putBlob({ name: "x" }, null, { previousRevision: 1 });
  console.log("done");
} catch (refused) {
  console.log("refused", refused instanceof Error);
}
const link = await store.link("link", await store.info("x"));
console.log(link.options.link, new TextDecoder().decode(await store.getBlob("link")));
const ack = await store.update("y", { name: "z", description: "new" });
console.log(ack.stream, typeof ack.seq);
console.log((await store.info("z")).description);
console.log((await store.list()).map(({ name }) => name).sort());
const { success } = await store.delete("x");
console.log(success, (await store.info("x")).deleted, await store.get("x"));
console.log((await store.list()).map(({ name }) => name).sort());

const watch = await store.watch({ includeHistory: true });
const seen = [];
await store.putBlob({ name: "last" }, null);
for await (const one of watch) {
  if (one.name === "last") break;
  seen.push(one.name);
}
console.log(seen.sort());
const updates = await store.watch();
await store.putBlob({ name: "newest" }, null);
for await (const { name, isUpdate } of updates) {
  console.log(name, isUpdate);
  break;
}
const { bucket, description, ttl, storage, replicas, sealed, backingStore } = await store.status();
console.log(bucket, description, ttl, storage, replicas, sealed, backingStore);
for await (const status of objm.list()) console.log("listed", status.bucket);
console.log((await store.seal()).sealed, await store.destroy());
await nc.close();
