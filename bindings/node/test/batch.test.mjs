// Batches of messages to a stream, and many messages under way at once.

import assert from "node:assert/strict";

import { headers } from "nats-ffi";

import { server } from "./harness.mjs";
import { check, dial, fails, numbers } from "./helpers.mjs";

const STREAM = { name: "S", subjects: ["s.>"], storage: "memory" };

/** A connection to a server of the test's own, and its JetStream with a stream. */
async function begin(t, config = {}) {
  const nc = await dial(t, await server(t, "jetstream"));
  const js = nc.jetstream();
  await js.streamCreate({ ...STREAM, ...config });
  return { nc, js };
}

async function count(js) {
  return (await js.streamInfo({ stream: "S" })).state.messages;
}

check("batch: stored together", async (t) => {
  const { nc, js } = await begin(t, { allow_atomic: true });
  const batch = js.batch();
  const own = headers();
  own.set("Own", "kept");
  // What was published before goes before.
  nc.publish("s.first");
  await Promise.all(numbers(1, 9).map((text) => batch.add("s.a", text, { headers: own })));
  assert.deepEqual(await batch.state(), { kind: "atomic", added: 9 });
  assert.equal(await count(js), 1);
  const ack = await batch.commit("s.last", "10", { msgId: "last" });
  assert.deepEqual([ack.stream, ack.seq, ack.count, ack.duplicate], ["S", 11, 10, false]);
  assert.equal(typeof ack.batch, "string");
  for (let seq = 2; seq <= 10; seq++) {
    const { data, hdrs } = await js.streamGetMessage({ stream: "S", seq });
    assert.equal(Buffer.from(data, "base64").toString(), `${seq - 1}`);
    assert.deepEqual(hdrs.Own, ["kept"]);
  }
  assert.deepEqual(await batch.state(), { kind: "over" });
  await fails("BATCH_OVER", batch.add("s.a"));
  await fails("BATCH_OVER", batch.close());
  const closed = js.batch({ ackEvery: 2 });
  for (let i = 0; i < 5; i++) await closed.add("s.a");
  assert.equal((await closed.close()).count, 5);
  await js.batch().add("s.a");
  assert.equal(await count(js), 16);
});

check("batch: fast, as they come", async (t) => {
  const { js } = await begin(t, { allow_batched: true });
  const batch = js.batch({ kind: "fast", flow: 10 });
  for (const text of numbers(1, 100)) await batch.add("s.a", text);
  const state = await batch.state();
  assert.deepEqual([state.kind, state.added, state.events], ["fast", 100, []]);
  assert.ok(state.acknowledged >= 80 && state.acknowledged <= 100);
  assert.equal((await batch.commit("s.a")).count, 101);
  assert.equal(await count(js), 101);
});

check("batch: what is refused", async (t) => {
  const { nc, js } = await begin(t);
  const refused = await fails("JETSTREAM", js.batch().add("s.a"));
  assert.equal(refused.errCode, 10174);
  await fails("NO_RESPONDERS", js.batch().add("none"));
  await fails("INVALID_ARGUMENT", js.batch().close(), "at least one");
  await js.streamUpdate({ ...STREAM, allow_atomic: true });
  const batch = js.batch();
  await assert.rejects(batch.add(5), /subject/);
  await assert.rejects(batch.add("s.a", 5), /payload/);
  await assert.rejects(batch.commit("s.a", "", null), /options/);
  await fails("INVALID_SUBJECT", batch.add("s a"));
  await fails("INVALID_OPTION", batch.add("s.a", "", { mgsId: "x" }), "msgId");
  await batch.add("s.a");
  assert.equal((await batch.commit("s.a")).count, 2);
  await fails("INVALID_OPTION", () => js.batch({ kind: "slow" }), "kind");
  await fails("INVALID_OPTION", () => js.batch({ ackevery: 1 }), "ackEvery");
  nc.subscribe("silent");
  const late = js.batch({ timeout: 20 });
  await fails("TIMEOUT", late.add("silent"));
  await fails("BATCH_OVER", late.add("silent"));
  const last = js.batch();
  await nc.close();
  await fails("CONNECTION_CLOSED", last.add("s.a"));
});

check("publish: hundreds at once, in order, one answer each", async (t) => {
  const { js } = await begin(t);
  for (let round = 0; round < 8; round++) {
    const publishing = numbers(1, 256).map((text) => js.publish("s.n", text));
    const acks = await Promise.all(publishing);
    assert.deepEqual(acks.map((ack) => ack.seq), acks.map((_, i) => round * 256 + i + 1));
  }
  const mixed = numbers(1, 256).map((_, i) =>
    js.publish("s.n", "x", i % 2 === 0 ? {} : { expectedLastSequence: 1 }),
  );
  const outcomes = await Promise.allSettled(mixed);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    outcomes.map((_, i) => (i % 2 === 0 ? "fulfilled" : "rejected")),
  );
});
