// Arguments that are not acceptable, and the edges of those that are.

import assert from "node:assert/strict";

import { headers } from "nats-ffi";

import { fake } from "./harness.mjs";
import { behaviour, check, dial, fails, Reader } from "./helpers.mjs";

const BAD = [
  "", ".", "a..b", ".a", "a.", "a b", " ", "a\tb", "a\rb", "a\nb", "a\r\nPUB x 0\r\n", "a\0b",
];

async function refusePublish(nc, subject) {
  const timeout = 100;
  await fails("INVALID_SUBJECT", () => nc.publish(subject, "x"));
  await fails("INVALID_SUBJECT", () => nc.request(subject, "x", { timeout }));
  await fails("INVALID_SUBJECT", () => nc.request(subject, "x", { timeout, noMux: true }));
  await fails("INVALID_SUBJECT", async () => {
    for await (const _ of await nc.requestMany(subject, "x", { maxWait: timeout }));
  });
  if (subject === "") return; // an empty reply is no reply
  await fails("INVALID_SUBJECT", () => nc.publish("a", "x", { reply: subject }));
}

behaviour("arguments-01", "subjects to publish to", async (t) => {
  const seen = await fake(t, ["handshake", "serve"]);
  const nc = await dial(t, seen);
  for (const subject of [...BAD, "*", ">", "a.*", "a.>", "a.*.b"]) await refusePublish(nc, subject);
  nc.publish("good", "x");
  await nc.flush();
  const { text } = await seen.tell("received", { connection: 0 });
  const published = text.match(/PUB [^\r]*/g);
  assert.deepEqual(published, ["PUB good 1"]);
});

behaviour("arguments-02", "subjects to subscribe to, and queue groups", async (t) => {
  const nc = await dial(t);
  for (const subject of [...BAD, "a.>.b", ">.a"]) {
    await fails("INVALID_SUBJECT", () => nc.subscribe(subject));
  }
  for (const queue of ["a b", "a\r\nPING", "a\tb", "a\0b"]) {
    await fails("INVALID_QUEUE_GROUP", () => nc.subscribe("a", { queue }));
  }
  await nc.flush();
});

behaviour("arguments-03", "calls on a closed connection give CONNECTION_CLOSED", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.args.3", { callback: () => {} });
  const iterated = nc.subscribe("n.args.3");
  nc.publish("n.args.3", "x", { reply: "n.args.3.answers" });
  const msg = await new Reader(iterated).next();
  await nc.close();
  const h = headers();
  h.append("A", "b");
  const closed = [
    () => nc.publish("a"),
    () => nc.publish("a", "x", { reply: "b", headers: h }),
    () => nc.publishMessage(msg),
    () => nc.respondMessage(msg),
    () => msg.respond("x"),
    () => nc.request("a", "", { timeout: 100 }),
    () => nc.requestMany("a", "", { maxWait: 100 }),
    () => nc.subscribe("a"),
    () => nc.flush(),
    () => nc.rtt(),
    () => nc.drain(),
    () => nc.reconnect(),
  ];
  for (const call of closed) await fails("CONNECTION_CLOSED", call);
  assert.equal(msg.string(), "x");
  assert.equal(nc.isClosed(), true);
  assert.equal(sub.isClosed(), true);
  sub.unsubscribe();
  await sub[Symbol.asyncDispose]();
  await nc[Symbol.asyncDispose]();
  assert.equal(nc.stats().outMsgs, 1);
  assert.equal(sub.getSubject(), "n.args.3");
  assert.equal(sub.getPending(), 0);
  assert.equal(typeof nc.getServer(), "string");
  for await (const status of nc.status()) assert.equal(status.type, "close");
});

behaviour("arguments-04", "a subject longer than a control line is refused", async (t) => {
  const nc = await dial(t);
  const longest = "a".repeat(8191);
  await refusePublish(nc, longest);
  await fails("INVALID_SUBJECT", () => nc.subscribe(longest));
  await nc.flush();
  assert.equal(nc.stats().outMsgs, 0);
  assert.equal(nc.stats().reconnects, 0);
});

check("lenient subjects: wildcards pass, what breaks the protocol does not", async (t) => {
  const nc = await dial(t, undefined, { lenientSubjects: true });
  nc.publish("a.*", "x");
  for (const subject of ["", "a b", "a\tb", "a\r\nPING"]) await refusePublish(nc, subject);
  await nc.flush();
});

/** The call fails as one with an argument of the wrong type must, and names it. */
async function wrongType(call, name) {
  await assert.rejects(async () => call(), (error) => {
    const known = ["INVALID_ARGUMENT", "INVALID_OPTION"].includes(error.codeName);
    assert.ok(known || error instanceof TypeError, `${error.stack}`);
    assert.match(error.message, new RegExp(name, "i"));
    return true;
  });
}

