// Buckets, and the values of their keys.

import assert from "node:assert/strict";

import { connect, Kvm } from "nats-ffi";

import { server } from "./harness.mjs";
import { behaviour, check, dial, fails, Reader } from "./helpers.mjs";
import { all, begin, bucket, MEMORY, needs, put, Told, until } from "./kv.mjs";

/** The text of a key, once it has one. */
async function copied(kv, key) {
  return until("the copy", async () => (await kv.get(key))?.string());
}

behaviour("kv-01", "made, found, changed, listed and deleted", async (t) => {
  const { js, kvm } = await begin(t);
  await fails("BUCKET_NOT_FOUND", kvm.open("b"));
  await fails("BUCKET_NOT_FOUND", kvm.create("b", { bindOnly: true }));
  await fails("BUCKET_NOT_FOUND", js.kvBucketDelete({ bucket: "b" }));
  await fails("BUCKET_NOT_FOUND", js.kvBucketUpdate({ bucket: "b" }));
  await kvm.create("b", MEMORY);
  await js.kvBucketCreate({ bucket: "b", ...MEMORY });
  const other = { bucket: "b", history: 3, ...MEMORY };
  await fails("BUCKET_EXISTS", js.kvBucketCreate(other));
  // As in nats.js, one that is there is opened.
  const kv = await kvm.create("b", { history: 3, ...MEMORY });
  assert.equal((await kv.status()).history, 1);
  await js.kvBucketUpdate(other);
  await js.kvBucketCreateOrUpdate(other);
  await kv.put("k", "v");
  const { bucket, history, values, aggregate, streamInfo } = await kv.status();
  assert.deepEqual([bucket, history, values, aggregate], ["b", 3, 1, false]);
  assert.equal(streamInfo.config.name, "KV_b");
  await new Kvm(js).create("c", MEMORY);
  await js.streamCreate({ name: "PLAIN", subjects: ["plain"] });
  assert.deepEqual(await js.kvBucketNames(), { buckets: ["b", "c"] });
  assert.deepEqual((await all(kvm.list())).map((status) => status.bucket), ["b", "c"]);
  const list = kvm.list();
  assert.equal((await list.next()).length, 2);
  assert.deepEqual(await list.next(), []);
  assert.equal(await kv.destroy(), true);
  await fails("BUCKET_NOT_FOUND", kv.get("k"));
  await fails("BUCKET_NOT_FOUND", kv.status());
});

behaviour("kv-02", "names and configurations that are none", async (t) => {
  const { nc, kvm } = await begin(t);
  const sent = nc.stats().outMsgs;
  for (const bad of ["", "a.b", "a b", "*", ">", "ä", "a\r\nb"]) {
    await fails("INVALID_NAME", kvm.create(bad, MEMORY));
    await fails("INVALID_NAME", kvm.open(bad));
  }
  for (const [config, name] of [
    [{ history: 65 }, "history:"],
    [{ history: 0 }, "history:"],
    [{ markerTTL: 500 }, "markerTTL:"],
    [{ aggregate: true }, "aggregate:"],
  ]) {
    const error = await fails("INVALID_ARGUMENT", kvm.create("b", config));
    assert.ok(error.message.startsWith(name), error.message);
  }
  await fails("INVALID_JSON", kvm.create("b", { history: "x" }), "history");
  await fails("INVALID_OPTION", kvm.create("b", { historie: 1 }), "'history'");
  await fails("INVALID_OPTION", kvm.open("b", { keyCodecs: "none" }), "'keyCodecs'");
  await fails("INVALID_OPTION", kvm.create("b", { allow_direct: false }), "'allow_direct'");
  assert.equal(nc.stats().outMsgs, sent, "nothing was sent");
  await assert.rejects(kvm.open(5), TypeError);
  await assert.rejects(kvm.create("b", 5), TypeError);
  assert.throws(() => new Kvm({}), TypeError);
  assert.throws(() => new Kvm(), TypeError);
});

