// Objects that are read in part, as streams and into files, and what can be wrong with them.

import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { behaviour, check, fails, within } from "./helpers.mjs";
import { begin, chunked, content, drained, folder, same, source } from "./object.mjs";

behaviour("object-25", "ranges", async (t) => {
  const { store } = await begin(t);
  const bytes = content(95);
  // Two at once, so that their chunks may take turns.
  await Promise.all([
    store.put(chunked("one", 10), source(bytes, 10)),
    store.put(chunked("two", 7), source(bytes, 10)),
  ]);
  for (const name of ["one", "two"]) {
    for (const offset of [0, 1, 9, 10, 11, 49, 50, 90, 94, 95]) {
      for (const length of [undefined, 0, 1, 10, 31, Number.MAX_SAFE_INTEGER]) {
        const expected = bytes.subarray(offset, length === undefined ? 95 : offset + length);
        same(await store.getBlob(name, { offset, length }), expected);
        same(await drained((await store.get(name, { offset, length })).data), expected);
      }
    }
  }
  await fails("INVALID_ARGUMENT", store.getBlob("one", { offset: 96 }), "offset");
});

behaviour("object-26", "a small range of a large object", async (t) => {
  const { nc, store } = await begin(t);
  const bytes = content(8 << 20);
  await store.putBlob({ name: "x" }, bytes);
  const before = nc.stats().inBytes;
  const range = { offset: 7_000_000, length: 10 };
  same(await store.getBlob("x", range), bytes.subarray(7_000_000, 7_000_010));
  const read = nc.stats().inBytes - before;
  assert.ok(read < 3 << 20, `${read} bytes`);
});

behaviour("object-27", "a reading that is resumed", async (t) => {
  const { store } = await begin(t);
  const bytes = content(100);
  await store.putBlob(chunked("x", 9), bytes);
  const { info, data, error } = await store.get("x");
  const parts = [];
  for await (const chunk of data) {
    if (parts.push(chunk) === 2) break;
  }
  assert.equal(await error, null, "it was left");
  const offset = Buffer.concat(parts).length;
  assert.equal(offset, 18);
  const resume = { offset, nuid: info.nuid };
  same(Buffer.concat([...parts, await store.getBlob("x", resume)]), bytes);
  await store.putBlob(chunked("x", 9), bytes);
  await fails("OBJECT_CHANGED", store.get("x", resume));
});

behaviour("object-28", "as they are produced, and as they are wanted", async (t) => {
  const { store } = await begin(t);
  const bytes = content(300_000);
  const produced = async function* () {
    for (let at = 0; at < bytes.length; at += 1000) {
      await new Promise(setImmediate);
      yield bytes.subarray(at, at + 1000);
    }
  };
  const info = await store.put({ name: "x" }, produced());
  assert.equal(info.chunks, 3, "whole chunks");
  const { data, error } = await store.get("x");
  const reader = data.getReader();
  const chunks = [];
  for (;;) {
    const { done, value } = await within(reader.read(), "a chunk");
    if (done) break;
    chunks.push(value);
  }
  same(Buffer.concat(chunks), bytes);
  assert.equal((await reader.read()).done, true, "it stays at its end");
  assert.equal(await error, null);
  await store.put({ name: "y" }, new Blob([bytes]).stream());
  const whole = await new Response((await store.get("y")).data).arrayBuffer();
  same(new Uint8Array(whole), bytes);
});