check("arguments of the wrong type are errors that name them", async (t) => {
  const nc = await dial(t);
  const odd = [undefined, null, 5, true, {}, [], () => {}, Symbol("s"), 5n, new Uint8Array(1)];
  for (const subject of odd) {
    await wrongType(() => nc.publish(subject), "subject");
    await wrongType(() => nc.subscribe(subject), "subject");
    await wrongType(() => nc.request(subject, "", { timeout: 50 }), "subject");
    await wrongType(() => nc.requestMany(subject, "", { maxWait: 50 }), "subject");
  }
  for (const payload of [null, 5, true, {}, [1, 2], () => {}, Symbol("s"), 5n]) {
    await wrongType(() => nc.publish("a", payload), "payload|data");
    await wrongType(() => nc.request("a", payload, { timeout: 50 }), "payload|data");
  }
  for (const options of [5, "x", true]) {
    await wrongType(() => nc.publish("a", "", options), "option");
    await wrongType(() => nc.subscribe("a", options), "option");
    await wrongType(() => nc.request("a", "", options), "option");
  }
  await wrongType(() => nc.publish("a", "", { reply: 5 }), "reply");
  await wrongType(() => nc.publish("a", "", { headers: 5 }), "headers");
  await wrongType(() => nc.subscribe("a", { callback: 5 }), "callback");
  await wrongType(() => nc.subscribe("a", { queue: 5 }), "queue");
  await wrongType(() => nc.subscribe("a", { max: "3" }), "max");
  await wrongType(() => nc.publishMessage(5), "subject");
  await wrongType(() => nc.publishMessage({ subject: "a", data: 5 }), "payload|data");
  await wrongType(() => nc.respondMessage({ reply: 5, data: "" }), "subject|reply");
  await wrongType(() => nc.requestMany("a", "", { strategy: "never" }), "strategy");
  const sub = nc.subscribe("a");
  for (const max of ["3", -1, 1.5, NaN, null, {}]) {
    await wrongType(() => sub.unsubscribe(max), "max");
  }
  const h = headers();
  await wrongType(() => h.append(5, "x"), "");
  await wrongType(() => h.append("A", 5), "");
  await nc.flush();
  assert.equal(nc.stats().outMsgs, 0);
});

check("getters that throw, detached buffers and null prototypes", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.args.odd"));
  const throwing = (name) => {
    const get = () => {
      throw new RangeError("from the getter");
    };
    return Object.defineProperty({}, name, { get, enumerable: true });
  };
  assert.throws(() => nc.publish("a", "", throwing("reply")), RangeError);
  assert.throws(() => nc.subscribe("a", throwing("queue")), RangeError);
  await assert.rejects(async () => nc.request("a", "", throwing("timeout")), RangeError);
  const detached = new Uint8Array(10);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  nc.publish("n.args.odd", detached);
  assert.equal((await reader.next()).data.length, 0);
  nc.publish("n.args.odd", "x", Object.assign(Object.create(null), { reply: "n.args.back" }));
  assert.equal((await reader.next()).reply, "n.args.back");
});

check("methods of another object are refused, not a crash", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("a");
  for (const method of ["publish", "subscribe", "flush", "close", "stats", "isClosed"]) {
    await assert.rejects(async () => nc[method].call({}, "a"), Error);
    await assert.rejects(async () => nc[method].call(sub, "a"), Error);
  }
  for (const method of ["unsubscribe", "drain", "getPending", "getID"]) {
    await assert.rejects(async () => sub[method].call({}), Error);
    await assert.rejects(async () => sub[method].call(nc), Error);
  }
});

check("payloads: Buffer, Uint8Array, subarray, DataView's bytes, string, NULs", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.args.payload"));
  const bytes = Uint8Array.from([0, 1, 2, 0, 255, 254, 0]);
  const padded = Uint8Array.from([9, 9, ...bytes, 9]);
  const forms = [
    bytes,
    Buffer.from(bytes),
    padded.subarray(2, 9),
    Buffer.from(padded.buffer, 2, 7),
    new Uint8Array(new SharedArrayBuffer(7)).fill(7),
  ];
  for (const form of forms) {
    nc.publish("n.args.payload", form);
    const { data } = await reader.next();
    assert.ok(Buffer.from(form).equals(data), `${form.constructor.name}`);
  }
  const texts = ["", "plain", "a\0b\0", "grüß ✓ 🎉", "\ud800", "x".repeat(100_000)];
  for (const text of texts) {
    nc.publish("n.args.payload", text);
    const msg = await reader.next();
    assert.ok(Buffer.from(text, "utf8").equals(msg.data));
    assert.equal(msg.string(), text.toWellFormed?.() ?? Buffer.from(text).toString());
  }
  nc.publish("n.args.payload", JSON.stringify({ a: [1, null] }));
  assert.deepEqual((await reader.next()).json(), { a: [1, null] });
  nc.publish("n.args.payload", "{");
  const broken = await reader.next();
  assert.throws(() => broken.json(), SyntaxError);
});

check("a message's data is the program's own: what it does to it harms nobody", async (t) => {
  const nc = await dial(t);
  const first = new Reader(nc.subscribe("n.args.own"));
  const second = new Reader(nc.subscribe("n.args.own"));
  nc.publish("n.args.own", "shared?");
  const msg = await first.next();
  const { data } = msg;
  data.fill(0x21);
  assert.equal(msg.data, data, "copied once");
  structuredClone(data, { transfer: [data.buffer] });
  assert.equal((await second.next()).string(), "shared?");
});
