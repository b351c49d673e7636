// Objects that are put, and what goes wrong with puts and gets.

import assert from "node:assert/strict";
import { readdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Objm } from "nats-ffi";

import { proxy, server } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, runFile, Watch, within } from "./helpers.mjs";
import { MEMORY, until } from "./kv.mjs";
import {
  begin,
  chunked,
  content,
  drained,
  folder,
  messages,
  same,
  settles,
  source,
  text,
} from "./object.mjs";

/** A source that goes on when it is told to. */
function held(first, rest) {
  let go;
  let asked;
  const going = new Promise((resolve) => (go = resolve));
  const stored = new Promise((resolve) => (asked = resolve));
  const pieces = async function* () {
    yield first;
    asked();
    await going;
    if (rest) yield rest;
  };
  return { pieces: pieces(), go, stored: () => within(stored, "the first piece") };
}

behaviour("object-35", "out of sight until it is finished", async (t) => {
  const { store } = await begin(t);
  const [bytes, next] = [content(100_500), content(300)];
  const old = await store.putBlob(chunked("x", 1000), bytes);
  const [over, fresh] = [held(next), held(next)];
  const puts = [store.put(chunked("x", 100), over.pieces), store.put(chunked("y", 100), fresh.pieces)];
  await Promise.all([over.stored(), fresh.stored()]);
  same(await store.getBlob("x"), bytes);
  assert.equal(await store.get("y"), null);
  assert.equal((await store.list({ showDeleted: true })).length, 1);
  await settles(store, old, { chunks: 5 });
  over.go();
  const put = await puts[0];
  same(await store.getBlob("x"), next);
  fresh.go();
  const other = await puts[1];
  same(await store.getBlob("y"), next);
  await settles(store, put, other);
});

behaviour("object-36", "a put that fails, is given up, or is not waited for", async (t) => {
  const { store } = await begin(t);
  const old = await store.putBlob({ name: "x" }, "old");
  const fault = new Error("no more");
  for (const size of [0, 1, 131_072, 1_000_000]) {
    const failing = async function* () {
      for (let at = 0; at < size; at += 4000) yield content(Math.min(4000, size - at));
      throw fault;
    };
    await assert.rejects(within(store.put({ name: "x" }, failing()), "the end"), fault);
    await settles(store, old);
  }
  const failing = new ReadableStream({ pull: (to) => to.error(fault) });
  await assert.rejects(within(store.put({ name: "x" }, failing), "the end"), fault);
  const seen = {};
  const abort = new AbortController();
  const progress = (bytes) => bytes >= 50_000 && abort.abort(fault);
  const { signal } = abort;
  const given = store.put(chunked("x", 1000), source(content(500_000), 1000, seen), { signal, progress });
  await assert.rejects(within(given, "the end"), fault);
  assert.equal(seen.cancelled, true, "the source is told");
  await settles(store, old);
  const waiting = new AbortController();
  const silent = held(content(5000));
  const put = store.put(chunked("x", 1000), silent.pieces, { signal: waiting.signal });
  await silent.stored();
  waiting.abort(fault);
  await assert.rejects(within(put, "the end"), fault);
  await settles(store, old);
  await assert.rejects(store.putBlob({ name: "x" }, "new", { signal }), fault);
  const thrown = { progress: () => assert.fail("mine") };
  await assert.rejects(store.put({ name: "x" }, source(content(10), 10), thrown), { message: "mine" });
  await settles(store, old);
  assert.equal(await text(store, "x"), "old");
});

behaviour("object-37", "a bucket that is full, and what is denied", async (t) => {
  const user = (name, rule) => `{user: ${name}, password: x${rule}}`;
  const deny = (subject) => `, permissions: {publish: {deny: "${subject}"}}`;
  const users = [user("all", ""), user("none", deny("$O.b.C.>")), user("meta", deny("$O.b.M.>"))];
  const extra = `authorization {users: [${users.join(", ")}]}`;
  const own = await server(t, "jetstream", { extra });
  const as = async (name) => new Objm(await dial(t, own, { user: name, pass: "x" }));
  const objm = await as("all");
  const store = await objm.create("b", MEMORY);
  for (const name of ["none", "meta"]) {
    const theirs = await (await as(name)).open("b");
    await fails("PERMISSION", theirs.putBlob({ name: "x" }, content(300_000)));
    await fails("PERMISSION", theirs.put({ name: "x" }, source(content(300_000), 10_000)));
    await settles(store);
  }
  const small = await objm.create("small", { max_bytes: 100_000, ...MEMORY });
  await fails("JETSTREAM", small.put(chunked("x", 1000), source(content(200_000), 1000)));
  await settles(small);
  await small.putBlob(chunked("x", 1000), content(50_000));
});

