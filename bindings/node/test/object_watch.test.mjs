// What is done to objects, as it is done; objects of nats.js.

import assert from "node:assert/strict";

import { headers, Objm } from "nats-ffi";

import { proxy } from "./harness.mjs";
import { behaviour, dial, EAGER, fails, Watch, within } from "./helpers.mjs";
import { Told } from "./kv.mjs";
import { begin, chunked, content, drained, same, source } from "./object.mjs";

/** Reads a watch of objects. */
class Changes extends Told {
  async short() {
    const told = await this.next();
    if (typeof told === "string") return told;
    return told.deleted ? `${told.name} gone` : `${told.name}=${told.size}`;
  }
}

behaviour("object-20", "what was done, and what is done", async (t) => {
  const { store } = await begin(t);
  const told = new Changes(await store.watch({ includeHistory: true }));
  await told.expect("-");
  // What is replaced before it was sent is not told any more, so each is awaited.
  await store.putBlob({ name: "x" }, "1");
  const first = await told.next();
  assert.deepEqual([first.name, first.size, first.isUpdate, first.bucket], ["x", 1, true, "b"]);
  await store.putBlob({ name: "x" }, "two");
  await told.expect("x=3");
  await store.putBlob({ name: "y" }, "y");
  await told.expect("y=1");
  await store.delete("y");
  await told.expect("y gone");
  const later = await store.watch({ includeHistory: true });
  const seen = new Changes(later);
  assert.equal((await seen.next()).isUpdate, false);
  await seen.expect("y gone", "-");
});

behaviour("object-21", "without deletes, of updates alone, with all", async (t) => {
  const { store } = await begin(t);
  for (const name of ["x", "y", "x"]) await store.putBlob({ name }, "content");
  await store.delete("y");
  const watch = async (opts) => new Changes(await store.watch(opts));
  const all = await watch({ updatesOnly: false });
  const kept = await watch({ updatesOnly: false, ignoreDeletes: true });
  const history = await watch({ includeHistory: true });
  const updates = await watch();
  await all.expect("x=7", "y gone", "-");
  await kept.expect("x=7", "-");
  await history.expect("x=7", "y gone", "-");
  await updates.expect("-");
  await store.delete("x");
  await store.putBlob({ name: "z" }, "");
  for (const told of [all, history, updates]) await told.expect("x gone", "z=0");
  await kept.expect("z=0");
  const both = { updatesOnly: true, includeHistory: true };
  await fails("INVALID_ARGUMENT", store.watch(both), "updatesOnly");
  await fails("INVALID_OPTION", store.watch({ colour: 1 }), "colour");
});

behaviour("object-22", "what is no object", async (t) => {
  const { js, store } = await begin(t);
  await store.putBlob({ name: "x" }, "content");
  const watch = await store.watch({ includeHistory: true });
  const told = new Changes(watch);
  await told.expect("x=7", "-");
  await js.publish("$O.b.M.YQ==", "{");
  await store.update("x", { name: "z" });
  await fails("PROTOCOL", told.next());
  const iterator = watch[Symbol.asyncIterator]();
  const { value } = await within(iterator.next(), "the change behind it");
  assert.equal(value.name, "z");
});

behaviour("object-23", "ends of a watch", async (t) => {
  const { store } = await begin(t);
  const stopped = await store.watch();
  const kept = await store.watch();
  const [first, second] = [new Changes(stopped), new Changes(kept)];
  await first.expect("-");
  await second.expect("-");
  stopped.stop();
  assert.equal(await first.next(), "end");
  assert.equal(await stopped.closed, undefined);
  const end = fails("BUCKET_NOT_FOUND", second.next());
  await store.destroy();
  await end;
  assert.equal((await kept.closed).codeName, "BUCKET_NOT_FOUND");
  await fails("BUCKET_NOT_FOUND", store.watch());
});

behaviour("object-24", "a watch goes on over a lost connection", async (t) => {
  const { own, store } = await begin(t);
  const between = await proxy(t, own);
  const nc = await dial(t, between, EAGER);
  const statuses = new Watch(nc);
  const told = new Changes(await (await new Objm(nc).open("b")).watch());
  await told.expect("-");
  for (let round = 0; round < 3; round++) {
    await store.putBlob({ name: `before ${round}` }, "");
    await told.expect(`before ${round}=0`);
    await between.tell("cut_now", { cut: "rst" });
    const names = Array.from({ length: 10 }, (_, number) => `${round} ${number}`);
    for (const name of names) await store.putBlob({ name }, "");
    await statuses.until("reconnect", round + 1);
    await told.expect(...names.map((name) => `${name}=0`));
  }
});

behaviour("object-45", "nats.js reads what was put here, and the other way round", async (t) => {
  const { Objm: Theirs } = await import("@nats-io/obj");
  const { connect, headers: theirHeaders } = await import("@nats-io/transport-node");
  const { own, objm, store } = await begin(t);
  const nc = await within(connect({ servers: own.url }), "nats.js");
  t.after(() => nc.close());
  const theirs = await new Theirs(nc).open("b");
  const bytes = content(300_000);
  const [own_headers, their_headers] = [headers(), theirHeaders()];
  own_headers.set("Kind", "a");
  their_headers.set("Kind", "a");
  const meta = { description: "d", metadata: { own: "yes" } };
  const told = new Changes(await store.watch());
  await told.expect("-");
  await store.put({ ...chunked("ours", 1000), ...meta, headers: own_headers }, source(bytes, 999));
  await theirs.put({ ...chunked("theirs", 1000), ...meta, headers: their_headers }, source(bytes, 999));
  await told.expect("ours=300000", "theirs=300000");
  const facts = (info) => {
    const { bucket, name, description, metadata, nuid, size, chunks, digest, deleted } = info;
    const what = [bucket, name, description, metadata, nuid, size, chunks, digest, deleted];
    return [...what, info.revision, info.options.max_chunk_size, info.headers.get("Kind")];
  };
  for (const name of ["ours", "theirs"]) {
    assert.deepEqual(facts(await store.info(name)), facts(await theirs.info(name)));
    same(await store.getBlob(name), bytes);
    same(await theirs.getBlob(name), bytes);
    same(await drained((await store.get(name)).data), bytes);
    const result = await theirs.get(name);
    same(await drained(result.data), bytes);
    assert.ok(!(await result.error));
  }
  const names = async (bucket) => (await bucket.list()).map(({ name }) => name).sort();
  assert.deepEqual(await names(store), await names(theirs));
  await theirs.link("their link", await theirs.info("ours"));
  await store.link("our link", await store.info("theirs"));
  same(await store.getBlob("their link"), bytes);
  same(await theirs.getBlob("our link"), bytes);
  await theirs.update("ours", { name: "renamed", description: "new" });
  assert.equal((await store.info("renamed")).description, "new");
  same(await store.getBlob("renamed"), bytes);
  await store.update("theirs", { name: "moved" });
  same(await theirs.getBlob("moved"), bytes);
  await theirs.delete("renamed");
  assert.equal((await store.info("renamed")).deleted, true);
  await store.delete("moved");
  assert.equal((await theirs.info("moved")).deleted, true);
  const sealed = await new Theirs(nc).create("c", { storage: "memory", description: "theirs" });
  const ours = await objm.open("c");
  assert.equal((await ours.status()).description, "theirs");
  await ours.seal();
  assert.equal((await sealed.status()).sealed, true);
});
