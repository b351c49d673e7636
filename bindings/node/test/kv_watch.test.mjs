// What is done to keys, as it is done; keys, histories and old markers.

import assert from "node:assert/strict";

import { Kvm, KvWatchInclude } from "nats-ffi";

import { server } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, Watch, within } from "./helpers.mjs";
import { all, begin, bucket, MEMORY, put, short, Told, until } from "./kv.mjs";

/** So many keys with a prefix. */
function many(count) {
  return Array.from({ length: count }, (_, number) => `n.${number}`);
}

/** The only consumer of a bucket. */
async function consumer(js) {
  const { consumers } = await js.consumerNames({ stream: "KV_b" });
  assert.equal(consumers.length, 1, consumers);
  return consumers[0];
}

behaviour("kv-20", "what was done last, and what is done, in order", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "a", "b", "a", "c");
  await kv.delete("b");
  const told = new Told(await kv.watch());
  const first = await told.next();
  assert.deepEqual([first.bucket, short(first), first.revision, first.delta], ["b", "a=a", 3, 2]);
  assert.equal(first.isUpdate, false);
  await told.expect("c=c", "b DEL", "-");
  await put(kv, "d", "a");
  await kv.purge("c");
  const update = await told.next();
  assert.deepEqual([short(update), update.isUpdate, update.delta], ["d=d", true, 0]);
  await told.expect("a=a", "c PURGE");
  const keys = many(5000);
  for (let at = 0; at < keys.length; at += 500) {
    await Promise.all(keys.slice(at, at + 500).map((key) => kv.put(key, key)));
  }
  const watch = await kv.watch({ key: "n.*" });
  const seen = [];
  for await (const entry of watch) {
    seen.push(short(entry));
    if (entry.delta === 0) break;
  }
  assert.deepEqual(seen, keys.map((key) => `${key}=${key}`));
  assert.equal(watch.getProcessed(), 5000);
});

behaviour("kv-21", "a watch of nothing tells at once that this was all", async (t) => {
  const { kv } = await bucket(t);
  const told = new Told(await kv.watch());
  await told.expect("-");
  await put(kv, "a");
  const none = new Told(await kv.watch({ key: "other" }));
  await none.expect("-");
  await told.expect("a=a");
  assert.equal(told.marks, 1);
});

behaviour("kv-22", "with history", async (t) => {
  const { kv } = await bucket(t);
  await kv.put("a", "1");
  await put(kv, "b");
  await kv.put("a", "2");
  await kv.delete("a");
  const told = new Told(await kv.watch({ include: KvWatchInclude.AllHistory }));
  await told.expect("a=1", "b=b", "a=2", "a DEL", "-");
  const one = new Told(await kv.watch({ include: "history", key: ["a"] }));
  await one.expect("a=1", "a=2", "a DEL", "-");
});

behaviour("kv-23", "without deletes", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "a", "b", "c");
  await kv.delete("a");
  await kv.delete("c");
  const told = new Told(await kv.watch({ ignoreDeletes: true }));
  await told.expect("b=b", "-");
  await kv.purge("b");
  await put(kv, "d");
  await told.expect("d=d");
  const none = new Told(await kv.watch({ ignoreDeletes: true, key: "a" }));
  await none.expect("-");
});

behaviour("kv-24", "without values", async (t) => {
  const { kv } = await bucket(t);
  await kv.put("a", "a value");
  await kv.delete("b");
  const told = new Told(await kv.watch({ headers_only: true }));
  const value = await told.next();
  const { key, length, revision, operation } = value;
  assert.deepEqual([key, value.value.length, length, revision, operation], ["a", 0, 7, 1, "PUT"]);
  await told.expect("b DEL", "-");
});

behaviour("kv-25", "of updates alone", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "a", "b");
  const told = new Told(await kv.watch({ include: KvWatchInclude.UpdatesOnly }));
  await put(kv, "c", "a");
  await told.expect("-");
  const update = await told.next();
  assert.deepEqual([short(update), update.isUpdate], ["c=c", true]);
  await told.expect("a=a");
});