behaviour("object-29", "how far it is", async (t) => {
  const { store } = await begin(t);
  const at = await folder(t);
  const [from, to] = [join(at, "source"), join(at, "target")];
  const bytes = content(300_000);
  await writeFile(from, bytes);
  let told = [];
  const progress = (...how) => told.push(how);
  const taken = () => told.splice(0);
  const whole = [131_072, 262_144, 300_000].map((part) => [part, 300_000]);
  await store.putBlob({ name: "x" }, bytes, { progress });
  assert.deepEqual(taken(), whole);
  await store.put({ name: "x" }, source(bytes, 300_000), { progress });
  assert.deepEqual(taken(), whole.map(([part]) => [part, undefined]));
  const put = await store.putFile({ name: "x" }, from, { progress });
  assert.deepEqual(taken(), whole);
  const got = await store.getFile("x", to, { progress });
  assert.deepEqual([taken(), got.nuid], [whole, put.nuid]);
  same(await store.getBlob("x", { progress }), bytes);
  assert.deepEqual(taken(), whole);
  await store.getFile("x", to, { offset: 200_000, length: 100, progress });
  assert.deepEqual(taken(), [[100, 100]]);
  await store.getBlob("x", { offset: 200_000, length: 100, progress });
  assert.deepEqual(taken(), [[100, 100]]);
});

behaviour("object-30", "files", async (t) => {
  const { store } = await begin(t);
  const at = await folder(t);
  const [from, to] = [join(at, "source"), join(at, "target")];
  const bytes = content(300_000);
  await writeFile(from, bytes);
  await writeFile(to, "old");
  const put = await store.putFile({ name: "x" }, pathToFileURL(from));
  const got = await store.getFile("x", pathToFileURL(to));
  assert.equal(got.nuid, put.nuid);
  same(await readFile(to), bytes);
  await store.getFile("x", to, { offset: 299_990, length: 5 });
  same(await readFile(to), bytes.subarray(299_990, 299_995));
  await fails("IO", store.putFile({ name: "y" }, join(at, "missing")));
  await fails("IO", store.getFile("x", join(at, "no folder/target")));
  await fails("IO", store.getFile("x", at));
  await assert.rejects(store.getFile("x", 5), TypeError);
  assert.equal((await readdir(at)).length, 2, "nothing else is left");
});

behaviour("object-31", "bounded memory", async (t) => {
  const { nc, objm } = await begin(t);
  const store = await objm.create("large");
  const size = 256 << 20;
  const piece = content(1 << 20);
  const pieces = async function* () {
    for (let at = 0; at < size; at += piece.length) yield piece;
  };
  const settle = async () => {
    for (let round = 0; round < 3; round++) {
      globalThis.gc();
      await new Promise(setImmediate);
    }
    return process.memoryUsage();
  };
  // What is there once is there already.
  await store.putBlob({ name: "small" }, content(8 << 20));
  await store.getBlob("small");
  const before = await settle();
  let most = 0;
  let told = 0;
  const watched = () => {
    if (++told % 64 === 0) globalThis.gc();
    const now = process.memoryUsage();
    most = Math.max(most, now.external - before.external + (now.heapUsed - before.heapUsed));
  };
  const info = await store.put({ name: "x" }, pieces(), { progress: watched });
  assert.equal(info.size, size);
  let read = 0;
  for await (const chunk of (await store.get("x", { progress: watched })).data) read += chunk.length;
  assert.equal(read, size);
  assert.ok(most < 16 << 20, `${most} bytes, garbage among them`);
  // One that is not read on takes no more than a window.
  const idle = await store.get("x");
  const received = nc.stats().inBytes;
  await idle.data.getReader().read();
  await nc.flush();
  assert.ok(nc.stats().inBytes - received < 16 << 20, "it is not read on");
  const after = await settle();
  assert.ok(after.rss - before.rss < 64 << 20, `${after.rss - before.rss}`);
});

/** Puts an object, and then chunks that were harmed in the place of its own. */
async function harmed(js, store, harm) {
  const bytes = content(45);
  const { nuid } = await store.putBlob(chunked("x", 10), bytes);
  const subject = `$O.b.C.${nuid}`;
  const chunks = [0, 10, 20, 30, 40].map((at) => Buffer.from(bytes.subarray(at, at + 10)));
  harm(chunks);
  await js.streamPurge({ stream: "OBJ_b", filter: subject });
  for (const chunk of chunks) await js.publish(subject, chunk);
}

