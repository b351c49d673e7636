// Messages that consumers deliver: taking them, what they tell, what is said of them.

import assert from "node:assert/strict";

import { headers } from "nats-ffi";

import { fake, server } from "./harness.mjs";
import { check, dial, fails, numbers, Reader, unacknowledged } from "./helpers.mjs";

const NOW = { noWait: true };

/** A stream S with a consumer w on a server of the test's own. */
async function begin(t, config = {}) {
  const nc = await dial(t, await server(t, "jetstream"));
  const js = nc.jetstream();
  await js.streamCreate({ name: "S", subjects: ["s.>"], storage: "memory" });
  await js.consumerCreate({ stream: "S", config: { durable_name: "w", ...config } });
  return { nc, js };
}

/** Publishes the numbers from 1 to `count`. */
async function publish(js, count, subject = "s.n") {
  await Promise.all(numbers(1, count).map((text) => js.publish(subject, text)));
}

function texts(messages) {
  return messages.map((msg) => msg.string());
}

const DELIVERED = "$JS.ACK.S.C.1.1.1.1";

/**
 * Messages with these reply subjects, as a server does not let programs make them, and what tells
 * what was published: subjects and payloads.
 */
async function deliver(t, replies) {
  const messages = replies.map((reply) => `MSG w {SUB.2} ${reply} 1\r\nx\r\n`).join("");
  const seen = await fake(t, ["handshake", { expect: "SUB " }, { reply: messages }, "serve"]);
  const nc = await dial(t, seen);
  const reader = new Reader(nc.subscribe("w"));
  const got = [];
  while (got.length < replies.length) got.push(await reader.next());
  const said = async () => {
    await nc.flush();
    const { text } = await seen.tell("received", { connection: 0 });
    const published = text.matchAll(/PUB (\S+)(?: \S+)? \d+\r\n([^\r]*)\r\n/g);
    return [...published].map(([, subject, payload]) => [subject, payload]);
  };
  return { nc, got, said };
}

check("fetch: so many, what there is, nothing", async (t) => {
  const { js } = await begin(t);
  assert.deepEqual(await js.fetch("S", "w", NOW), []);
  assert.deepEqual(await js.fetch("S", "w", { expires: 50 }), []);
  await publish(js, 5);
  assert.deepEqual(texts(await js.fetch("S", "w", { maxMessages: 3 })), ["1", "2", "3"]);
  assert.deepEqual(texts(await js.fetch("S", "w", NOW)), ["4", "5"]);
  assert.deepEqual(await js.fetch("S", "w", NOW), []);
  const waiting = js.fetch("S", "w", { maxMessages: 2 });
  await publish(js, 2);
  assert.deepEqual(texts(await waiting), ["1", "2"]);
});

check("fetch: thousands, in order and whole, headers and large ones among them", async (t) => {
  const { js } = await begin(t, { max_ack_pending: 5000 });
  const h = headers();
  h.append("Own", "yes");
  const sent = numbers(1, 3000);
  await publish(js, 3000);
  await js.publish("s.h", "with headers", { headers: h });
  await js.publish("s.large", "y".repeat(300_000));
  await js.publish("s.last", "");
  const got = await js.fetch("S", "w", { maxMessages: 3003 });
  assert.deepEqual(texts(got.slice(0, 3000)), sent);
  const [withHeaders, large, last] = got.slice(3000);
  assert.equal(withHeaders.headers.get("Own"), "yes");
  assert.equal(withHeaders.subject, "s.h");
  assert.equal(large.data.length, 300_000);
  assert.deepEqual([last.subject, last.data.length], ["s.last", 0]);
  assert.deepEqual(got.map((msg) => msg.metadata.streamSequence), numbers(1, 3003).map(Number));
});

check("fetch: heartbeats and bounds are the server's affair", async (t) => {
  const { js } = await begin(t);
  const waiting = js.fetch("S", "w", { maxMessages: 2, expires: 20_000, heartbeat: 100 });
  // A second connection's fetch ends after several of those heartbeats.
  const other = await js.fetch("S", "w", { maxMessages: 1, expires: 500, heartbeat: 100 });
  assert.deepEqual(other, []);
  await publish(js, 2);
  assert.deepEqual(texts(await waiting), ["1", "2"]);
  await js.publish("s.n", "z".repeat(1000));
  await js.publish("s.n", "z".repeat(1000));
  const few = await js.fetch("S", "w", { maxBytes: 1500, expires: 10_000 });
  assert.equal(few.length, 1);
});