behaviour("kv-26", "from a revision on", async (t) => {
  const { kv } = await bucket(t);
  for (const value of ["1", "2", "3", "4"]) await kv.put("a", value);
  const told = new Told(await kv.watch({ resumeFromRevision: 3 }));
  await told.expect("a=3", "a=4", "-");
  const later = new Told(await kv.watch({ resumeFromRevision: 5 }));
  await later.expect("-");
  await kv.put("a", "5");
  await later.expect("a=5");
  await told.expect("a=5");
});

behaviour("kv-27", "several keys with wildcards", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "eu.1", "eu.2.x", "us.1", "us.2", "asia");
  const told = new Told(await kv.watch({ key: ["eu.>", "us.1", "af.*"] }));
  await told.expect("eu.1=eu.1", "eu.2.x=eu.2.x", "us.1=us.1", "-");
  await put(kv, "us.2", "af.7");
  await told.expect("af.7=af.7");
  for (const bad of ["", ".", "a..b", "a b", "a*", ">.a"]) {
    await fails("INVALID_NAME", kv.watch({ key: bad }));
    await fails("INVALID_NAME", kv.keys(bad));
    await fails("INVALID_NAME", kv.history({ key: bad }));
    await fails("INVALID_NAME", kv.cache(bad));
  }
  await assert.rejects(kv.watch({ key: 5 }), TypeError);
  await assert.rejects(kv.watch({ key: ["a", 5] }), TypeError);
});

behaviour("kv-28", "options that exclude each other", async (t) => {
  const { kv } = await bucket(t);
  const both = { include: "updates", resumeFromRevision: 1 };
  const error = await fails("INVALID_ARGUMENT", kv.watch(both), "resumeFromRevision");
  assert.ok(error.message.startsWith("include"), error.message);
  await fails("INVALID_OPTION", kv.watch({ resumeFromRevision: 0 }), "'resumeFromRevision'");
  await fails("INVALID_OPTION", kv.watch({ heartbeat: 0 }), "'heartbeat'");
  await fails("INVALID_OPTION", kv.watch({ include: "some" }), "'include'");
  await fails("INVALID_OPTION", kv.watch({ headers_only: 1 }), "'headers_only'");
  await fails("INVALID_OPTION", kv.watch({ ignoreDelete: true }), "'ignoreDelete'");
});

behaviour("kv-29", "goes on when its consumer is gone", async (t) => {
  const { nc, js, kv } = await bucket(t);
  const events = new Watch(nc);
  await put(kv, "a", "b");
  const told = new Told(await kv.watch({ heartbeat: 300 }));
  await told.expect("a=a", "b=b", "-");
  for (const key of ["k.0", "k.1", "k.2"]) {
    await js.consumerDelete({ stream: "KV_b", consumer: await consumer(js) });
    await put(kv, key);
    await told.expect(`${key}=${key}`);
  }
  await events.until("consumer");
  const reset = () => events.all("consumer").find((status) => status.what === "reset");
  assert.equal((await until("an event", async () => reset())).consumer, "KV_b");
});

behaviour("kv-30", "over a restart of the server, read or not", async (t) => {
  const { own, kvm } = await begin(t, EAGER);
  const kv = await kvm.create("b");
  await put(kv, "a", "b");
  const read = new Told(await kv.watch());
  // Nobody reads it while the server is away.
  const unread = new Told(await kv.watch());
  await read.expect("a=a", "b=b", "-");
  const waiting = (async () => {
    await read.expect("c=c");
    // A put whose answer was lost is there twice.
    while ((await read.short()) !== "a=a");
  })();
  await own.tell("restart");
  await until("the server", () => kv.put("c", "c").catch(() => 0));
  const last = await kv.put("a", "a");
  await within(waiting, "the watch");
  // What there was may have come before the restart, or behind it.
  const revisions = [];
  while (unread.marks === 0 || revisions.at(-1) !== last) {
    const told = await unread.next();
    if (told !== "-") revisions.push(told.revision);
  }
  const ordered = [...new Set(revisions)].sort((a, b) => a - b);
  assert.deepEqual(revisions, ordered, "each once, in order");
  assert.ok(revisions.includes(2) && revisions.includes(last - 1), revisions);
  assert.equal(unread.marks, 1);
});

