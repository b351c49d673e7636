// Publishing, subscribing, and the ends of subscriptions.

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";

import { Empty, headers } from "nats-ffi";

import { fake, server } from "./harness.mjs";
import { behaviour, check, Counter, dial, EAGER, fails, numbers, Reader, Watch } from "./helpers.mjs";

behaviour("pubsub-01", "payloads arrive byte for byte: empty, binary, 64 KiB", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.pubsub.1"));
  const large = Uint8Array.from({ length: nc.info.max_payload }, (_, i) => i * 31 + i / 256);
  const binary = Buffer.from("a\0b\r\nMSG x 1 0\r\n\r\n", "latin1");
  for (const payload of [Empty, binary, large.subarray(0, 65536), large]) {
    nc.publish("n.pubsub.1", payload);
    const msg = await reader.next();
    assert.equal(msg.subject, "n.pubsub.1");
    assert.ok(msg.data instanceof Uint8Array);
    assert.ok(Buffer.from(payload).equals(msg.data));
    assert.equal(msg.reply ?? "", "");
    assert.equal(msg.headers, undefined);
  }
  nc.publish("n.pubsub.1");
  assert.equal((await reader.next()).data.length, 0);
});

behaviour("pubsub-02", "100,000 messages of one publisher arrive in order", async (t) => {
  const count = 100_000;
  const nc = await dial(t);
  const other = await dial(t);
  const sub = nc.subscribe("n.pubsub.2", { pendingMessages: 0 });
  await nc.flush();
  const payload = Buffer.alloc(4);
  for (let i = 0; i < count; i++) {
    payload.writeUInt32LE(i);
    other.publish("n.pubsub.2", payload);
  }
  let next = 0;
  for await (const msg of sub) {
    if (Buffer.from(msg.data).readUInt32LE() !== next) assert.fail(`not ${next}`);
    if (++next === count) break;
  }
  assert.equal(next, count);
});

behaviour("pubsub-03", "wildcards match tokens and tails", async (t) => {
  const nc = await dial(t);
  const star = nc.subscribe("n.pubsub.3.*.end");
  const tail = nc.subscribe("n.pubsub.3.>");
  nc.publish("n.pubsub.3", "none");
  nc.publish("n.pubsub.3.a.end", "both");
  nc.publish("n.pubsub.3.a.b.end", "tail");
  await nc.flush();
  assert.equal(star.getReceived(), 1);
  assert.equal(tail.getReceived(), 2);
  assert.deepEqual(await new Reader(star).texts(1), ["both"]);
  assert.deepEqual(await new Reader(tail).texts(2), ["both", "tail"]);
});

behaviour("pubsub-04", "each message reaches one member of a queue group", async (t) => {
  const nc = await dial(t);
  const members = [0, 0];
  for (const i of [0, 1]) {
    nc.subscribe("n.pubsub.4", { queue: "workers", callback: () => (members[i] += 1) });
  }
  const alone = new Counter();
  nc.subscribe("n.pubsub.4", { callback: () => alone.add() });
  for (let i = 0; i < 200; i++) nc.publish("n.pubsub.4", "x");
  await alone.until(200);
  await nc.drain();
  assert.equal(members[0] + members[1], 200);
  assert.ok(members[0] > 0 && members[1] > 0, `${members}`);
});

behaviour("pubsub-05", "a reply subject is delivered and answered", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.pubsub.5"));
  const answers = new Reader(nc.subscribe("n.pubsub.5.answers"));
  nc.publish("n.pubsub.5", "x", { reply: "n.pubsub.5.answers" });
  const msg = await reader.next();
  assert.equal(msg.reply, "n.pubsub.5.answers");
  assert.equal(msg.respond("answer"), true);
  assert.equal(await answers.text(), "answer");
  const passedOn = { subject: "", reply: msg.reply, data: Buffer.from("passed on") };
  assert.equal(nc.respondMessage(passedOn), true);
  assert.equal(await answers.text(), "passed on");
  nc.publish("n.pubsub.5", "x");
  const lone = await reader.next();
  // As in nats.js: the answer is false, there is no error.
  assert.equal(lone.respond("y"), false);
  assert.equal(nc.respondMessage(lone), false);
  await nc.flush();
  assert.equal(nc.stats().outMsgs, 4);
});

