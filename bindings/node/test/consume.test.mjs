// Messages of a consumer without end.

import assert from "node:assert/strict";

import { server } from "./harness.mjs";
import {
  check, Counter, dial, EAGER, fails, numbers, Reader, unacknowledged, Watch, within,
} from "./helpers.mjs";

const NAMED = { stream: "S", consumer: "w" };

/** A stream S with a consumer w on a server of the test's own. */
async function begin(t, { storage = "memory", config = {}, options = {} } = {}) {
  const own = await server(t, "jetstream");
  const nc = await dial(t, own, options);
  const js = nc.jetstream();
  await js.streamCreate({ name: "S", subjects: ["s.>"], storage });
  await js.consumerCreate({ stream: "S", config: { durable_name: "w", ...config } });
  return { own, nc, js };
}

async function publish(js, first, last) {
  await Promise.all(numbers(first, last).map((text) => js.publish("s.n", text)));
}

check("consume: iterated, in order, acknowledged, until the loop is left", async (t) => {
  const { js } = await begin(t);
  await publish(js, 1, 700);
  const sub = await js.consume("S", "w");
  const got = [];
  const more = publish(js, 701, 1500);
  for await (const msg of sub) {
    got.push(msg.string());
    msg.ack();
    if (got.length === 1500) break;
  }
  await more;
  assert.deepEqual(got, numbers(1, 1500));
  assert.equal(sub.isClosed(), true);
  assert.equal(sub.getProcessed(), 1500);
  await unacknowledged(js, "S", "w", 0);
});

check("consume: a callback, drained", async (t) => {
  const { nc, js } = await begin(t);
  const counter = new Counter();
  const got = [];
  const callback = (err, msg) => {
    assert.equal(err, null);
    got.push(msg.string());
    msg.ack();
    counter.add();
  };
  const sub = await js.consume("S", "w", { callback, maxMessages: 20, threshold: 5 });
  await publish(js, 1, 300);
  await counter.until(300);
  assert.deepEqual(got, numbers(1, 300));
  await within(sub.drain(), "the drain");
  assert.equal(await sub.closed, undefined);
  await publish(js, 301, 301);
  await nc.flush();
  assert.equal(got.length, 300);
  assert.equal((await js.fetch("S", "w", { maxMessages: 1 }))[0].string(), "301");
});

check("consume: no more wait than the options allow, and none is lost", async (t) => {
  const { js } = await begin(t);
  await publish(js, 1, 100);
  const sub = await js.consume("S", "w", { maxMessages: 10 });
  await unacknowledged(js, "S", "w", 10);
  assert.equal(sub.getPending(), 10);
  const reader = new Reader(sub);
  assert.deepEqual(await reader.texts(100), numbers(1, 100));
  sub.unsubscribe();
  await reader.end();
});

check("consume: bounded by bytes", async (t) => {
  const { js } = await begin(t);
  const text = "x".repeat(1000);
  for (let i = 0; i < 30; i++) await js.publish("s.n", text);
  const reader = new Reader(await js.consume("S", "w", { maxBytes: 5000 }));
  assert.deepEqual(await reader.texts(30), Array(30).fill(text));
});

check("consume: the end when consumer or stream are deleted", async (t) => {
  const { js } = await begin(t);
  await publish(js, 1, 1);
  const sub = await js.consume("S", "w");
  const reader = new Reader(sub);
  assert.equal(await reader.text(), "1");
  await js.consumerDelete(NAMED);
  await reader.fails("CONSUMER_NOT_FOUND");
  assert.equal((await sub.closed).codeName, "CONSUMER_NOT_FOUND");
  await js.consumerCreate({ stream: "S", config: { durable_name: "w", deliver_policy: "new" } });
  let told;
  const callback = (err) => {
    told = err;
  };
  const called = await js.consume("S", "w", { callback });
  await js.streamInfo({ stream: "S" }); // so the server has been asked for messages
  await js.streamDelete({ stream: "S" });
  const end = await within(called.closed, "the end");
  assert.ok(["STREAM_NOT_FOUND", "CONSUMER_NOT_FOUND"].includes(end.codeName), end.codeName);
  assert.equal(told, end);
});

check("consume: a server that goes and comes is survived and told", async (t) => {
  const { own, nc, js } = await begin(t, { storage: "file", options: EAGER });
  const watch = new Watch(nc);
  const reader = new Reader(await js.consume("S", "w"));
  await publish(js, 1, 5);
  assert.deepEqual(await reader.texts(5), numbers(1, 5));
  await own.tell("kill");
  const { consumer, what, error } = await watch.until("consumer");
  assert.deepEqual([consumer, what], ["S.w", "disconnected"]);
  assert.equal(error.codeName, "CONNECTION_LOST");
  await own.tell("restart");
  await watch.until("reconnect");
  const patient = { retries: 1000, retryWait: 20 };
  for (const text of numbers(6, 10)) await js.publish("s.n", text, patient);
  const got = new Set();
  while (!got.has("10")) got.add((await reader.next()).string());
  for (const text of numbers(6, 10)) assert.ok(got.has(text), text);
});

check("consume: arguments, and a connection that is drained or closed", async (t) => {
  const { nc, js } = await begin(t);
  for (const odd of [undefined, null, 5, {}]) {
    await assert.rejects(js.consume(odd, "w"), /stream/);
    await assert.rejects(js.consume("S", odd), /consumer/);
  }
  for (const odd of [null, 5, "x", []]) await assert.rejects(js.consume("S", "w", odd), /options/);
  await assert.rejects(js.consume("S", "w", { callback: 5 }), /callback/);
  await fails("INVALID_NAME", js.consume("S.x", "w"), "stream");
  await fails("INVALID_OPTION", js.consume("S", "w", { maxMessage: 5 }), "maxMessages");
  await fails("INVALID_OPTION", js.consume("S", "w", { maxMessages: 0 }), "maxMessages");
  await fails("INVALID_ARGUMENT", js.consume("S", "w", { threshold: 500 }), "threshold");
  const sub = await js.consume("S", "w");
  await fails("INVALID_ARGUMENT", () => sub.unsubscribe(5));
  const got = [];
  const loop = (async () => {
    for await (const msg of sub) {
      got.push(msg.string());
      msg.ack();
    }
  })();
  await publish(js, 1, 50);
  const read = async () => {
    while (got.length < 50) await new Promise(setImmediate);
  };
  await within(read(), "the messages");
  await within(nc.drain(), "the drain");
  await loop;
  assert.deepEqual(got, numbers(1, 50));
  await fails("CONNECTION_CLOSED", js.consume("S", "w"));
  assert.ok(sub.isClosed());
});
