// Slow consumers: bounded subscriptions and what happens beyond the bound.

import assert from "node:assert/strict";

import {
  behaviour,
  check,
  Counter,
  dial,
  fails,
  numbers,
  publishNumbers,
  Reader,
  Watch,
} from "./helpers.mjs";

behaviour("limits-01", "drop newest: the first stay, the rest is counted", async (t) => {
  const nc = await dial(t);
  for (const options of [{}, { overflow: "drop_newest" }]) {
    const sub = nc.subscribe("n.limits.1", { pendingMessages: 4, ...options });
    await publishNumbers(nc, "n.limits.1", 0, 9);
    assert.equal(sub.getDropped(), 6);
    assert.equal(sub.getPending(), 4);
    const reader = new Reader(sub);
    assert.deepEqual(await reader.texts(4), numbers(0, 3));
    await publishNumbers(nc, "n.limits.1", 10, 11);
    assert.deepEqual(await reader.texts(2), numbers(10, 11));
    assert.equal(sub.getProcessed(), 6);
    sub.unsubscribe();
  }
});

behaviour("limits-02", "one slow-consumer status per episode", async (t) => {
  const nc = await dial(t);
  const watch = new Watch(nc);
  const sub = nc.subscribe("n.limits.2", { pendingMessages: 4 });
  const reader = new Reader(sub);
  for (let episode = 1; episode <= 3; episode++) {
    await publishNumbers(nc, "n.limits.2", 0, 19);
    const told = await watch.until("slowConsumer", episode);
    assert.equal(told.sub, sub);
    assert.equal(typeof told.pending, "number");
    assert.equal(watch.count("slowConsumer"), episode);
    assert.deepEqual(await reader.texts(4), numbers(0, 3));
  }
  await nc.close();
  await watch.end();
  assert.equal(watch.count("slowConsumer"), 3);
});

behaviour("limits-03", "drop oldest: the last ones stay", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.limits.3", { pendingMessages: 4, overflow: "drop_oldest" });
  await publishNumbers(nc, "n.limits.3", 0, 9);
  assert.equal(sub.getDropped(), 6);
  assert.deepEqual(await new Reader(sub).texts(4), numbers(6, 9));
});

behaviour("limits-04", "policy error: what fits is delivered, then SLOW_CONSUMER", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.limits.4", { pendingMessages: 4, overflow: "error" });
  await publishNumbers(nc, "n.limits.4", 0, 9);
  const reader = new Reader(sub);
  assert.deepEqual(await reader.texts(4), numbers(0, 3));
  await reader.fails("SLOW_CONSUMER");
  assert.equal((await sub.closed).codeName, "SLOW_CONSUMER");
  const next = new Reader(nc.subscribe("n.limits.4"));
  await publishNumbers(nc, "n.limits.4", 1, 1);
  assert.deepEqual(await next.texts(1), ["1"]);
});

behaviour("limits-05", "the bound by bytes; 0 is no bound", async (t) => {
  const nc = await dial(t, undefined, { pendingMessages: 4 });
  const bounded = nc.subscribe("n.limits.5", { pendingMessages: 100, pendingBytes: 3000 });
  for (let i = 0; i < 10; i++) nc.publish("n.limits.5", new Uint8Array(1000));
  await nc.flush();
  assert.ok(bounded.getDropped() >= 7, `${bounded.getDropped()}`);
  assert.ok(bounded.getPending() >= 1);
  assert.equal(bounded.getPending() + bounded.getDropped(), 10);
  bounded.unsubscribe();
  const own = nc.subscribe("n.limits.5"); // the connection's bound
  await publishNumbers(nc, "n.limits.5", 0, 9);
  assert.equal(own.getDropped(), 6);
  own.unsubscribe();
  const unbounded = nc.subscribe("n.limits.5", { pendingMessages: 0, pendingBytes: 0 });
  await publishNumbers(nc, "n.limits.5", 0, 99_999);
  assert.equal(unbounded.getPending(), 100_000);
  assert.equal(unbounded.getDropped(), 0);
});

behaviour("limits-06", "a slow subscription does not delay another one", async (t) => {
  const nc = await dial(t);
  const slow = nc.subscribe("n.limits.6", { pendingMessages: 2 });
  const quick = new Reader(nc.subscribe("n.limits.6"));
  await publishNumbers(nc, "n.limits.6", 0, 999);
  assert.deepEqual(await quick.texts(1000), numbers(0, 999));
  assert.equal(slow.getPending(), 2);
});

check("a slow consumer in callback style: pending stays bounded, callbacks go on", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  const watch = new Watch(nc);
  const called = new Counter();
  const sub = nc.subscribe("n.limits.7", { pendingMessages: 10, callback: () => called.add() });
  await nc.flush();
  // All of it arrives while this turn keeps the event loop to itself.
  for (let i = 0; i < 2000; i++) other.publish("n.limits.7", "x");
  const until = Date.now() + 10_000;
  while (sub.getDropped() === 0 && Date.now() < until);
  assert.ok(sub.getPending() <= 10, `${sub.getPending()}`);
  await other.flush();
  await nc.flush();
  await watch.until("slowConsumer");
  await called.until(10);
  const dropped = sub.getDropped();
  assert.ok(dropped > 0 && dropped < 2000, `${dropped}`);
  await called.until(2000 - sub.getDropped());
  other.publish("n.limits.7", "later");
  await called.until(2001 - sub.getDropped());
});

check("a slow consumer in iterator style: an async body leaves the rest in the core", async (t) => {
  const nc = await dial(t);
  const sub = nc.subscribe("n.limits.8", { pendingMessages: 100 });
  const reader = new Reader(sub);
  await publishNumbers(nc, "n.limits.8", 0, 0);
  assert.equal(await reader.text(), "0");
  // Nobody asks for more while these come: they stay in the core and its bound holds.
  await publishNumbers(nc, "n.limits.8", 1, 5000);
  assert.ok(sub.getPending() <= 200, `${sub.getPending()}`);
  assert.equal(sub.getPending() + sub.getDropped(), 5000);
});

check("wrong subscribe options are named", async (t) => {
  const nc = await dial(t);
  await fails("INVALID_OPTION", () => nc.subscribe("a", { que: "x" }), "queue");
  const negative = () => nc.subscribe("a", { pendingMessages: -1 });
  await fails("INVALID_OPTION", negative, "pending");
  await fails("INVALID_OPTION", () => nc.subscribe("a", { overflow: "no" }), "drop_oldest");
});