behaviour("kv-31", "when the connection is lost amid what there was", async (t) => {
  const { nc, kv } = await bucket(t, EAGER);
  const keys = many(3000);
  for (let at = 0; at < keys.length; at += 500) {
    await Promise.all(keys.slice(at, at + 500).map((key) => kv.put(key, "x")));
  }
  const told = new Told(await kv.watch());
  for (const key of keys.slice(0, 100)) await told.expect(`${key}=x`);
  await nc.reconnect();
  for (const key of keys.slice(100)) await told.expect(`${key}=x`);
  await told.expect("-");
  await until("a put", () => kv.put("new", "new").catch(() => 0));
  await told.expect("new=new");
  assert.equal(told.marks, 1);
});

behaviour("kv-32", "a bucket that is deleted", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "a");
  const watch = await kv.watch();
  const told = new Told(watch);
  await told.expect("a=a", "-");
  const unread = await kv.watch({ key: "none" });
  await kv.destroy();
  await fails("BUCKET_NOT_FOUND", told.next());
  assert.equal((await watch.closed).codeName, "BUCKET_NOT_FOUND");
  // The word that this was all may have been there before.
  const before = await within(unread[Symbol.asyncIterator]().next(), "the end").catch((e) => e);
  assert.equal(before.codeName, "BUCKET_NOT_FOUND");
  await fails("BUCKET_NOT_FOUND", kv.watch());
  await fails("BUCKET_NOT_FOUND", kv.keys());
  await fails("BUCKET_NOT_FOUND", kv.history({ key: "a" }));
  await fails("BUCKET_NOT_FOUND", kv.cache());
});

behaviour("kv-33", "a watch that is stopped", async (t) => {
  const { js, kv } = await bucket(t);
  const watch = await kv.watch();
  const told = new Told(watch);
  await told.expect("-");
  watch.stop();
  watch.stop();
  await put(kv, "a");
  await told.expect("end");
  assert.equal(await watch.closed, undefined);
  const gone = async () => (await js.consumerNames({ stream: "KV_b" })).consumers.length === 0;
  await until("the end of the consumer", gone);
  // So does leaving the loop, and one that is stopped before its mark says so.
  const left = await kv.watch();
  for await (const entry of left) {
    assert.equal(short(entry), "a=a");
    break;
  }
  assert.equal(await left.caughtUp, false);
  assert.equal(await watch.caughtUp, true);
  const disposed = await kv.watch();
  await disposed[Symbol.asyncDispose]();
  assert.deepEqual(await all(disposed), []);
  await until("the end of the consumers", gone);
});

behaviour("kv-34", "keys that have values", async (t) => {
  const { kv } = await bucket(t);
  assert.deepEqual(await all(kv.keys()), []);
  await put(kv, "eu.1", "eu.2", "us.1", "us.2");
  await kv.delete("eu.2");
  await kv.purge("us.2");
  assert.deepEqual(await all(kv.keys()), ["eu.1", "us.1"]);
  assert.deepEqual(await all(kv.keys(["eu.*", "asia"])), ["eu.1"]);
  assert.deepEqual(await all(kv.keys("us.>")), ["us.1"]);
  const keys = await kv.keys();
  for await (const key of keys) {
    assert.equal(key, "eu.1");
    break;
  }
  assert.equal(keys.getProcessed(), 1);
  assert.deepEqual(await all(keys), []);
});

