// Buckets of objects, objects as a whole, and links.

import assert from "node:assert/strict";

import { headers, Objm } from "nats-ffi";

import { behaviour, check, fails } from "./helpers.mjs";
import { MEMORY } from "./kv.mjs";
import { begin, chunked, content, messages, same, settles, source, text } from "./object.mjs";

const BAD = ["", "a.b", "a b", "*", ">", "ä", "a\r\nb"];

async function names(lister) {
  const all = [];
  for await (const { bucket } of lister) all.push(bucket);
  return all;
}

behaviour("object-01", "buckets", async (t) => {
  const { js, objm, store } = await begin(t);
  await fails("BUCKET_NOT_FOUND", objm.open("c"));
  await fails("BUCKET_NOT_FOUND", js.objectStoreDelete({ bucket: "c" }));
  await fails("BUCKET_NOT_FOUND", js.objectStoreUpdate({ bucket: "c", ...MEMORY }));
  await js.objectStoreCreate({ bucket: "b", ...MEMORY });
  const other = { bucket: "b", description: "other", ...MEMORY };
  await fails("BUCKET_EXISTS", js.objectStoreCreate(other));
  await js.objectStoreUpdate(other);
  assert.equal((await store.status()).description, "other");
  await objm.create("b", MEMORY);
  assert.equal((await store.status()).description, "other", "it was opened");
  await objm.create("c", MEMORY);
  await js.streamCreate({ name: "PLAIN", subjects: ["plain"], storage: "memory" });
  assert.deepEqual(await names(objm.list()), ["b", "c"]);
  assert.equal((await objm.list().next()).length, 2);
  assert.equal(await store.destroy(), true);
  assert.deepEqual(await names(objm.list()), ["c"]);
  assert.ok((await new Objm(js).open("c")) !== undefined);
  assert.throws(() => new Objm({}), TypeError);
});

behaviour("object-02", "bucket names that are none", async (t) => {
  const { nc, objm } = await begin(t);
  const sent = nc.stats().outMsgs;
  for (const bad of BAD) {
    await fails("INVALID_NAME", objm.create(bad, MEMORY));
    await fails("INVALID_NAME", objm.open(bad));
  }
  await fails("INVALID_OPTION", objm.create("c", { colour: 1 }), "colour");
  assert.equal(nc.stats().outMsgs, sent, "nothing was sent");
});

behaviour("object-03", "all that a bucket can be like", async (t) => {
  const { objm } = await begin(t);
  const store = await objm.create("full", {
    description: "other",
    ttl: 3600e9,
    max_bytes: 1 << 20,
    compression: true,
    metadata: { owner: "infra" },
    replicas: 1,
    storage: "memory",
  });
  await store.putBlob({ name: "x" }, "content");
  const status = await store.status();
  const { bucket, description, ttl, storage, replicas, sealed, backingStore, compression } = status;
  assert.deepEqual([bucket, description, ttl, storage], ["full", "other", 3600e9, "memory"]);
  assert.deepEqual([replicas, sealed, backingStore, compression], [1, false, "JetStream", true]);
  assert.equal(status.metadata.owner, "infra");
  assert.ok(status.size > 7);
  const { config } = status.streamInfo;
  assert.equal(config.name, "OBJ_full");
  assert.deepEqual(config.subjects, ["$O.full.C.>", "$O.full.M.>"]);
  const { allow_rollup_hdrs, allow_direct, discard, max_age, max_bytes } = config;
  assert.deepEqual([allow_rollup_hdrs, allow_direct, discard], [true, true, "new"]);
  assert.deepEqual([config.compression, max_age, max_bytes], ["s2", 3600e9, 1 << 20]);
});

behaviour("object-04", "a bucket that was deleted", async (t) => {
  const { store } = await begin(t);
  const info = await store.putBlob({ name: "x" }, "content");
  await store.destroy();
  for (const ask of [
    () => store.info("x"),
    () => store.status(),
    () => store.list(),
    () => store.get("x"),
    () => store.getBlob("x"),
    () => store.putBlob({ name: "x" }, "content"),
    () => store.put({ name: "x" }, source(content(3), 1)),
    () => store.delete("x"),
    () => store.link("y", info),
    () => store.update("x", {}),
    () => store.seal(),
    () => store.watch(),
    () => store.destroy(),
  ]) {
    await fails("BUCKET_NOT_FOUND", ask);
  }
});