behaviour("kv-03", "all that a bucket can be like", async (t) => {
  const { nc, kvm } = await begin(t);
  const options = {
    description: "what for",
    history: 7,
    ttl: 60_000,
    maxValueSize: 1000,
    max_bytes: 1 << 20,
    compression: true,
    republish: { src: "$KV.b.>", dest: "copies.>" },
    metadata: { owner: "me" },
    replicas: 1,
    storage: "file",
  };
  const kv = await kvm.create("b", options);
  const status = await kv.status();
  const { republish, metadata, ...others } = options;
  for (const [name, value] of Object.entries(others)) assert.deepEqual(status[name], value, name);
  assert.equal(status.metadata.owner, "me");
  assert.equal(status.republish.dest, republish.dest);
  const stream = status.streamInfo.config;
  assert.deepEqual([stream.name, stream.subjects], ["KV_b", ["$KV.b.>"]]);
  assert.deepEqual([stream.max_msgs_per_subject, stream.max_age], [7, 60e9]);
  assert.deepEqual([stream.max_msg_size, stream.max_bytes], [1000, 1 << 20]);
  assert.deepEqual([stream.duplicate_window, stream.discard], [60e9, "new"]);
  assert.deepEqual([stream.storage, stream.compression], ["file", "s2"]);
  assert.ok(stream.allow_direct && stream.allow_rollup_hdrs && stream.deny_delete);
  const copies = new Reader(nc.subscribe("copies.>"));
  await nc.flush();
  await kv.put("k", "v");
  assert.equal((await copies.next()).subject, "copies.k");
  const without = await kvm.create("c", { max_bytes: -1, maxValueSize: -1, ...MEMORY });
  assert.deepEqual((({ max_bytes, ttl }) => [max_bytes, ttl])(await without.status()), [-1, 0]);
});

behaviour("kv-04", "a value comes back", async (t) => {
  const { kv } = await bucket(t);
  assert.equal(await kv.get("k"), null);
  assert.equal(await kv.put("k", "one"), 1);
  assert.equal(await kv.put("k", Buffer.from("two\r\n\0")), 2);
  const entry = await kv.get("k");
  assert.deepEqual([entry.bucket, entry.key, entry.string()], ["b", "k", "two\r\n\0"]);
  assert.deepEqual(entry.value, new Uint8Array(Buffer.from("two\r\n\0")));
  const { revision, delta, operation, length, isUpdate } = entry;
  assert.deepEqual([revision, delta, operation, length, isUpdate], [2, 0, "PUT", 6, false]);
  const age = Date.now() - entry.created.getTime();
  assert.ok(age >= 0 && age < 60_000, age);
  assert.equal(Number(entry.createdNs / 1_000_000n), entry.created.getTime());
  await kv.put("empty", "");
  assert.equal((await kv.get("empty")).value.length, 0);
  await kv.put("json", JSON.stringify({ a: [1] }));
  assert.deepEqual((await kv.get("json")).json(), { a: [1] });
  const large = Buffer.alloc(100_000, "ä");
  await kv.put("large", large);
  assert.ok(large.equals((await kv.get("large")).value));
  await assert.rejects(kv.put("k", 5), TypeError);
  await assert.rejects(kv.put(5, "x"), TypeError);
  await assert.rejects(kv.get(), TypeError);
});

behaviour("kv-05", "a value by its revision", async (t) => {
  const { kv } = await bucket(t);
  await kv.put("k", "one");
  await kv.put("k", "two");
  await kv.put("other", "three");
  assert.equal((await kv.get("k", { revision: 1 })).string(), "one");
  // KEY_NOT_FOUND is null here.
  assert.equal(await kv.get("other", { revision: 1 }), null);
  assert.equal(await kv.get("k", { revision: 9 }), null);
  for (const bad of [0, -1, 1.5, "1", NaN]) {
    await fails("INVALID_ARGUMENT", kv.get("k", { revision: bad }), "revision");
  }
});

behaviour("kv-06", "deleted and purged", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "k", "k");
  assert.equal(await kv.delete("k"), 3);
  // What was done last, as in nats.js.
  let marker = await kv.get("k");
  assert.deepEqual([marker.operation, marker.revision, marker.length], ["DEL", 3, 0]);
  assert.equal(await kv.get("k", { revision: 3 }), null);
  assert.equal((await kv.get("k", { revision: 1 })).string(), "k");
  assert.equal(await kv.purge("k"), 4);
  marker = await kv.get("k");
  assert.deepEqual([marker.operation, marker.revision], ["PURGE", 4]);
  assert.equal(await kv.get("k", { revision: 1 }), null);
  assert.equal((await kv.status()).values, 1);
});

behaviour("kv-07", "create wants a key without a value", async (t) => {
  const { kv } = await bucket(t);
  assert.equal(await kv.create("k", "1"), 1);
  await fails("KEY_EXISTS", kv.create("k", "2"));
  await kv.delete("k");
  assert.equal(await kv.create("k", "3"), 3);
  await kv.purge("k");
  assert.equal(await kv.create("k", "5"), 5);
  await fails("KEY_EXISTS", kv.create("k", "6"));
  assert.equal((await kv.get("k")).string(), "5");
});