check("fetch: refused, given up, nobody there, deleted meanwhile", async (t) => {
  const { nc, js } = await begin(t);
  await fails("NO_RESPONDERS", js.fetch("S", "none"), "S.none");
  await fails("INVALID_NAME", js.fetch("S", "a b"), "consumer");
  await fails("INVALID_OPTION", js.fetch("S", "w", { maxMessages: 0 }), "maxMessages");
  await fails("INVALID_OPTION", js.fetch("S", "w", { max: 1 }), "'max'");
  const close = { expires: 1000, heartbeat: 900 };
  await fails("INVALID_ARGUMENT", js.fetch("S", "w", close), "heartbeat");
  const controller = new AbortController();
  const reason = new Error("no longer wanted");
  const given = js.fetch("S", "w", { signal: controller.signal });
  controller.abort(reason);
  await assert.rejects(given, (error) => error === reason);
  await assert.rejects(async () => js.fetch("S", "w", { signal: 5 }), /signal/);
  const waiting = fails("CONSUMER_NOT_FOUND", js.fetch("S", "w"));
  await nc.flush(); // so the server has it
  await js.consumerDelete({ stream: "S", consumer: "w" });
  await waiting;
  const config = { durable_name: "push", deliver_subject: "d" };
  await js.consumerCreate({ stream: "S", config });
  await fails("PULL_REFUSED", js.fetch("S", "push"), "push");
});

check("a message tells where it stands", async (t) => {
  const { js } = await begin(t);
  const before = BigInt(Date.now() - 60_000) * 1_000_000n;
  await publish(js, 3);
  // What is pending is certain for a consumer that is made behind the messages.
  await js.consumerCreate({ stream: "S", config: { durable_name: "late" } });
  const [first, second] = await js.fetch("S", "late", { maxMessages: 2 });
  const { timestampNs, ...rest } = first.metadata;
  assert.deepEqual(rest, {
    stream: "S", consumer: "late", delivered: 1, streamSequence: 1, consumerSequence: 1, pending: 2,
  });
  assert.ok(timestampNs > before && timestampNs < before + 120_000_000_000n);
  assert.equal(second.metadata.pending, 1);
  assert.equal(second.metadata, second.metadata);
  // The longer form, as servers with domains have it.
  const reply = "$JS.ACK.hub.HASH.S.C.2.10.5.1700000000000000001.7.random";
  const { got } = await deliver(t, [reply]);
  assert.deepEqual(got[0].metadata, {
    stream: "S", consumer: "C", delivered: 2, streamSequence: 10, consumerSequence: 5, pending: 7,
    timestampNs: 1_700_000_000_000_000_001n, domain: "hub",
  });
});

check("ack, ackSync, nak, inProgress, term", async (t) => {
  const { js } = await begin(t, { ack_wait: 60e9 });
  await publish(js, 6);
  const [a, b, c, d, e, f] = await js.fetch("S", "w", { maxMessages: 6 });
  assert.equal(a.ack(), undefined);
  await b.ackSync();
  await c.ackSync(10_000);
  d.nak();
  e.inProgress();
  e.inProgress();
  f.term("no such customer");
  const [again] = await js.fetch("S", "w", { maxMessages: 1 });
  assert.deepEqual([again.string(), again.metadata.delivered], ["4", 2]);
  await unacknowledged(js, "S", "w", 2);
  again.nak(20);
  const [third] = await js.fetch("S", "w", { maxMessages: 1 });
  assert.deepEqual([third.string(), third.metadata.delivered], ["4", 3]);
  third.ack();
  e.ack();
  const { ack_floor } = await unacknowledged(js, "S", "w", 0);
  assert.equal(ack_floor.stream_seq, 6);
});

check("what was said of a message cannot be said again", async (t) => {
  const { js } = await begin(t);
  await publish(js, 4);
  const said = [(m) => m.ack(), (m) => m.ackSync(), (m) => m.nak(), (m) => m.term()];
  const messages = await js.fetch("S", "w", { maxMessages: 4 });
  for (const [index, first] of said.entries()) {
    const msg = messages[index];
    await first(msg);
    for (const call of [...said, (m) => m.inProgress()]) {
      await fails("ALREADY_ACKED", () => call(msg));
    }
  }
});

check("an ackSync that is not answered can be repeated", async (t) => {
  const { js } = await begin(t, { ack_policy: "none" });
  await publish(js, 1);
  const [unheard] = await js.fetch("S", "w", { maxMessages: 1 });
  for (let i = 0; i < 2; i++) await fails("NO_RESPONDERS", unheard.ackSync());
  const { nc, got, said } = await deliver(t, [`${DELIVERED}.1`]);
  const [msg] = got;
  for (let i = 0; i < 2; i++) await fails("TIMEOUT", msg.ackSync(30), "30 ms");
  const last = fails("CONNECTION_CLOSED", msg.ackSync(60_000));
  await fails("ALREADY_ACKED", () => msg.ack());
  assert.deepEqual(await said(), Array.from({ length: 3 }, () => [`${DELIVERED}.1`, "+ACK"]));
  await nc.close();
  await last;
});

