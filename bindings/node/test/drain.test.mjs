// Gentle and abrupt ends.

import assert from "node:assert/strict";

import { fake } from "./harness.mjs";
import { behaviour, check, dial, fails, Reader, Watch, within } from "./helpers.mjs";

behaviour("drain-01", "drain of a subscription delivers what was under way", async (t) => {
  const nc = await dial(t);
  let called = 0;
  const sub = nc.subscribe("n.drain.1", { callback: () => (called += 1) });
  for (let i = 0; i < 1000; i++) nc.publish("n.drain.1", "x");
  await nc.flush();
  const drained = sub.drain();
  assert.equal(sub.isDraining(), true);
  await drained;
  assert.equal(called, 1000);
  assert.equal(sub.isClosed(), true);
  nc.publish("n.drain.1", "late");
  await nc.flush();
  assert.equal(called, 1000);
  assert.equal(nc.isClosed(), false);

  const iterated = nc.subscribe("n.drain.1");
  for (let i = 0; i < 10; i++) nc.publish("n.drain.1", "y");
  const rest = iterated.drain();
  const reader = new Reader(iterated);
  assert.equal((await reader.texts(10)).length, 10);
  await reader.end();
  await rest;
});

behaviour("drain-02", "drain of the connection delivers, lets callbacks answer", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  const answers = new Reader(other.subscribe("n.drain.2.answers"));
  await other.flush();
  nc.subscribe("n.drain.2", { callback: (_, msg) => msg.respond(msg.data) });
  for (let i = 0; i < 500; i++) nc.publish("n.drain.2", "x", { reply: "n.drain.2.answers" });
  await nc.flush();
  const drained = nc.drain();
  assert.equal(nc.isDraining(), true);
  await drained;
  assert.equal(nc.isClosed(), true);
  assert.equal(await nc.closed(), undefined);
  assert.equal((await answers.texts(500)).length, 500);
});

behaviour("drain-03", "while draining, new subscriptions are refused", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.drain.3"));
  nc.publish("n.drain.3", "keeps the drain waiting");
  await nc.flush();
  const drained = nc.drain();
  await fails("CONNECTION_DRAINING", () => nc.subscribe("a"));
  assert.equal(nc.isClosed(), false);
  assert.equal(await reader.text(), "keeps the drain waiting");
  await reader.end();
  await drained;
  await fails("CONNECTION_CLOSED", () => nc.subscribe("a"));
  await fails("CONNECTION_CLOSED", () => nc.publish("a"));
  await fails("CONNECTION_CLOSED", () => nc.flush());
  await fails("CONNECTION_CLOSED", () => nc.request("a", "", { timeout: 100 }));
});

behaviour("drain-04", "a drain whose consumer does not take ends by its timeout", async (t) => {
  const nc = await dial(t, undefined, { drainTimeout: 100 });
  nc.subscribe("n.drain.4");
  const other = nc.subscribe("n.drain.4");
  nc.publish("n.drain.4", "x");
  await nc.flush();
  await fails("TIMEOUT", () => other.drain());
  const start = Date.now();
  await fails("TIMEOUT", () => nc.drain());
  assert.ok(Date.now() - start >= 98 && Date.now() - start < 20_000);
  assert.equal(nc.isClosed(), true);
});

behaviour("drain-05", "close ends every waiting call with CONNECTION_CLOSED", async (t) => {
  const silent = await fake(t, ["handshake", "silence"]); // answers no PING: all wait
  const nc = await dial(t, silent);
  const waits = [
    fails("CONNECTION_CLOSED", nc.request("a", "", { timeout: 60_000 })),
    fails("CONNECTION_CLOSED", nc.request("b", "", { timeout: 60_000, noMux: true })),
    fails("CONNECTION_CLOSED", nc.flush()),
    fails("CONNECTION_CLOSED", nc.rtt()),
    new Reader(nc.subscribe("a")).end(),
    nc.closed(),
  ];
  await silent.tell("wait_text", { connection: 0, text: "PUB b" });
  await Promise.all([nc.close(), nc.close()]);
  await nc.close();
  await within(Promise.all(waits), "the end of every wait");
});

check("Symbol.asyncDispose drains a connection and a subscription", async (t) => {
  const nc = await dial(t);
  const watch = new Watch(nc);
  let called = 0;
  const sub = nc.subscribe("n.dispose", { callback: () => (called += 1) });
  nc.publish("n.dispose", "x");
  await nc.flush();
  await sub[Symbol.asyncDispose]();
  assert.equal(called, 1);
  assert.equal(sub.isClosed(), true);
  await nc[Symbol.asyncDispose]();
  assert.equal(nc.isClosed(), true);
  await watch.end();
  assert.equal(watch.count("close"), 1);
});