behaviour("kv-08", "update wants a revision", async (t) => {
  const { kv } = await bucket(t);
  assert.equal(await kv.update("k", "1", 0), 1);
  const error = await fails("WRONG_LAST_SEQUENCE", kv.update("k", "2", 0));
  assert.equal(error.errCode, 10071);
  assert.equal(await kv.update("k", "2", 1), 2);
  await fails("WRONG_LAST_SEQUENCE", kv.update("k", "3", 1));
  assert.equal(await kv.put("k", "3", { previousSeq: 2, timeout: 5000 }), 3);
  assert.equal(await kv.update("k", "4", 3, 5000), 4);
  assert.equal((await kv.get("k")).string(), "4");
  await assert.rejects(kv.update("k", "5"), TypeError);
  await fails("INVALID_OPTION", kv.update("k", "5", -1), "'previousSeq'");
  await fails("INVALID_OPTION", kv.put("k", "5", { previous: 4 }), "'previous'");
  await fails("INVALID_ARGUMENT", kv.put("k", "5", { timeout: 0 }), "timeout");
});

behaviour("kv-09", "delete and purge may want one, too", async (t) => {
  const { kv } = await bucket(t);
  await put(kv, "k", "k");
  await fails("WRONG_LAST_SEQUENCE", kv.delete("k", { previousSeq: 1 }));
  assert.equal(await kv.delete("k", { previousSeq: 2 }), 3);
  await fails("WRONG_LAST_SEQUENCE", kv.purge("k", { previousSeq: 2 }));
  assert.equal(await kv.purge("k", { previousSeq: 3 }), 4);
  assert.equal((await kv.status()).values, 1);
});

behaviour("kv-10", "keys that are none", async (t) => {
  const { nc, kv } = await bucket(t);
  const sent = nc.stats().outMsgs;
  for (const bad of ["", ".", "a.", ".a", "a..b", "a b", "*", "a.>", "ä", "a\r\nb"]) {
    await fails("INVALID_NAME", kv.put(bad, "x"));
    await fails("INVALID_NAME", kv.get(bad));
    await fails("INVALID_NAME", kv.get(bad, { revision: 1 }));
    await fails("INVALID_NAME", kv.create(bad, "x"));
    await fails("INVALID_NAME", kv.delete(bad));
    await fails("INVALID_NAME", kv.purge(bad));
    await fails("INVALID_NAME", kv.getMany(["a", bad]));
    await fails("INVALID_NAME", kv.modify(bad, () => null));
  }
  assert.equal(nc.stats().outMsgs, sent, "nothing was sent");
});

behaviour("kv-11", "values that are too large", async (t) => {
  const { nc, kvm, kv } = await bucket(t);
  await fails("MAX_PAYLOAD", kv.put("k", new Uint8Array(nc.info.max_payload + 1)));
  const small = await kvm.create("small", { maxValueSize: 10, ...MEMORY });
  await fails("JETSTREAM", small.put("k", new Uint8Array(100)));
  assert.equal(await small.put("k", "fits"), 1);
});

behaviour("kv-12", "keys and markers with a time of their own", async (t) => {
  const { nc, kvm } = await begin(t);
  if (!needs(t, nc, 11)) return;
  const kv = await kvm.create("b", { markerTTL: 60_000, ...MEMORY });
  await kv.create("k", "x", "1s");
  await kv.put("other", "x", { ttl: 1000 });
  assert.equal((await kv.get("k")).string(), "x");
  const gone = async () => (await kv.get("k")).operation === "PURGE";
  await until("the end of its time", gone);
  await until("the end of the other's", async () => (await kv.get("other")).operation === "PURGE");
  await kv.create("k", "y");
  await kv.purge("k", { ttl: "1" });
  await until("a marker that goes, too", async () => (await kv.get("k")) === null);
  for (const bad of [10, "10ms", "never", "s", "", -1]) {
    await fails("INVALID_OPTION", kv.create("k", "x", bad), "'ttl'");
  }
  assert.equal(await kv.create("k", "x", "1h30m"), (await kv.get("k")).revision);
});

behaviour("kv-13", "a value at the end of the bucket's time leaves a marker", async (t) => {
  const { nc, kvm } = await begin(t);
  if (!needs(t, nc, 11)) return;
  const kv = await kvm.create("b", { ttl: 1000, markerTTL: 60_000, ...MEMORY });
  const told = new Told(await kv.watch());
  await told.expect("-");
  await kv.put("k", "x");
  await told.expect("k=x", "k PURGE");
  assert.equal((await kv.get("k")).operation, "PURGE");
  assert.equal(await kv.create("k", "y"), 3);
});