behaviour("object-05", "a sealed bucket", async (t) => {
  const { store } = await begin(t);
  const info = await store.putBlob({ name: "x" }, "content");
  assert.equal((await store.seal()).sealed, true);
  assert.equal((await store.status()).sealed, true);
  await fails("JETSTREAM", store.putBlob({ name: "y" }, "y"));
  await fails("JETSTREAM", store.delete("x"));
  await fails("JETSTREAM", store.link("y", info));
  assert.equal(await text(store, "x"), "content");
  assert.equal((await store.list({ showDeleted: true })).length, 1);
});

behaviour("object-06", "sizes and pieces", async (t) => {
  const { store } = await begin(t);
  const whole = content(1000);
  for (const size of [0, 1, 99, 100, 101, 250, 1000]) {
    const bytes = whole.subarray(0, size);
    for (const piece of [1, 37, 100, 1000]) {
      const info = await store.put(chunked("x", 100), source(bytes, piece));
      assert.deepEqual([info.size, info.chunks], [size, Math.ceil(size / 100)]);
      assert.equal(info.options.max_chunk_size, 100);
      same(await store.getBlob("x"), bytes);
      assert.equal(await messages(store), info.chunks + 1, "what it has replaced is gone");
    }
  }
});

behaviour("object-07", "bytes and texts", async (t) => {
  const { store } = await begin(t);
  const info = await store.putBlob({ name: "text" }, "a text ä");
  assert.equal(info.options.max_chunk_size, 128 << 10);
  assert.equal(await text(store, "text"), "a text ä");
  await store.putBlob({ name: "binary" }, new Uint8Array([255]));
  assert.deepEqual([...(await store.getBlob("binary"))], [255]);
  await store.putBlob({ name: "none" }, null);
  assert.equal((await store.getBlob("none")).length, 0);
  await assert.rejects(store.putBlob({ name: "x" }, 5), TypeError);
  await assert.rejects(store.put({ name: "x" }, [1]), TypeError);
  await assert.rejects(store.put({ name: "x" }, source([["text"]], 1)), TypeError);
  assert.equal(await store.info("x"), null);
});

behaviour("object-08", "what is known of an object", async (t) => {
  const { store } = await begin(t);
  assert.equal(await store.info("x"), null);
  const own = headers();
  own.append("Kind", "a");
  own.append("Kind", "b");
  const meta = { ...chunked("x", 2), description: "letters", headers: own, metadata: { owner: "me" } };
  const put = await store.putBlob(meta, "abc");
  const info = await store.info("x");
  const { bucket, name, size, chunks, digest, description, metadata, revision, deleted } = info;
  assert.deepEqual([bucket, name, size, chunks], ["b", "x", 3, 2]);
  assert.equal(digest, "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=");
  assert.deepEqual([description, metadata, revision, deleted], ["letters", { owner: "me" }, 3, false]);
  assert.deepEqual([...info.headers], [["Kind", ["a", "b"]]]);
  assert.equal(info.mtime.slice(0, 16), put.mtime.slice(0, 16));
  const facts = ({ mtime, headers: _, ...others }) => others;
  assert.deepEqual(facts(info), facts(put));
});

behaviour("object-09", "the objects of a bucket", async (t) => {
  const { store } = await begin(t);
  const listed = async (opts) => (await store.list(opts)).map(({ name }) => name);
  assert.deepEqual(await listed({ showDeleted: true }), []);
  await store.putBlob({ name: "x" }, "x");
  await store.putBlob({ name: "y" }, "y");
  assert.deepEqual(await listed(), ["x", "y"]);
  await store.delete("x");
  assert.deepEqual(await listed(), ["y"]);
  assert.deepEqual(await listed({ showDeleted: true }), ["y", "x"]);
  await store.putBlob({ name: "x" }, "again");
  await store.putBlob({ name: "y" }, "changed");
  assert.deepEqual(await listed(), ["x", "y"]);
});

behaviour("object-10", "a deleted object", async (t) => {
  const { store } = await begin(t);
  for (const name of ["x", "*"]) {
    assert.deepEqual([await store.get(name), await store.getBlob(name)], [null, null]);
    assert.deepEqual(await store.delete(name), { success: false, purged: 0 });
  }
  const info = await store.putBlob(chunked("x", 2), "abc");
  await store.putBlob({ name: "y" }, "y");
  assert.deepEqual(await store.delete("x"), { success: true, purged: 2 });
  const gone = await store.info("x");
  assert.deepEqual([gone.deleted, gone.size, gone.nuid], [true, 0, info.nuid]);
  assert.equal(await messages(store), 1 + 2, "no chunk of it is left");
  assert.deepEqual([await store.get("x"), await store.getBlob("x")], [null, null]);
  assert.deepEqual(await store.delete("x"), { success: true, purged: 0 });
  assert.equal((await store.info("x")).revision, gone.revision);
  const shown = await store.get("x", { showDeleted: true });
  assert.equal(shown.info.deleted, true);
  assert.equal((await store.getBlob("x", { showDeleted: true })).length, 0);
  await fails("OBJECT_NOT_FOUND", store.getFile("x", "/none"));
  await store.putBlob({ name: "x" }, "again");
  assert.equal(await text(store, "x"), "again");
});