behaviour("object-38", "a file whose size changes", async (t) => {
  const { store } = await begin(t);
  const at = await folder(t);
  await fails("IO", store.putFile({ name: "x" }, at));
  const path = join(at, "file");
  const large = 64 << 20;
  await writeFile(path, content(large));
  let cut;
  // What is read ahead is far less than the file.
  const progress = (bytes) => {
    if (bytes === 131_072) cut = truncate(path, large / 2);
  };
  await fails("IO", store.putFile({ name: "x" }, path, { progress }));
  await cut;
  assert.equal(await messages(store), 0);
});

behaviour("object-39", "a disk that gets full", async (t) => {
  const { own, store } = await begin(t);
  await store.putBlob({ name: "x" }, content(3_000_000));
  const at = await folder(t);
  const path = join(at, "file");
  await writeFile(path, "old");
  const program = fileURLToPath(new URL("programs/full.mjs", import.meta.url));
  const script = "ulimit -f 1000; exec \"$0\" \"$1\" \"$2\"";
  const args = ["-c", script, process.execPath, program, path];
  const { code, stdout, stderr } = await runFile("sh", args, { env: { NATS_URL: own.url } });
  assert.deepEqual([code, stdout], [0, "IO\n"], stderr);
  assert.equal(await readFile(path, "utf8"), "old");
  assert.deepEqual(await readdir(at), ["file"], "no part of the object is beside it");
});

behaviour("object-40", "objects put at once under one name", async (t) => {
  const { store } = await begin(t);
  const puts = [0, 1, 2, 3].map(async (number) => {
    for (let round = 0; round < 10; round++) {
      const bytes = new Uint8Array(5000 + round).fill(number);
      await store.putBlob(chunked("x", 1000), bytes);
    }
  });
  let over = false;
  const all = Promise.all(puts).then(() => (over = true));
  while (!over) {
    try {
      const bytes = await store.getBlob("x");
      assert.ok(bytes === null || (bytes.length >= 5000 && bytes.every((one) => one === bytes[0])));
    } catch (error) {
      assert.equal(error.codeName, "OBJECT_CHANGED");
    }
  }
  await all;
  const info = await store.info("x");
  await settles(store, info);
  assert.equal((await store.getBlob("x")).length, info.size);
  await store.putBlob({ name: "a" }, "a");
  await store.putBlob({ name: "b" }, "b");
  const renames = ["a", "b"].map((name) => store.update(name, { name: "c" }));
  const results = await Promise.allSettled(renames);
  const [lost] = results.filter(({ status }) => status === "rejected");
  assert.equal(lost.reason.codeName, "OBJECT_EXISTS");
  assert.equal(results.filter(({ status }) => status === "fulfilled").length, 1);
});

behaviour("object-41", "a put that loses its connection", async (t) => {
  const { own, store } = await begin(t);
  const old = await store.putBlob({ name: "x" }, "old");
  const between = await proxy(t, own);
  for (const count of [100_000, 1_000_000, 3_000_000]) {
    for (const put of [
      (theirs) => theirs.putBlob({ name: "x" }, content(4_000_000)),
      (theirs) => theirs.put({ name: "x" }, source(content(4_000_000), 100_000)),
    ]) {
      const nc = await dial(t, between, EAGER);
      const theirs = await new Objm(nc).open("b");
      await between.tell("cut_after", { direction: "to_server", count, cut: "rst" });
      await fails("CONNECTION_LOST", put(theirs));
      await settles(store, old);
    }
  }
  assert.equal(await text(store, "x"), "old");
});