behaviour("pubsub-06", "unsubscribe ends delivery, twice is harmless", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.pubsub.6");
  const reader = new Reader(sub);
  nc.publish("n.pubsub.6", "x");
  await nc.flush();
  sub.unsubscribe();
  sub.unsubscribe();
  nc.publish("n.pubsub.6", "y");
  await nc.flush();
  await reader.end();
  await reader.end();
  assert.equal(await sub.closed, undefined);
  assert.equal(sub.isClosed(), true);
});

behaviour("pubsub-07", "max: exactly so many are delivered, then it has ended", async (t) => {
  const nc = await dial(t);
  for (const options of [{ max: 3 }, { maxMessages: 3 }]) {
    const sub = nc.subscribe("n.pubsub.7", options);
    assert.equal(sub.getMax(), 3);
    for (const text of numbers(1, 10)) nc.publish("n.pubsub.7", text);
    const reader = new Reader(sub);
    assert.deepEqual(await reader.texts(3), numbers(1, 3));
    await reader.end();
    assert.equal(await sub.closed, undefined);
  }
  let called = 0;
  const sub = nc.subscribe("n.pubsub.7", { max: 3, callback: () => (called += 1) });
  for (let i = 0; i < 10; i++) nc.publish("n.pubsub.7", "x");
  await sub.closed;
  await nc.flush();
  assert.equal(called, 3);
});

behaviour("pubsub-08", "unsubscribe(max) counts what was received before", async (t) => {
  const nc = await dial(t);
  for (const max of [1, 3]) {
    const sub = nc.subscribe("n.pubsub.8");
    const reader = new Reader(sub);
    for (let i = 0; i < 2; i++) nc.publish("n.pubsub.8", "x");
    assert.deepEqual(await reader.texts(2), ["x", "x"]);
    sub.unsubscribe(max);
    for (let i = 0; i < 5; i++) nc.publish("n.pubsub.8", "y");
    if (max === 3) assert.equal(await reader.text(), "y");
    await reader.end();
  }
});

behaviour("pubsub-09", "max counts across a reconnect", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.pubsub.9", { max: 3 }));
  for (let i = 0; i < 2; i++) nc.publish("n.pubsub.9", "x");
  assert.deepEqual(await reader.texts(2), ["x", "x"]);
  await own.tell("kill");
  await own.tell("restart");
  await watch.until("reconnect");
  for (let i = 0; i < 5; i++) nc.publish("n.pubsub.9", "y");
  assert.equal(await reader.text(), "y");
  await reader.end();
});

behaviour("pubsub-10", "more than max_payload is refused before it is sent", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.pubsub.10"));
  const h = headers();
  h.append("A", "b");
  const most = new Uint8Array(nc.info.max_payload);
  await fails("MAX_PAYLOAD", () => nc.publish("n.pubsub.10", new Uint8Array(most.length + 1)));
  await fails("MAX_PAYLOAD", () => nc.publish("n.pubsub.10", most, { headers: h }));
  await fails("MAX_PAYLOAD", () => nc.request("n.pubsub.10", most, { timeout: 1000, headers: h }));
  assert.equal(nc.stats().outMsgs, 0);
  nc.publish("n.pubsub.10", "still works");
  assert.equal(await reader.text(), "still works");
});

behaviour("pubsub-11", "a max_payload that is lowered holds for the next publish", async (t) => {
  const lowering = await fake(t, [
    "handshake",
    { expect: "SUB " },
    { send: 'INFO {"server_id":"x","headers":true,"max_payload":100}\r\n' },
    "serve",
  ]);
  const nc = await dial(t, lowering);
  nc.publish("a", new Uint8Array(101));
  nc.subscribe("x"); // to which the server reacts
  await nc.flush();
  nc.publish("a", new Uint8Array(100));
  await fails("MAX_PAYLOAD", () => nc.publish("a", new Uint8Array(101)));
  assert.equal(nc.info.max_payload, 100);
});