check("what is sent", async (t) => {
  const ways = [
    [(m) => m.ack(), "+ACK"],
    [(m) => m.nak(), "-NAK"],
    [(m) => m.nak(0), "-NAK"],
    [(m) => m.nak(1500), '-NAK {"delay": 1500000000}'],
    [(m) => m.nak(0.5), '-NAK {"delay": 500000}'],
    [(m) => m.inProgress(), "+WPI"],
    [(m) => m.term(), "+TERM"],
    [(m) => m.term("grüß"), "+TERM grüß"],
    [(m) => m.term("long ".repeat(2000)), `+TERM ${"long ".repeat(2000)}`],
  ];
  // The first of a turn goes out another way than those behind it, and so does a long subject.
  const replies = [`${DELIVERED}.1`, `${DELIVERED}.2`, `${DELIVERED}.${"y".repeat(600)}`];
  const { got, said } = await deliver(t, ways.flatMap(() => replies));
  for (const [index, [say]] of ways.entries()) {
    got.slice(index * 3, index * 3 + 3).forEach(say);
    await new Promise(setImmediate);
  }
  const expected = ways.flatMap(([, payload]) => replies.map((reply) => [reply, payload]));
  assert.deepEqual(await said(), expected);
});

check("arguments of what is said are named", async (t) => {
  const { got, said } = await deliver(t, [`${DELIVERED}.1`]);
  const [msg] = got;
  for (const odd of ["5", -1, NaN, null, 5n]) assert.throws(() => msg.nak(odd), /delay/);
  for (const odd of [5, null, {}]) assert.throws(() => msg.term(odd), /reason/);
  for (const odd of ["5", 0, -1, NaN, null]) await assert.rejects(msg.ackSync(odd), /timeout/);
  assert.deepEqual(await said(), []);
  msg.ack();
  assert.deepEqual(await said(), [[`${DELIVERED}.1`, "+ACK"]]);
});

check("ackAll: many in one go; the one that cannot be acknowledged is named", async (t) => {
  const { nc, js } = await begin(t, { max_ack_pending: 5000 });
  await publish(js, 2500);
  const messages = await js.fetch("S", "w", { maxMessages: 2500 });
  await unacknowledged(js, "S", "w", 2500);
  js.ackAll(messages.slice(0, 2000));
  js.ackAll(new Set());
  await unacknowledged(js, "S", "w", 500);
  const rest = messages.slice(2000);
  rest[100].ack();
  await fails("ALREADY_ACKED", () => js.ackAll(rest), "message 100");
  await unacknowledged(js, "S", "w", 399);
  const reader = new Reader(nc.subscribe("plain"));
  nc.publish("plain", "x", { reply: "elsewhere" });
  const other = await reader.next();
  await fails("NOT_JETSTREAM", () => js.ackAll([rest[101], other]), "message 1");
  for (const odd of [undefined, null, 5, {}, [5], [null], [{ ack() {} }]]) {
    assert.throws(() => js.ackAll(odd), /messages/);
  }
});

check("a message that is not from JetStream", async (t) => {
  const { nc } = await begin(t);
  const reader = new Reader(nc.subscribe("plain"));
  for (const reply of [undefined, "_INBOX.a", "$JS.ACK", "$JS.ACKS.a", "a.$JS.ACK.b"]) {
    nc.publish("plain", "x", { reply });
    const msg = await reader.next();
    await fails("NOT_JETSTREAM", () => msg.metadata);
    await fails("NOT_JETSTREAM", () => msg.ack());
    await fails("NOT_JETSTREAM", () => msg.nak(5));
    await fails("NOT_JETSTREAM", () => msg.inProgress());
    await fails("NOT_JETSTREAM", () => msg.term());
    await fails("NOT_JETSTREAM", () => msg.ackSync());
  }
});

check("what a consumer pushes to a subscription is acknowledged alike", async (t) => {
  const { nc, js } = await begin(t);
  const reader = new Reader(nc.subscribe("pushed"));
  const config = { durable_name: "push", deliver_subject: "pushed" };
  await js.consumerCreate({ stream: "S", config });
  await publish(js, 3);
  const messages = [await reader.next(), await reader.next(), await reader.next()];
  messages[0].ack();
  await messages[1].ackSync();
  js.ackAll(messages.slice(2));
  await unacknowledged(js, "S", "push", 0);
  assert.equal(messages[2].metadata.consumer, "push");
});