behaviour("object-42", "a get goes on over a lost connection", async (t) => {
  const { own, store } = await begin(t);
  const bytes = content(8_000_000);
  await store.putBlob({ name: "x" }, bytes);
  const between = await proxy(t, own);
  const nc = await dial(t, between, EAGER);
  const statuses = new Watch(nc);
  const theirs = await new Objm(nc).open("b");
  for (const [round, count] of [100_000, 2_000_000, 5_000_000].entries()) {
    await between.tell("cut_after", { direction: "to_client", count, cut: "rst" });
    const { data, error } = await theirs.get("x");
    same(await within(drained(data), "the object"), bytes);
    assert.equal(await error, null);
    await statuses.until("reconnect", round + 1);
  }
  const { data } = await theirs.get("x", { timeout: 300 });
  await between.tell("stall", { direction: "to_client" });
  await fails("TIMEOUT", drained(data));
});

behaviour("object-43", "a restart of the server amid a get and a put", async (t) => {
  const own = await server(t, "jetstream");
  const nc = await dial(t, own, EAGER);
  const statuses = new Watch(nc);
  const store = await new Objm(nc).create("b");
  const bytes = content(8_000_000);
  const old = await store.putBlob({ name: "x" }, bytes);
  const reader = (await store.get("x")).data.getReader();
  const chunks = [(await reader.read()).value];
  const half = content(3_000_000);
  const slow = held(half, half);
  const put = store.put({ name: "x" }, slow.pieces).catch((error) => error);
  await slow.stored();
  await own.tell("kill");
  await statuses.until("disconnect");
  await own.tell("restart");
  await statuses.until("reconnect");
  for (;;) {
    const { done, value } = await within(reader.read(), "a chunk");
    if (done) break;
    chunks.push(value);
  }
  same(Buffer.concat(chunks), bytes);
  slow.go();
  const result = await within(put, "the put");
  if (result instanceof Error) assert.equal(result.codeName, "CONNECTION_LOST");
  await settles(store, result instanceof Error ? old : result);
  assert.notEqual(await store.getBlob("x"), null);
});

behaviour("object-44", "a change of the leader amid a get and a put", async (t) => {
  const cluster = await server(t, "cluster-jetstream", { nodes: 3 });
  await cluster.tell("wait_ready");
  const nc = await dial(t, { url: cluster.facts.urls }, EAGER);
  const objm = new Objm(nc);
  const store = await objm.create("b", { replicas: 3 });
  const bytes = content(8_000_000);
  const old = await store.putBlob({ name: "x" }, bytes);
  const reader = (await store.get("x")).data.getReader();
  const chunks = [(await reader.read()).value];
  const half = content(1_000_000);
  const slow = held(half, half);
  // Acknowledgements that are lost with the leader are missed.
  const put = store.put({ name: "y" }, slow.pieces, { timeout: 1000 }).catch((error) => error);
  await slow.stored();
  const { leader } = (await store.status()).streamInfo.cluster;
  const node = Number(leader.slice("harness-".length)) - 1;
  await cluster.tell("kill", { node });
  for (;;) {
    const { done, value } = await within(reader.read(), "a chunk");
    if (done) break;
    chunks.push(value);
  }
  same(Buffer.concat(chunks), bytes);
  slow.go();
  const result = await within(put, "the put");
  await cluster.tell("restart", { node });
  await cluster.tell("wait_ready");
  await settles(store, old, ...(result instanceof Error ? [] : [result]));
  // Servers do not answer what comes while they elect a leader.
  await until("a put", () => store.putBlob({ name: "y" }, "y").catch(() => undefined));
  assert.equal(await until("a get", () => text(store, "y").catch(() => undefined)), "y");
});

check("the source is read as fast as the server stores", async (t) => {
  const { own } = await begin(t);
  const between = await proxy(t, own);
  const nc = await dial(t, between);
  const theirs = await new Objm(nc).open("b");
  const seen = {};
  const abort = new AbortController();
  await between.tell("stall", { direction: "to_client" });
  const { signal } = abort;
  const size = 64 << 20;
  const put = theirs
    .put({ name: "x" }, source(content(size), 1 << 20, seen), { signal })
    .catch((error) => error);
  let before = -1;
  // It stands still once the window is full.
  const still = async () => {
    while (seen.pulled !== before || seen.pulled === 0) {
      before = seen.pulled;
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  await within(still(), "the end of its reading");
  assert.ok(seen.pulled < size / 4, `${seen.pulled} bytes were read`);
  const reason = new Error("enough");
  abort.abort(reason);
  assert.equal(await within(put, "the end"), reason);
});