behaviour("kv-14", "many keys at once", async (t) => {
  const { nc, kv } = await bucket(t);
  if (!needs(t, nc, 11)) return;
  const keys = Array.from({ length: 1501 }, (_, number) => `k.${number}`);
  await Promise.all(keys.slice(0, 1500).map((key) => kv.put(key, key)));
  await kv.delete("k.7");
  keys.reverse();
  const requests = nc.stats().outMsgs;
  const got = await kv.getMany(keys);
  assert.equal(nc.stats().outMsgs - requests, 2, "1,024 at once");
  for (const [at, key] of keys.entries()) {
    const expected = key === "k.1500" || key === "k.7" ? null : key;
    assert.equal(got[at]?.key ?? null, expected);
    assert.equal(got[at]?.string() ?? null, expected);
  }
  assert.deepEqual(await kv.getMany([]), []);
  await assert.rejects(kv.getMany("k"), TypeError);
  await assert.rejects(kv.getMany([5]), TypeError);
});

behaviour("kv-15", "changed by several at once", async (t) => {
  const { kv } = await bucket(t);
  const add = (entry) => String(Number(entry?.string() ?? 0) + 1);
  const worker = async () => {
    for (let round = 0; round < 20; round++) await kv.modify("n", async (entry) => add(entry));
  };
  await Promise.all([worker(), worker(), worker(), worker()]);
  const entry = await kv.get("n");
  assert.equal(entry.string(), "80");
  assert.equal(await kv.modify("n", add), entry.revision + 1);
  assert.equal(await kv.modify("n", () => null), null);
  await kv.delete("n");
  let seen;
  assert.equal(typeof (await kv.modify("n", (was) => ((seen = was), "x"))), "number");
  assert.equal(seen, null);
  await assert.rejects(kv.modify("n", () => assert.fail("mine")), /mine/);
  await assert.rejects(kv.modify("n"), TypeError);
});

behaviour("kv-16", "for reading alone", async (t) => {
  const { nc, kvm, kv } = await bucket(t);
  await put(kv, "k");
  for (const ro of [kv.readonly(), await kvm.open("b", { readOnly: true })]) {
    assert.equal((await ro.get("k")).string(), "k");
    const sent = nc.stats().outMsgs;
    await fails("READ_ONLY", ro.put("k", "y"));
    await fails("READ_ONLY", ro.create("n", "y"));
    await fails("READ_ONLY", ro.update("k", "y", 1));
    await fails("READ_ONLY", ro.delete("k"));
    await fails("READ_ONLY", ro.purge("k"));
    await fails("READ_ONLY", ro.purgeDeletes(0));
    await fails("READ_ONLY", ro.destroy());
    assert.equal(nc.stats().outMsgs, sent, "nothing was sent");
  }
  assert.equal(await kv.put("k", "z"), 2);
});

behaviour("kv-17", "a mirror", async (t) => {
  const { kvm } = await begin(t);
  const origin = await kvm.create("origin", MEMORY);
  await put(origin, "eu.1", "us.1");
  const mirror = await kvm.create("mirror", { mirror: { name: "origin" }, ...MEMORY });
  assert.equal(await copied(mirror, "eu.1"), "eu.1");
  const revision = await mirror.put("eu.2", "three");
  assert.equal((await origin.get("eu.2")).revision, revision);
  assert.equal(await copied(mirror, "eu.2"), "three");
  const again = await kvm.open("mirror");
  assert.equal((await again.get("eu.2")).bucket, "mirror");
  const told = new Told(await mirror.watch({ key: "eu.2" }));
  await told.expect("eu.2=three", "-");
});

