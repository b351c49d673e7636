// Keys and values in another form, and values in memory.

import assert from "node:assert/strict";

import { Base64KeyCodec, NoopKvCodecs } from "nats-ffi";

import { behaviour, check, EAGER, fails, within } from "./helpers.mjs";
import { all, bucket, has, MEMORY, put, short, Told, until } from "./kv.mjs";

behaviour("kv-37", "base64", async (t) => {
  const { kvm, kv: plain } = await bucket(t);
  const kv = await kvm.open("b", { keyCodecs: "base64", valueCodecs: ["base64"] });
  assert.equal(await kv.put("Acme Inc.contact", "info@acme.com"), 1);
  const stored = await plain.get("QWNtZSBJbmM.Y29udGFjdA");
  assert.equal(stored.string(), "aW5mb0BhY21lLmNvbQ");
  const entry = await kv.get("Acme Inc.contact");
  assert.equal(short(entry), "Acme Inc.contact=info@acme.com");
  assert.deepEqual([entry.revision, entry.bucket], [1, "b"]);
  assert.equal(short(await kv.get("Acme Inc.contact", { revision: 1 })), short(entry));
  await kv.update("Acme Inc.contact", "2", 1);
  await fails("KEY_EXISTS", kv.create("Acme Inc.contact", "3"));
  await kv.put("Ünder.ä", "4");
  const told = new Told(await kv.watch({ key: ["Acme Inc.*", "Ünder.ä"] }));
  await told.expect("Acme Inc.contact=2", "Ünder.ä=4", "-");
  await kv.delete("Ünder.ä");
  await told.expect("Ünder.ä DEL");
  assert.equal(short(await kv.get("Ünder.ä")), "Ünder.ä DEL");
  assert.deepEqual(await all(kv.keys()), ["Acme Inc.contact"]);
  const history = await all(kv.history({ key: "Acme Inc.contact" }));
  assert.deepEqual(history.map((one) => one.string()), ["info@acme.com", "2"]);
  const cache = await kv.cache();
  assert.equal(cache.get("Acme Inc.contact").string(), "2");
});

behaviour("kv-38", "paths", async (t) => {
  const { kvm, kv: plain } = await bucket(t);
  const kv = await kvm.open("b", { keyCodecs: "path" });
  await kv.put("/etc/hosts", "1");
  await kv.put("home/me/", "2");
  assert.equal(short(await plain.get("_root_.etc.hosts")), "_root_.etc.hosts=1");
  assert.equal(short(await kv.get("/etc/hosts")), "/etc/hosts=1");
  assert.equal(short(await kv.get("home/me")), "home/me=2");
  const told = new Told(await kv.watch({ key: "/etc/*" }));
  await told.expect("/etc/hosts=1", "-");
  assert.deepEqual(await all(kv.keys("home/>")), ["home/me"]);
});

/** Upper case in the bucket, and values with a sign before them. */
const LOUD = {
  key: {
    encode: (word) => word.toUpperCase(),
    decode: (stored) => {
      if (stored !== stored.toUpperCase()) throw new Error("not loud");
      return stored.toLowerCase();
    },
  },
  value: {
    encode: (value) => Buffer.from(`!${Buffer.from(value)}`),
    decode: (stored) => {
      if (stored[0] !== 33) throw new Error("no sign");
      return stored.subarray(1);
    },
  },
};