behaviour("object-32", "chunks that are not what was put", async (t) => {
  const { js, store } = await begin(t);
  const at = await folder(t);
  const harms = {
    "the first is missing": (chunks) => chunks.shift(),
    "one is missing": (chunks) => chunks.splice(2, 1),
    "the last is missing": (chunks) => chunks.pop(),
    "all are missing": (chunks) => chunks.splice(0),
    "one is there twice": (chunks) => chunks.splice(1, 0, chunks[1]),
    "one more": (chunks) => chunks.push(Buffer.from("more")),
    "another order": (chunks) => chunks.splice(0, 2, chunks[1], chunks[0]),
    "another byte": (chunks) => (chunks[4][4] ^= 1),
    "one is shorter": (chunks) => chunks.splice(1, 1, chunks[1].subarray(0, 9)),
  };
  for (const [what, harm] of Object.entries(harms)) {
    await harmed(js, store, harm);
    await fails("DIGEST_MISMATCH", store.getBlob("x"));
    await fails("DIGEST_MISMATCH", store.getFile("x", join(at, "file")));
    assert.deepEqual(await readdir(at), [], what);
    const { data, error } = await store.get("x");
    await fails("DIGEST_MISMATCH", drained(data));
    assert.equal((await error).codeName, "DIGEST_MISMATCH");
    if (!["another order", "another byte"].includes(what)) {
      for (const offset of [5, 25]) {
        await fails("DIGEST_MISMATCH", store.getBlob("x", { offset }));
      }
    }
  }
  await harmed(js, store, () => {});
  same(await store.getBlob("x"), content(45));
});

behaviour("object-33", "what was noted wrongly", async (t) => {
  const { js, store } = await begin(t);
  for (const [name, size, subject] of [
    ["x", 45, "$O.b.M.eA=="],
    ["empty", 0, "$O.b.M.ZW1wdHk="],
  ]) {
    await store.putBlob(chunked(name, 10), content(size));
    const { data } = await js.streamGetMessage({ stream: "OBJ_b", last_by_subj: subject });
    const noted = JSON.parse(Buffer.from(data, "base64"));
    for (const wrong of [
      { digest: "SHA-512=abc" },
      { digest: "SHA-256=ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0=" },
      { digest: size === 0 ? "abc" : "" },
      { size: size + 1 },
    ]) {
      await js.publish(subject, JSON.stringify({ ...noted, ...wrong }));
      await fails("DIGEST_MISMATCH", store.getBlob(name));
    }
  }
  for (const bad of ["", "{", "[]", "{\"size\":\"x\"}", "{\"nuid\":\"*\"}"]) {
    await js.publish("$O.b.M.YQ==", bad);
    await fails("PROTOCOL", store.info("a"));
    await fails("PROTOCOL", store.list());
  }
});

behaviour("object-34", "an object that is replaced while it is read", async (t) => {
  const { store } = await begin(t);
  const bytes = content(2_000_000);
  for (const replace of [
    () => store.putBlob({ name: "x" }, "other"),
    () => store.delete("x"),
  ]) {
    await store.putBlob(chunked("x", 1000), bytes);
    const { data, error } = await store.get("x");
    const reader = data.getReader();
    same((await reader.read()).value, bytes.subarray(0, 1000));
    await replace();
    await fails("OBJECT_CHANGED", async () => {
      while (!(await within(reader.read(), "a chunk")).done);
    });
    assert.equal((await error).codeName, "OBJECT_CHANGED");
  }
});

check("a get that is given up", async (t) => {
  const { store } = await begin(t);
  await store.putBlob(chunked("x", 1000), content(2_000_000));
  const abort = new AbortController();
  const { data, error } = await store.get("x", { signal: abort.signal });
  const reader = data.getReader();
  await reader.read();
  const reason = new Error("enough");
  abort.abort(reason);
  await assert.rejects(within(reader.read(), "the end"), reason);
  assert.equal(await error, reason);
  const { signal } = abort;
  for (const get of [store.get, store.getBlob]) {
    await assert.rejects(get.call(store, "x", { signal }), reason);
  }
  await assert.rejects(store.getFile("x", "/none/x", { signal }), reason);
});