behaviour("object-11", "any text is a name", async (t) => {
  const { store } = await begin(t);
  for (const name of ["a b", ".", "*.>", "a\r\nb\0", "weiß/?~", "../../etc", "x".repeat(2048)]) {
    await store.putBlob({ name }, name);
    assert.equal(await text(store, name), name);
    assert.equal((await store.info(name)).name, name);
    await store.delete(name);
  }
});

behaviour("object-12", "names that are none", async (t) => {
  const { nc, store } = await begin(t);
  const sent = nc.stats().outMsgs;
  const bad = ["", "x".repeat(2049), "x".repeat(1 << 20)];
  for (const name of bad) {
    await fails("INVALID_NAME", store.putBlob({ name }, "x"));
    await fails("INVALID_NAME", store.put({ name }, source(content(1), 1)));
    await fails("INVALID_NAME", store.getBlob(name));
    await fails("INVALID_NAME", store.get(name));
  }
  await fails("INVALID_ARGUMENT", store.putBlob(chunked("x", 2 ** 32 - 1), "x"));
  await fails("INVALID_OPTION", store.putBlob({ name: "x" }, "x", { windowBytes: 0 }), "windowBytes");
  await fails("INVALID_OPTION", store.getBlob("x", { colour: 1 }), "colour");
  await fails("INVALID_OPTION", store.putBlob({ name: "x" }, "x", { previousRevision: -1 }), "previousRevision");
  const link = { name: "x", options: { link: { bucket: "b" } } };
  await fails("INVALID_ARGUMENT", store.putBlob(link, "x"), "link");
  await assert.rejects(store.putBlob({}, "x"), TypeError);
  assert.equal(nc.stats().outMsgs, sent, "nothing was sent");
  // These look for the bucket first.
  for (const name of bad) {
    await fails("INVALID_NAME", store.info(name));
    await fails("INVALID_NAME", store.delete(name));
    await fails("INVALID_NAME", store.linkStore(name, store));
  }
});

behaviour("object-13", "an object is described anew", async (t) => {
  const { store } = await begin(t);
  const put = await store.putBlob({ ...chunked("x", 2), metadata: { own: "yes" } }, "abcde");
  const ack = await store.update("x", { description: "new" });
  const info = await store.info("x");
  assert.deepEqual(ack, { stream: "OBJ_b", seq: info.revision, duplicate: false });
  assert.deepEqual([info.description, info.nuid, info.size], ["new", put.nuid, 5]);
  assert.deepEqual(info.metadata, { own: "yes" }, "what is left out stays");
  assert.equal(await text(store, "x"), "abcde");
  await fails("OBJECT_NOT_FOUND", store.update("z", {}));
  await store.delete("x");
  await fails("OBJECT_NOT_FOUND", store.update("x", { description: "new" }));
});

behaviour("object-14", "an object is renamed", async (t) => {
  const { store } = await begin(t);
  await store.putBlob(chunked("x", 2), "abcde");
  const other = await store.putBlob({ name: "y" }, "y");
  await fails("OBJECT_EXISTS", store.update("x", { name: "y" }));
  await store.update("x", { name: "z" });
  assert.equal(await store.info("x"), null);
  assert.equal(await text(store, "z"), "abcde");
  await settles(store, await store.info("z"), other);
  await store.delete("y");
  await store.update("z", { name: "y" });
  assert.equal(await text(store, "y"), "abcde", "over one that was deleted");
});

behaviour("object-15", "links", async (t) => {
  const { objm, store } = await begin(t);
  const other = await objm.create("other", MEMORY);
  const near = await store.putBlob({ name: "near" }, "near");
  const far = await other.putBlob({ name: "far" }, "far");
  const link = await store.link("link", near);
  assert.deepEqual(link.options.link, { bucket: "b", name: "near" });
  assert.equal(await text(store, "link"), "near");
  await store.link("link", far);
  const { info } = await store.get("link");
  assert.deepEqual([info.name, info.bucket], ["far", "other"]);
  assert.equal(await text(store, "link"), "far");
  await store.update("link", { name: "renamed" });
  assert.equal(await text(store, "renamed"), "far");
  await store.delete("renamed");
  assert.equal(await store.getBlob("renamed"), null);
  assert.equal(await text(other, "far"), "far");
});