behaviour("pubsub-12", "a wait for a message ends when told", async (t) => {
  const nc = await dial(t);
  const start = Date.now();
  const late = new Reader(nc.subscribe("n.pubsub.12", { timeout: 50 }));
  await late.fails("TIMEOUT");
  assert.ok(Date.now() - start >= 48);
  const reader = new Reader(nc.subscribe("n.pubsub.12", { timeout: 60_000 }));
  nc.publish("n.pubsub.12", "x");
  assert.equal(await reader.text(), "x");
  const told = new Promise((resolve) => {
    nc.subscribe("n.pubsub.12", { timeout: 50, callback: (error) => resolve(error) });
  });
  await fails("TIMEOUT", async () => {
    throw await told;
  });
});

behaviour("pubsub-13", "what is there comes in batches of one turn, in order", async (t) => {
  const nc = await dial(t);
  const texts = [];
  const batches = [];
  const all = new Counter();
  nc.subscribe("n.pubsub.13", {
    callback: (_, msg) => {
      texts.push(msg.string());
      all.add();
    },
  });
  for (const text of numbers(1, 20_000)) nc.publish("n.pubsub.13", text);
  while (texts.length < 20_000) {
    const before = texts.length;
    await turn();
    if (texts.length > before) batches.push(texts.length - before);
  }
  assert.deepEqual(texts, numbers(1, 20_000));
  assert.ok(batches.length > 1, "other work of the loop has its turn between batches");
  assert.ok(batches.length < 20_000 / 2, `${batches.length} turns are not batches`);
});

behaviour("pubsub-14", "eight tasks iterate one subscription", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.pubsub.14", { max: 1000 });
  const publish = (from, to) => {
    for (const text of numbers(from, to)) nc.publish("n.pubsub.14", text);
  };
  publish(0, 499);
  const seen = [];
  const take = async () => {
    const iterator = sub[Symbol.asyncIterator]();
    for (let step = await iterator.next(); !step.done; step = await iterator.next()) {
      seen.push(Number(step.value.string()));
      await turn();
    }
  };
  const takers = Array.from({ length: 8 }, take);
  publish(500, 999);
  await Promise.all(takers);
  assert.deepEqual(
    seen.sort((a, b) => a - b).map(String),
    numbers(0, 999),
  );
});

behaviour("pubsub-15", "eight tasks publish over one connection", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.pubsub.15"));
  const publish = async (number) => {
    for (let i = 0; i < 1000; i++) {
      const payload = Buffer.alloc(5 + (i % 195), number);
      payload.writeUInt32LE(i, 1);
      nc.publish("n.pubsub.15", payload);
      payload.fill(0xee); // what was published is no longer the caller's
      if (i % 50 === 0) await turn();
    }
  };
  await Promise.all(Array.from({ length: 8 }, (_, number) => publish(number)));
  const next = Array(8).fill(0);
  for (let got = 0; got < 8000; got++) {
    const data = Buffer.from((await reader.next()).data);
    const number = data[0];
    const expected = Buffer.alloc(5 + (next[number] % 195), number);
    expected.writeUInt32LE(next[number], 1);
    assert.ok(expected.equals(data), `message ${next[number]} of ${number}`);
    next[number] += 1;
  }
});

behaviour("pubsub-16", "flush returns when the server has everything; rtt measures", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  const sub = other.subscribe("n.pubsub.16");
  await other.flush();
  for (let i = 0; i < 1000; i++) nc.publish("n.pubsub.16", "x");
  await nc.flush();
  await other.flush(); // so what the server had is here now
  assert.equal(sub.getPending(), 1000);
  const rtt = await nc.rtt();
  assert.ok(rtt > 0 && rtt < 20_000, `${rtt}`);
});

behaviour("pubsub-17", "ten thousand subscriptions each get their message", async (t) => {
  const nc = await dial(t);
  const count = 10_000;
  const subs = Array.from({ length: count }, (_, i) => nc.subscribe(`n.pubsub.17.${i}`));
  for (let i = 0; i < count; i++) nc.publish(`n.pubsub.17.${i}`, `${i}`);
  for (let i = 0; i < count; i++) {
    assert.equal(await new Reader(subs[i]).text(), `${i}`);
    subs[i].unsubscribe();
  }
});

check("what has come before the connection was closed can be read, and then the end", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.closed");
  nc.publish("n.closed", "x");
  await nc.flush();
  await nc.close();
  assert.equal(sub.getPending(), 1);
  const reader = new Reader(sub);
  assert.equal(await reader.text(), "x");
  await reader.end();
});
