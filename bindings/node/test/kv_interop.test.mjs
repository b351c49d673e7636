// Buckets that nats.js has made, and the other way round.

import assert from "node:assert/strict";

import { Base64KeyCodec, Kvm as TheirKvm, NoopKvCodecs } from "@nats-io/kv";
import { connect as theirConnect } from "@nats-io/transport-node";

import { behaviour, within } from "./helpers.mjs";
import { all, begin, bucket, has, MEMORY, put, short, Told, until } from "./kv.mjs";

/** The buckets of the same server as nats.js sees them. */
async function theirs(t, own) {
  const nc = await within(theirConnect({ servers: own.url }), "nats.js");
  t.after(() => nc.close());
  return new TheirKvm(nc);
}

/** An entry in numbers and texts, by whomever it was read. */
function facts(entry) {
  const { bucket, key, revision, operation, length, created } = entry;
  return [bucket, key, revision, operation, length, created.getTime(), entry.string()];
}

/** The same entries were read by both. */
function same(ours, theirs) {
  assert.deepEqual(ours.map(facts), theirs.map(facts));
}

behaviour("kv-43", "what nats.js has written is read here", async (t) => {
  const { own, nc, kvm } = await begin(t);
  const them = await (await theirs(t, own)).create("b", { history: 5, storage: "memory" });
  const us = await kvm.open("b");
  const told = new Told(await us.watch());
  await told.expect("-");
  await them.put("a", "1");
  await them.put("a", new Uint8Array([0xff, 0, 0xfe]));
  await them.create("b.c", "2");
  await them.put("gone", "3");
  await them.delete("gone");
  await them.put("purged", "4");
  await them.purge("purged");
  for (const revision of [1, 2, 3, 4, 5, 6, 7]) {
    assert.equal((await told.next()).revision, revision);
  }
  for (const key of ["a", "b.c", "gone", "purged"]) same([await us.get(key)], [await them.get(key)]);
  same([await us.get("a", { revision: 1 })], [await them.get("a", { revision: 1 })]);
  assert.deepEqual([...(await us.get("a")).value], [0xff, 0, 0xfe]);
  for (const key of ["a", "gone", "purged", "none"]) {
    same(await all(us.history({ key })), await all(them.history({ key })));
  }
  assert.deepEqual(await all(us.keys()), await all(them.keys()));
  if (has(nc, 11)) {
    const many = await us.getMany(["a", "gone", "b.c"]);
    assert.deepEqual(many.map((one) => one?.key), ["a", undefined, "b.c"]);
  }
  // By their revisions.
  assert.equal(await us.update("b.c", "5", 3), 8);
  await assert.rejects(them.update("b.c", "6", 3), /wrong last sequence/);
  assert.equal(await them.update("b.c", "6", 8), 9);
  assert.equal(await us.create("gone", "7"), 10);
  const { bucket, history, values, storage } = await us.status();
  const their = await them.status();
  assert.deepEqual([bucket, history, values, storage], ["b", their.history, their.values, "memory"]);
  // A program that makes its bucket at each start finds the one of nats.js.
  const again = await kvm.create("b", { history: 5, ...MEMORY });
  assert.equal((await again.get("b.c")).string(), "6");
  assert.deepEqual((await all(kvm.list())).map((one) => one.bucket), ["b"]);
});

behaviour("kv-43", "what is written here is read by nats.js", async (t) => {
  const { own, kv: us } = await bucket(t);
  const them = await (await theirs(t, own)).open("b", { allow_direct: true });
  const seen = [];
  const watch = await them.watch();
  const watching = (async () => {
    for await (const entry of watch) {
      seen.push(short(entry));
      if (entry.key === "last") break;
    }
  })();
  await put(us, "a", "a", "b.c", "gone", "purged");
  await us.delete("gone");
  await us.purge("purged");
  for (const key of ["a", "b.c", "gone", "purged"]) same([await us.get(key)], [await them.get(key)]);
  for (const key of ["a", "gone", "purged"]) {
    same(await all(us.history({ key })), await all(them.history({ key })));
  }
  assert.deepEqual(await all(them.keys()), ["a", "b.c"]);
  assert.equal(await them.update("b.c", "by revision", 3), 8);
  assert.equal((await us.get("b.c")).string(), "by revision");
  assert.equal(await them.create("gone", "again"), 9);
  await them.delete("a");
  assert.equal((await us.get("a")).operation, "DEL");
  await put(us, "last");
  await within(watching, "the watch of nats.js");
  const written = ["a=a", "a=a", "b.c=b.c", "gone=gone", "purged=purged"];
  const removed = ["gone DEL", "purged PURGE"];
  const after = ["b.c=by revision", "gone=again", "a DEL", "last=last"];
  assert.deepEqual(seen, [...written, ...removed, ...after]);
  assert.ok(await them.destroy());
});

behaviour("kv-43", "times of keys, and codecs, of both", async (t) => {
  const { own, nc, kvm } = await begin(t);
  const buckets = await theirs(t, own);
  const us = await kvm.create("words", { keyCodecs: "base64", ...MEMORY });
  // In their base64 these words have no padding.
  const codec = { ...NoopKvCodecs(), key: Base64KeyCodec() };
  const them = await buckets.open("words", { allow_direct: true, codec });
  await put(us, "two words.a b");
  assert.equal((await them.get("two words.a b")).key, "two words.a b");
  await them.put("a b", "x");
  assert.equal(short(await us.get("a b")), "a b=x");
  if (!has(nc, 11)) return;
  const lasting = await kvm.create("b", { markerTTL: 60_000, ...MEMORY });
  const other = await buckets.open("b", { allow_direct: true });
  await other.create("k", "x", "1s");
  await lasting.create("l", "x", "1s");
  for (const key of ["k", "l"]) {
    await until("its end", async () => (await lasting.get(key)).operation === "PURGE");
    assert.equal((await other.get(key)).operation, "PURGE");
  }
});
