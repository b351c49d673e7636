// What callbacks may do, and what happens when they throw.

import assert from "node:assert/strict";

import { behaviour, check, Counter, dial, echo, fails, Reader, Watch, within } from "./helpers.mjs";

const LONG = { timeout: 30_000 };

behaviour("callbacks-01", "a callback may publish, request and flush", async (t) => {
  const nc = await dial(t);
  const done = new Reader(nc.subscribe("n.call.1.done"));
  echo(nc, "n.call.1.echo");
  for (let i = 0; i < 16; i++) {
    nc.subscribe("n.call.1", {
      callback: async () => {
        await nc.flush();
        await nc.rtt();
        const answer = await nc.request("n.call.1.echo", "x", LONG);
        nc.publish("n.call.1.done", answer.data);
      },
    });
  }
  for (let i = 0; i < 5; i++) nc.publish("n.call.1", "x");
  assert.equal((await done.texts(80)).length, 80);
});

behaviour("callbacks-02", "a callback may unsubscribe or drain its own subscription", async (t) => {
  const ends = [
    (sub) => sub.unsubscribe(),
    (sub) => sub.drain(),
    (sub) => sub.unsubscribe(1),
    (sub) => sub[Symbol.asyncDispose](),
  ];
  for (const end of ends) {
    const nc = await dial(t);
    let called = 0;
    const ended = [];
    const sub = nc.subscribe("n.call.2", {
      callback: () => {
        called += 1;
        ended.push(end(sub));
      },
    });
    for (let i = 0; i < 3; i++) nc.publish("n.call.2", "x");
    await within(sub.closed, "the end of the subscription");
    await Promise.all(ended);
    const before = called;
    nc.publish("n.call.2", "y");
    await nc.flush();
    assert.equal(called, before);
    // A drain delivers what is under way; the others end at once.
    assert.ok(end === ends[0] || end === ends[2] ? called === 1 : called <= 3, `${called}`);
    await nc.close();
  }
});

behaviour("callbacks-03", "a callback may close or drain its own connection", async (t) => {
  for (const end of ["close", "drain"]) {
    const nc = await dial(t);
    let ending;
    let called = 0;
    nc.subscribe("n.call.3", {
      callback: () => {
        called += 1;
        ending ??= nc[end]();
      },
    });
    nc.publish("n.call.3", "x");
    await within(nc.closed(), "the end of the connection");
    await ending;
    assert.equal(called, 1);
    assert.equal(nc.isClosed(), true);
    await fails("CONNECTION_CLOSED", () => nc.publish("n.call.3", "y"));
  }
});

behaviour("callbacks-05", "no callback starts after closed has resolved, once", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  let enough = false;
  const publishing = (async () => {
    while (!enough) {
      for (let i = 0; i < 50; i++) other.publish("n.call.5", "x");
      await other.flush();
    }
  })();
  let late = 0;
  let closed = 0;
  const rounds = [];
  for (let i = 0; i < 100; i++) {
    let gone = false;
    const sub = nc.subscribe("n.call.5", { callback: () => (late += gone ? 1 : 0) });
    rounds.push(sub.closed.then(() => {
      gone = true;
      closed += 1;
    }));
    await nc.flush();
    if (i % 2) sub.unsubscribe();
    else await sub.drain();
  }
  await within(Promise.all(rounds), "the end of every subscription");
  enough = true;
  await publishing;
  await nc.flush();
  assert.equal(closed, 100);
  assert.equal(late, 0);
});

check("a callback that throws is told by status(), and delivery goes on", async (t) => {
  const nc = await dial(t);
  const watch = new Watch(nc);
  const called = new Counter();
  nc.subscribe("n.call.throw", {
    callback: () => {
      called.add();
      throw new RangeError("thrown on purpose");
    },
  });
  for (let i = 0; i < 10; i++) nc.publish("n.call.throw", "x");
  await called.until(10);
  const { error } = await watch.until("error", 10);
  const texts = `${error} ${error.cause ?? ""}`;
  assert.match(texts, /thrown on purpose/);
});

check("a callback whose promise is rejected is told by status() too", async (t) => {
  const nc = await dial(t);
  const watch = new Watch(nc);
  nc.subscribe("n.call.reject", {
    callback: async () => {
      await nc.flush();
      throw new RangeError("rejected on purpose");
    },
  });
  for (let i = 0; i < 3; i++) nc.publish("n.call.reject", "x");
  const { error } = await watch.until("error", 3);
  assert.match(`${error} ${error.cause ?? ""}`, /rejected on purpose/);
});

check("the callback can be exchanged, and the callback form cannot be iterated", async (t) => {
  const nc = await dial(t);
  const first = new Counter();
  const second = new Counter();
  const sub = nc.subscribe("n.call.swap", { callback: () => first.add() });
  await assert.rejects(async () => {
    for await (const _ of sub) assert.fail();
  }, Error);
  nc.publish("n.call.swap", "x");
  await first.until(1);
  sub.callback = () => second.add();
  nc.publish("n.call.swap", "y");
  await second.until(1);
  assert.equal(first.count, 1);
});

check("the event loop is not blocked while receiving: timers fire", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  let got = 0;
  nc.subscribe("n.call.loop", { pendingMessages: 0, callback: () => (got += 1) });
  await nc.flush();
  let ticks = 0;
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    ticks += 1;
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  t.after(() => clearInterval(timer));
  const total = 200_000;
  for (let sent = 0; sent < total; sent += 1000) {
    for (let i = 0; i < 1000; i++) other.publish("n.call.loop", "x");
    await new Promise(setImmediate);
  }
  await other.flush();
  await nc.flush();
  while (got < total) await new Promise(setImmediate);
  assert.ok(ticks >= 5, `${ticks} ticks`);
  assert.ok(longest < 1000, `the loop stood still for ${longest} ms`);
});