behaviour("kv-35", "the history of keys", async (t) => {
  const { js, kv } = await bucket(t);
  assert.deepEqual(await all(kv.history({ key: "a" })), []);
  for (const value of ["1", "2", "3"]) await kv.put("a", value);
  await put(kv, "b");
  await kv.delete("a");
  const history = await all(kv.history({ key: "a" }));
  assert.deepEqual(history.map(short), ["a=1", "a=2", "a=3", "a DEL"]);
  assert.deepEqual(history.map((entry) => entry.revision), [1, 2, 3, 5]);
  assert.ok(history.every((entry) => !entry.isUpdate));
  // As in nats.js, of several keys, and of all.
  assert.equal((await all(kv.history())).length, 5);
  const some = await all(kv.history({ key: ["b", "c.*"], headers_only: true }));
  assert.deepEqual(some.map(({ key, length, value }) => [key, length, value.length]), [["b", 1, 0]]);
  const gone = async () => (await js.consumerNames({ stream: "KV_b" })).consumers.length === 0;
  await until("the end of the consumers", gone);
});

behaviour("kv-36", "old markers are removed", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "a", "a", "b", "c");
  await kv.delete("a");
  await kv.delete("b");
  assert.deepEqual(await kv.purgeDeletes(), { success: true, purged: 3 });
  assert.deepEqual((await all(kv.history({ key: "a" }))).map(short), ["a DEL"]);
  assert.deepEqual(await kv.purgeDeletes(0), { success: true, purged: 2 });
  assert.deepEqual(await all(kv.history({ key: "a" })), []);
  assert.deepEqual(await all(kv.keys()), ["c"]);
  await fails("INVALID_ARGUMENT", kv.purgeDeletes(-1), "olderMillis");
});

behaviour("kv-42", "over changes of the leader", async (t) => {
  const cluster = await server(t, "cluster-jetstream");
  await cluster.tell("wait_ready");
  const nc = await dial(t, cluster, EAGER);
  const js = nc.jetstream();
  const make = () => new Kvm(js).create("b", { replicas: 3 }).catch(() => undefined);
  const kv = await until("the bucket", make);
  const told = new Told(await kv.watch({ heartbeat: 500 }));
  await told.expect("-");
  for (const key of ["k.0", "k.1", "k.2"]) {
    await until("a put", () => kv.put(key, key).catch(() => 0));
    const down = () => js.streamLeaderStepdown({ stream: "KV_b" }).catch(() => undefined);
    await until("another leader", down);
    // A put whose answer was lost is there twice.
    while ((await told.short()) !== `${key}=${key}`);
  }
});

check("a drain of the connection lets a loop over a watch finish", async (t) => {
  const { own, kv } = await bucket(t);
  await put(kv, "a", "b");
  const nc = await dial(t, own);
  const watch = await (await new Kvm(nc).open("b")).watch();
  const seen = [];
  const reading = (async () => {
    for await (const entry of watch) {
      seen.push(short(entry));
      if (seen.length === 2) void nc.drain();
    }
  })();
  await within(reading, "the end");
  assert.deepEqual(seen, ["a=a", "b=b"]);
  await within(nc.closed(), "the end of the connection");
});

check("many watches at a time, each with its own", async (t) => {
  const { kvm } = await begin(t);
  const names = ["one", "two", "three"];
  const buckets = await Promise.all(names.map((name) => kvm.create(name, MEMORY)));
  const watches = await Promise.all(buckets.map((kv) => kv.watch()));
  await Promise.all(buckets.map((kv, at) => kv.put("k", names[at])));
  for (const [at, watch] of watches.entries()) {
    const told = new Told(watch);
    const entry = await told.next();
    const update = entry === "-" ? await told.next() : entry;
    assert.deepEqual([update.bucket, update.string()], [names[at], names[at]]);
  }
});