behaviour("kv-39", "codecs of the program's own", async (t) => {
  const { nc, kvm, kv: plain } = await bucket(t);
  const kv = await kvm.create("b", { codec: LOUD });
  await kv.put("a.b", "1");
  assert.equal(short(await plain.get("A.B")), "A.B=!1");
  assert.equal(short(await kv.get("a.b")), "a.b=1");
  // It was stored in another way.
  await plain.put("B", "2");
  await plain.put("quiet", "!3");
  await fails("INVALID_ARGUMENT", kv.get("b"), "no sign");
  if (has(nc, 11)) await fails("INVALID_ARGUMENT", kv.getMany(["a.b", "b"]), "no sign");
  const told = new Told(await kv.watch());
  await told.expect("a.b=1", "-");
  // Key codecs encode words, as in nats.js, so that wildcards need no help.
  const some = new Told(await kv.watch({ key: "a.*" }));
  await some.expect("a.b=1", "-");
  assert.deepEqual(await all(kv.keys()), ["a.b", "b"]);
  await kv.delete("a.b");
  await told.expect("a.b DEL");
  await fails("INVALID_NAME", kv.put("a b", "1"));
  const cache = await kv.cache();
  assert.deepEqual([cache.get("a.b"), cache.keys()], [null, ["b"]]);
  assert.throws(() => cache.get("b"), { codeName: "INVALID_ARGUMENT" });
  assert.equal(await kv.modify("n", (was) => was?.string() ?? "x"), (await kv.get("n")).revision);
  const words = await kvm.open("b", { codec: { key: Base64KeyCodec() } });
  await put(words, "a b.c");
  assert.equal((await plain.get("YSBi.Yw==")).string(), "a b.c");
  assert.equal((await words.get("a b.c")).key, "a b.c");
  assert.equal(Base64KeyCodec().decode(Base64KeyCodec().encode("a b.*.c")), "a b.*.c");
  const noop = await kvm.open("b", { codec: NoopKvCodecs() });
  await put(noop, "noop");
  assert.equal(short(await plain.get("noop")), "noop=noop");
  for (const bad of [5, { key: {} }, { value: { encode: (v) => v, decode: 5 } }]) {
    await assert.rejects(kvm.open("b", { codec: bad }), TypeError);
  }
  const broken = { key: { ...LOUD.key, encode: () => assert.fail("mine") } };
  await fails("INVALID_ARGUMENT", (await kvm.open("b", { codec: broken })).get("k"), "mine");
});

behaviour("kv-40", "a cache", async (t) => {
  const { nc, kvm, kv } = await bucket(t);
  await put(kv, "eu.1", "eu.2", "us.1");
  await kv.delete("eu.2");
  const cache = await kv.cache("eu.>");
  const sent = nc.stats().outMsgs;
  const entry = cache.get("eu.1");
  assert.deepEqual([short(entry), entry.revision], ["eu.1=eu.1", 1]);
  assert.deepEqual([cache.get("eu.2"), cache.get("us.1")], [null, null]);
  assert.deepEqual(cache.keys(), ["eu.1"]);
  assert.equal(nc.stats().outMsgs, sent, "nobody was asked");
  await within(cache.wait(await kv.put("eu.3", "3")), "the revision");
  assert.equal(cache.get("eu.3").string(), "3");
  await within(cache.wait(await kv.purge("eu.1")), "the revision");
  assert.equal(cache.get("eu.1"), null);
  assert.throws(() => cache.get("a b"), { codeName: "INVALID_NAME" });
  await fails("INVALID_ARGUMENT", cache.wait("1"), "revision");
  cache.stop();
  assert.throws(() => cache.get("eu.3"), { codeName: "SUBSCRIPTION_CLOSED" });
  assert.throws(() => cache.keys(), { codeName: "SUBSCRIPTION_CLOSED" });
  await fails("SUBSCRIPTION_CLOSED", cache.wait(1));
  const brief = await kvm.create("brief", { ttl: 500, ...MEMORY });
  const short_lived = await brief.cache();
  await within(short_lived.wait(await brief.put("k", "x")), "the revision");
  await until("the end of its time", async () => {
    await new Promise(setImmediate);
    return short_lived.get("k") === null;
  });
  assert.deepEqual(short_lived.keys(), []);
});

behaviour("kv-41", "a cache after a lost connection, and without its bucket", async (t) => {
  const { nc, kv } = await bucket(t, EAGER);
  await kv.put("a", "1");
  const cache = await kv.cache();
  await nc.reconnect();
  const revision = await until("a put", () => kv.put("a", "2").catch(() => 0));
  await within(cache.wait(revision), "the revision");
  assert.equal(cache.get("a").string(), "2");
  await kv.destroy();
  await fails("BUCKET_NOT_FOUND", cache.wait(Number.MAX_SAFE_INTEGER));
  assert.throws(() => cache.get("a"), { codeName: "BUCKET_NOT_FOUND" });
  await fails("BUCKET_NOT_FOUND", kv.cache());
});

check("many gets and puts at a time", async (t) => {
  const { kv } = await bucket(t);
  const keys = Array.from({ length: 500 }, (_, number) => `k.${number}`);
  const revisions = await Promise.all(keys.map((key) => kv.put(key, key)));
  assert.deepEqual(new Set(revisions).size, 500);
  const got = await Promise.all(keys.map((key) => kv.get(key)));
  assert.deepEqual(got.map(short), keys.map((key) => `${key}=${key}`));
  assert.deepEqual(got.map((entry) => entry.revision), revisions);
});