behaviour("kv-18", "sources, filtered and transformed, and an aggregate", async (t) => {
  const { js, kvm } = await begin(t);
  const origin = await kvm.create("origin", MEMORY);
  await put(origin, "eu.1", "us.1", "eu.2");
  const eu = [{ name: "KV_origin", filter_subject: "eu.>" }];
  const some = await kvm.create("some", { sources: eu, ...MEMORY });
  assert.equal(await copied(some, "eu.1"), "eu.1");
  assert.equal(await copied(some, "eu.2"), "eu.2");
  assert.equal(await some.get("us.1"), null);
  await put(some, "own");
  assert.equal(await origin.get("own"), null);
  await js.streamCreate({ name: "EVENTS", subjects: ["events.>"], storage: "memory" });
  await js.publish("events.a", "told");
  const transform = { src: "events.>", dest: "$KV.all.events.>" };
  const sources = [{ name: "origin" }, { name: "EVENTS", subject_transforms: [transform] }];
  const every = await kvm.create("all", { sources, aggregate: true, ...MEMORY });
  assert.equal(await copied(every, "us.1"), "us.1");
  assert.equal(await copied(every, "events.a"), "told");
  await fails("READ_ONLY", every.put("k", "x"));
  assert.equal((await (await kvm.open("all")).status()).aggregate, true);
});

behaviour("kv-19", "a bucket of another domain", async (t) => {
  const hub = await server(t, "plain", { extra: "jetstream {domain: hub}" });
  const nc = await dial(t, hub);
  const kv = await new Kvm(nc.jetstream({ domain: "hub" })).create("b", MEMORY);
  await put(kv, "k");
  assert.equal((await kv.get("k")).string(), "k");
  const here = await new Kvm(nc).open("b");
  assert.equal((await here.get("k")).revision, 1);
  const told = new Told(await kv.watch());
  await told.expect("k=k", "-");
  assert.deepEqual(await all(kv.keys()), ["k"]);
});

check("one request gets a key, whether it has a value, had one, or never did", async (t) => {
  const { nc, kvm, kv } = await bucket(t);
  await put(kv, "k", "gone");
  await kv.delete("gone");
  const coded = await kvm.open("b", { keyCodecs: "base64" });
  await put(coded, "ä b");
  await coded.purge("ä b");
  const sent = nc.stats().outMsgs;
  assert.equal((await kv.get("k")).operation, "PUT");
  assert.equal((await kv.get("gone")).operation, "DEL");
  assert.equal(await kv.get("none"), null);
  const { key, operation, value } = await coded.get("ä b");
  assert.deepEqual([key, operation, value.length], ["ä b", "PURGE", 0]);
  assert.equal(nc.stats().outMsgs - sent, 4);
});

check("revisions are exact beyond 32 bits", async (t) => {
  const { js, kvm } = await begin(t);
  const first = 2 ** 40 + 3;
  const config = { name: "KV_b", subjects: ["$KV.b.>"], max_msgs_per_subject: 2, allow_direct: true };
  await js.streamCreate({ ...config, first_seq: first, storage: "memory" });
  const kv = await kvm.open("b", { allow_direct: true });
  assert.equal(await kv.put("k", "x"), first);
  assert.equal(await kv.update("k", "y", first), first + 1);
  assert.equal((await kv.get("k")).revision, first + 1);
  assert.equal((await kv.get("k", { revision: first })).string(), "x");
  const told = new Told(await kv.watch({ resumeFromRevision: first + 1 }));
  assert.equal((await told.next()).revision, first + 1);
});

check("a bucket that is not to be read directly", async (t) => {
  const { js, kvm } = await begin(t);
  const config = { name: "KV_b", subjects: ["$KV.b.>"], max_msgs_per_subject: 2 };
  await js.streamCreate({ ...config, storage: "memory" });
  const kv = await kvm.open("b");
  await put(kv, "k", "gone");
  await kv.delete("gone");
  assert.equal((await kv.get("k")).string(), "k");
  assert.equal((await kv.get("k", { revision: 1 })).string(), "k");
  assert.deepEqual([(await kv.get("gone")).operation, await kv.get("none")], ["DEL", null]);
});

check("a bucket and its connection that is closed", async (t) => {
  const { own, kv } = await bucket(t);
  const nc = await connect({ servers: own.url });
  const other = await new Kvm(nc).open("b");
  const watch = await other.watch();
  const cache = await other.cache();
  await nc.close();
  await fails("CONNECTION_CLOSED", other.get("k"));
  await fails("CONNECTION_CLOSED", other.put("k", "x"));
  await fails("CONNECTION_CLOSED", other.watch());
  assert.deepEqual(await all(watch), []);
  await fails("CONNECTION_CLOSED", cache.wait(100));
  await put(kv, "k");
});

check("what was published before goes out before a put", async (t) => {
  const { nc, kv } = await bucket(t);
  const seen = new Reader(nc.subscribe(">"));
  await nc.flush();
  nc.publish("first", "1");
  await put(kv, "k");
  assert.equal((await seen.next()).subject, "first");
  assert.equal((await seen.next()).subject, "$KV.b.k");
});