behaviour("object-16", "links that cannot be", async (t) => {
  const { objm, store } = await begin(t);
  const other = await objm.create("other", MEMORY);
  await store.putBlob({ name: "near" }, "near");
  const far = await other.putBlob({ name: "far" }, "far");
  const link = await store.link("link", far);
  await fails("OBJECT_EXISTS", store.link("near", far));
  await fails("OBJECT_EXISTS", store.linkStore("near", other));
  await fails("INVALID_LINK", store.link("again", link));
  await store.delete("near");
  await fails("INVALID_LINK", store.link("x", await store.info("near")));
  const bucket = await store.linkStore("bucket", other);
  assert.equal(bucket.options.link.bucket, "other");
  await fails("INVALID_LINK", store.getBlob("bucket"));
  await assert.rejects(store.linkStore("x", {}), TypeError);
  await assert.rejects(store.link("x", "near"), TypeError);
});

behaviour("object-17", "links that lead nowhere", async (t) => {
  const { objm, store } = await begin(t);
  const other = await objm.create("other", MEMORY);
  await store.link("link", await other.putBlob({ name: "far" }, "far"));
  await store.link("to", await store.putBlob({ name: "from" }, ""));
  await store.delete("from");
  assert.equal(await store.getBlob("to"), null);
  const elsewhere = await store.putBlob({ name: "elsewhere" }, "");
  await store.link("from", elsewhere);
  await fails("INVALID_LINK", store.getBlob("to"));
  await other.destroy();
  await fails("BUCKET_NOT_FOUND", store.getBlob("link"));
});

behaviour("object-18", "a put that expects a revision", async (t) => {
  const { store } = await begin(t);
  const put = (value, previousRevision) => store.putBlob({ name: "x" }, value, { previousRevision });
  const first = await put("1", 0);
  await fails("WRONG_LAST_SEQUENCE", put("2", 0));
  const second = await put("2", first.revision);
  await fails("WRONG_LAST_SEQUENCE", put("3", first.revision));
  let third;
  const replaced = async function* () {
    yield Buffer.from("late");
    third = await store.putBlob({ name: "x" }, "3");
  };
  const opts = { previousRevision: second.revision };
  await fails("WRONG_LAST_SEQUENCE", store.put({ name: "x" }, replaced(), opts));
  await settles(store, third);
  assert.equal(await text(store, "x"), "3");
  await store.delete("x");
  await put("4", 0);
  assert.equal(await text(store, "x"), "4", "over one that was deleted");
});

behaviour("object-19", "objects as others write them", async (t) => {
  const { js, store } = await begin(t);
  for (const chunk of ["ab", "c"]) await js.publish("$O.b.C.theirs", chunk);
  const told = {
    name: "t",
    description: null,
    headers: null,
    metadata: null,
    bucket: "b",
    options: { link: null, max_chunk_size: 131072 },
    nuid: "theirs",
    size: 3,
    chunks: 2,
    digest: "sha-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0",
    deleted: false,
    mtime: "0001-01-01T00:00:00Z",
    own: { a: 1 },
  };
  const own = headers();
  own.set("Nats-Rollup", "sub");
  await js.publish("$O.b.M.dA==", JSON.stringify(told), { headers: own });
  assert.equal(await text(store, "t"), "abc");
  assert.equal(Buffer.from(await store.getBlob("t", { offset: 2 })).toString(), "c");
  assert.ok((await store.info("t")).mtime.startsWith("20"));
  await store.update("t", { description: "ours" });
  const stored = await js.streamGetMessage({ stream: "OBJ_b", last_by_subj: "$O.b.M.dA==" });
  const kept = JSON.parse(Buffer.from(stored.data, "base64"));
  assert.deepEqual([kept.own, kept.description], [{ a: 1 }, "ours"]);
  await js.publish("$O.b.M.YQ==", JSON.stringify({ ...told, nuid: ">" }));
  await fails("PROTOCOL", store.delete("a"));
  assert.equal(await text(store, "t"), "abc");
});

check("many objects at a time", async (t) => {
  const { store } = await begin(t);
  const names = Array.from({ length: 100 }, (_, number) => `n${number}`);
  await Promise.all(names.map((name) => store.putBlob({ name }, name)));
  const got = await Promise.all(names.map((name) => text(store, name)));
  assert.deepEqual(got, names);
});
