// Messages of a stream in order, of consumers that push, and of groups of consumers.

import assert from "node:assert/strict";

import { server } from "./harness.mjs";
import { check, Counter, dial, EAGER, fails, numbers, Reader, Watch, within } from "./helpers.mjs";

/** A stream S on a server of the test's own. */
async function begin(t, { storage = "memory", options = {} } = {}) {
  const own = await server(t, "jetstream");
  const nc = await dial(t, own, options);
  const js = nc.jetstream();
  await js.streamCreate({ name: "S", subjects: ["s.>"], storage });
  return { own, nc, js };
}

async function publish(js, first, last) {
  await Promise.all(numbers(first, last).map((text) => js.publish("s.n", text)));
}

check("consumeOrdered: pulled, pushed, from the middle, by a callback", async (t) => {
  const { js } = await begin(t);
  await publish(js, 1, 700);
  const got = [];
  const sub = await js.consumeOrdered("S", { maxMessages: 100 });
  for await (const msg of sub) {
    got.push(msg.string());
    if (got.length === 700) break;
  }
  assert.deepEqual(got, numbers(1, 700));
  const from = { push: true, deliverPolicy: "by_start_sequence", optStartSeq: 691 };
  const reader = new Reader(await js.consumeOrdered("S", from));
  assert.deepEqual(await reader.texts(10), numbers(691, 700));
  const counter = new Counter();
  const called = [];
  const callback = (err, msg) => {
    assert.equal(err, null);
    called.push(msg.subject);
    counter.add();
  };
  const one = await js.consumeOrdered("S", { callback, filterSubjects: "s.m", namePrefix: "mine" });
  await js.publish("s.m", "x");
  await counter.until(1);
  assert.deepEqual(called, ["s.m"]);
  const { consumers } = await js.consumerNames({ stream: "S" });
  assert.ok(consumers.some((name) => name.startsWith("mine")), consumers);
  await within(one.drain(), "the drain");
});

check("consumeOrdered: a server that goes and comes, and the end of the stream", async (t) => {
  const { own, nc, js } = await begin(t, { storage: "file", options: EAGER });
  const watch = new Watch(nc);
  const reader = new Reader(await js.consumeOrdered("S", { heartbeat: 500, expires: 1000 }));
  await publish(js, 1, 5);
  assert.deepEqual(await reader.texts(5), numbers(1, 5));
  await own.tell("kill");
  const { consumer, what, error } = await watch.until("consumer");
  assert.deepEqual([consumer, what], ["S", "disconnected"]);
  assert.equal(error.codeName, "CONNECTION_LOST");
  await own.tell("restart");
  const patient = { retries: 1000, retryWait: 20 };
  for (const text of numbers(6, 10)) await js.publish("s.n", text, patient);
  assert.deepEqual(await reader.texts(5), numbers(6, 10));
  assert.ok(watch.all("consumer").some((status) => status.what === "reset"));
  await js.streamDelete({ stream: "S" });
  await reader.fails("STREAM_NOT_FOUND");
});

check("consumePushed: shared by a group, acknowledged, until the consumer is deleted", async (t) => {
  const { js } = await begin(t);
  await publish(js, 1, 100);
  const pushes = { deliver_subject: "to.w", deliver_group: "g", flow_control: true };
  const config = { durable_name: "w", ...pushes, idle_heartbeat: 500e6 };
  await js.consumerCreate({ stream: "S", config });
  const got = [];
  const counter = new Counter();
  const callback = (err, msg) => {
    if (err !== null) return;
    got.push(msg.string());
    msg.ack();
    counter.add();
  };
  const subs = [
    await js.consumePushed("S", "w", { callback }),
    await js.consumePushed("S", "w", { callback, pendingMessages: 1000 }),
  ];
  await publish(js, 101, 200);
  await counter.until(200);
  assert.deepEqual(new Set(got), new Set(numbers(1, 200)));
  await js.consumerDelete({ stream: "S", consumer: "w" });
  for (const sub of subs) {
    assert.equal((await within(sub.closed, "the end")).codeName, "CONSUMER_NOT_FOUND");
  }
});

check("consumeGroup: members share the partitions", async (t) => {
  const { nc, js } = await begin(t);
  const transform = { src: "p.*", dest: "{{Partition(4,1)}}.p.{{wildcard(1)}}" };
  await js.streamCreate({ name: "P", subjects: ["p.*"], subject_transform: transform });
  const config = { max_members: 4, members: ["a", "b"] };
  await js.groupCreate({ stream: "P", group: "g", config });
  const counter = new Counter();
  const got = { a: new Set(), b: new Set() };
  const subs = [];
  for (const member of ["a", "b"]) {
    const callback = (err, msg) => {
      assert.equal(err, null);
      got[member].add(msg.subject);
      msg.ack();
      counter.add();
    };
    subs.push(await js.consumeGroup("P", "g", member, { callback }));
  }
  for (const text of numbers(1, 60)) await js.publish(`p.${text}`);
  await counter.until(60);
  assert.equal(got.a.size + got.b.size, 60);
  const partitions = (member) => new Set([...got[member]].map((subject) => subject[0]));
  for (const partition of partitions("a")) assert.ok(!partitions("b").has(partition));
  await within(nc.drain(), "the drain");
  for (const sub of subs) assert.ok(sub.isClosed());
});

check("what consumers that are waited for refuse", async (t) => {
  const { nc, js } = await begin(t);
  for (const odd of [undefined, null, 5, {}]) {
    await assert.rejects(js.consumeOrdered(odd), /stream/);
    await assert.rejects(js.consumePushed("S", odd), /consumer/);
    await assert.rejects(js.consumeGroup("S", odd, "m"), /group/);
    await assert.rejects(js.consumeGroup("S", "g", odd), /member/);
  }
  for (const odd of [null, 5, "x", []]) await assert.rejects(js.consumeOrdered("S", odd), /options/);
  await assert.rejects(js.consumeOrdered("S", { callback: 5 }), /callback/);
  await fails("INVALID_OPTION", js.consumeOrdered("S", { deliverPolicy: "x" }), "deliverPolicy");
  await fails("INVALID_OPTION", js.consumePushed("S", "w", { pendingMesages: 1 }), "pendingMessages");
  await fails("INVALID_NAME", js.consumeOrdered("S.x"), "stream");
  await fails("STREAM_NOT_FOUND", js.consumeOrdered("none"));
  await fails("CONSUMER_NOT_FOUND", js.consumePushed("S", "w"));
  await js.consumerCreate({ stream: "S", config: { durable_name: "w" } });
  await fails("INVALID_ARGUMENT", js.consumePushed("S", "w"), "pushes");
  await fails("NOT_FOUND", js.consumeGroup("S", "g", "m"), "group g");
  await nc.close();
  await fails("CONNECTION_CLOSED", js.consumeOrdered("S"));
});
