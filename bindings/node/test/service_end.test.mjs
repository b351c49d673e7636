// Services: their ends, and what goes wrong around them.

import assert from "node:assert/strict";

import { Svcm } from "nats-ffi";

import { server } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, publishNumbers, Reader, Watch, within } from "./helpers.mjs";
import { until } from "./kv.mjs";
import { ask, asked, begin, counted, echo, gate, nobody, serving, SHORT } from "./service.mjs";

const PATIENT = { timeout: 30_000 };

/** A handler that holds its answers back until the gate is open; it tells of each that it has. */
function holding() {
  const { open, opened } = gate();
  let came;
  const come = new Promise((resolve) => (came = resolve));
  const handler = async (_, msg) => {
    came();
    await opened;
    msg.respond(msg.data);
  };
  return { open, come: () => within(come, "a request"), handler };
}

/** Nothing has settled the promise. */
async function open(promise) {
  const pending = Symbol("pending");
  await new Promise(setImmediate);
  assert.equal(await Promise.race([promise, Promise.resolve(pending)]), pending);
}

/** A server whose user may not subscribe to this. */
async function without(t, subject) {
  const denied = `permissions: {subscribe: {deny: "${subject}"}}`;
  const extra = `authorization {users: [{user: u, password: p, ${denied}}]}`;
  const own = await server(t, "plain", { extra });
  return dial(t, own, { user: "u", pass: "p" });
}

behaviour("service-20", "a stop", async (t) => {
  const held = holding();
  const { own, nc, service } = await serving(t, (error, msg) => {
    return msg.string() === "0" ? held.handler(error, msg) : echo(error, msg);
  });
  const asker = await dial(t, own);
  const answers = new Reader(asker.subscribe("answers"));
  await asker.flush();
  for (let n = 0; n < 100; n++) ask(asker, String(n));
  await asker.flush();
  await held.come();
  const stop = service.stop(undefined, PATIENT);
  const soon = await answers.texts(99);
  assert.equal(service.isStopped, false);
  await open(stop);
  held.open();
  assert.equal(await within(stop, "the stop"), null);
  const all = [...soon, await answers.text()].map(Number).sort((a, b) => a - b);
  assert.deepEqual(all, Array.from({ length: 100 }, (_, n) => n));
  await nobody(asker, "e", "$SRV.PING", "$SRV.INFO.s", "$SRV.STATS.s");
  assert.equal((await service.stats()).endpoints[0].num_requests, 100);
  assert.equal(nc.isClosed(), false);
});

behaviour("service-21", "a stop whose requests are not answered", async (t) => {
  const held = holding();
  const { nc, service } = await serving(t, held.handler);
  ask(nc, "one");
  ask(nc, "two");
  await held.come();
  await fails("TIMEOUT", service.stop(undefined, { timeout: SHORT }), "2 requests");
  assert.equal(await within(service.stopped, "the end"), null);
  assert.equal(service.isStopped, true);
  held.open();
});

behaviour("service-22", "several stops", async (t) => {
  const held = holding();
  const { nc, service } = await serving(t, held.handler);
  ask(nc, "held");
  await held.come();
  const stop = service.stop(undefined, PATIENT);
  const again = service.stop(new Error("too late"), { timeout: 1 });
  await nc.flush();
  assert.equal(service.isStopped, false);
  await open(stop);
  await open(again);
  await fails("SUBSCRIPTION_CLOSED", async () => service.addEndpoint("late", echo));
  held.open();
  assert.deepEqual(await within(Promise.all([stop, again]), "the stops"), [null, null]);
  assert.equal(await within(service.stop(), "one more"), null);
  await fails("SUBSCRIPTION_CLOSED", async () => service.addEndpoint("late", echo));
});

behaviour("service-23", "the end is told to all who wait", async (t) => {
  const { service } = await serving(t);
  assert.equal(service.isStopped, false);
  await open(service.stopped);
  await service.stop();
  assert.deepEqual(await within(Promise.all([service.stopped, service.stopped]), "it"), [null, null]);
  assert.equal(service.isStopped, true);
  const { service: other } = await serving(t);
  await other[Symbol.asyncDispose]();
  assert.equal(other.isStopped, true);
});

behaviour("service-24", "a stop with a reason", async (t) => {
  const { service } = await serving(t);
  const reason = new Error("the disk is gone");
  assert.equal(await within(service.stop(reason), "the stop"), reason);
  assert.equal(await service.stopped, reason);
  assert.equal(await within(service.stop(), "one more"), reason);
  await assert.rejects(service.stop("no error"), TypeError);
});

behaviour("service-25", "pending limits", async (t) => {
  const { nc, svcm } = await begin(t);
  const watch = new Watch(nc);
  const service = await svcm.add({ name: "s", version: "1.0.0" });
  const endpoint = service.addEndpoint("e", { pendingMessages: 2 });
  await publishNumbers(nc, "e", 0, 4);
  const { sub } = await watch.until("slowConsumer");
  assert.equal(sub.getSubject(), "e");
  await nc.flush();
  assert.deepEqual([sub.getPending(), sub.getDropped(), endpoint.getPending()], [2, 3, 2]);
  assert.equal(service.isStopped, false);
});

behaviour("service-26", "limits that are an error", async (t) => {
  const { nc, svcm } = await begin(t);
  const service = await svcm.add({ name: "s", version: "1.0.0" });
  const strict = service.addEndpoint("strict", { pendingMessages: 2, overflow: "error" });
  await publishNumbers(nc, "strict", 0, 2);
  await fails("SLOW_CONSUMER", async () => {
    for await (const msg of strict) msg.respond();
  });
  const error = await within(service.stopped, "the end");
  assert.equal(error.codeName, "SLOW_CONSUMER");
  assert.ok(error.message.startsWith("endpoint strict: "), error.message);
});

behaviour("service-27", "an endpoint that its program ends", async (t) => {
  const { nc, service, endpoint } = await serving(t);
  service.addEndpoint("other", echo);
  endpoint.stop();
  await until("its end", async () => {
    await new Promise(setImmediate);
    return service.info().endpoints.length === 1;
  });
  await nc.flush();
  await nobody(nc, "e");
  assert.equal((await nc.request("other", "goes on")).string(), "goes on");
  assert.equal(service.isStopped, false);
});

behaviour("service-28", "a handler that never answers", async (t) => {
  const { nc, service } = await serving(t, () => new Promise(() => {}));
  service.addEndpoint("other", echo);
  await fails("TIMEOUT", nc.request("e", "", { timeout: SHORT }));
  assert.equal((await nc.request("other", "goes on")).string(), "goes on");
  assert.equal((await asked(nc, "$SRV.STATS.s")).endpoints[0].num_requests, 0);
});

behaviour("service-29", "a restart of the server", async (t) => {
  const { own, nc, service } = await serving(t, echo, EAGER);
  const watch = new Watch(nc);
  await nc.request("e", "before");
  await own.tell("restart");
  await watch.until("reconnect");
  const asker = await dial(t, own);
  assert.equal((await asker.request("e", "after")).string(), "after");
  await counted(service, 2);
  const { id } = service.ping();
  const answers = await new Svcm(asker).client().stats("s", id);
  for await (const stats of answers) assert.equal(stats.endpoints[0].num_requests, 2);
  assert.equal(answers.getProcessed(), 1);
});

behaviour("service-30", "a stop without a server", async (t) => {
  const held = holding();
  const { own, nc, service } = await serving(t, held.handler, EAGER);
  const watch = new Watch(nc);
  ask(nc, "held");
  await held.come();
  await own.tell("kill");
  await watch.until("disconnect");
  const stop = service.stop(undefined, { timeout: 3_600_000 });
  await open(stop);
  held.open();
  assert.equal(await within(stop, "the stop"), null);
  await own.tell("restart");
  await watch.until("reconnect");
  await nc.flush();
  await nobody(nc, "e", "$SRV.PING");
});

behaviour("service-31", "an endpoint that may not be subscribed to", async (t) => {
  const nc = await without(t, "denied");
  const service = await new Svcm(nc).add({ name: "s", version: "1.0.0" });
  service.addEndpoint("e", echo);
  service.addEndpoint("denied", echo);
  const error = await within(service.stopped, "the end");
  assert.equal(error.codeName, "PERMISSION");
  assert.ok(error.message.startsWith("endpoint denied: "), error.message);
  assert.equal(nc.isClosed(), false);
  assert.equal(await within(service.stop(), "the stop"), error);
});

behaviour("service-32", "a service that cannot be found", async (t) => {
  for (const statsHandler of [undefined, () => null]) {
    const nc = await without(t, "$SRV.STATS.s");
    const service = await new Svcm(nc).add({ name: "s", version: "1.0.0", statsHandler });
    assert.equal((await within(service.stopped, "the end")).codeName, "PERMISSION");
  }
});

behaviour("service-33", "a closed connection", async (t) => {
  const { own, nc, svcm, service } = await serving(t);
  await nc.close();
  const error = await within(service.stopped, "the end");
  assert.equal(error.codeName, "CONNECTION_CLOSED");
  assert.equal(await within(service.stop(), "the stop"), error);
  await fails("CONNECTION_CLOSED", svcm.add({ name: "s", version: "1.0.0" }));

  const held = holding();
  const other = await dial(t, own);
  const second = await new Svcm(other).add({ name: "s", version: "1.0.0" });
  second.addEndpoint("e", held.handler);
  ask(other, "held");
  await held.come();
  const stop = second.stop(undefined, { timeout: 3_600_000 });
  await other.close();
  await fails("CONNECTION_CLOSED", stop);
});

check("a connection that drains waits for answers, and for nothing behind them", async (t) => {
  for (const loops of [false, true]) {
    const held = holding();
    const { own, nc, svcm } = await begin(t);
    const service = await svcm.add({ name: "s", version: "1.0.0" });
    const endpoint = service.addEndpoint("e", loops ? {} : held.handler);
    const reading = async () => {
      for await (const msg of endpoint) await held.handler(null, msg);
    };
    const read = loops ? reading() : undefined;
    let drained;
    service.addEndpoint("leave", async (_, msg) => {
      msg.respond("bye");
      drained = nc.drain();
      await drained;
    });
    await nc.flush();
    const asker = await dial(t, own);
    const answer = asker.request("e", "late", PATIENT);
    await held.come();
    assert.equal((await asker.request("leave")).string(), "bye");
    await open(drained);
    held.open();
    assert.equal((await within(answer, "the answer")).string(), "late");
    await within(drained, "the drain");
    await read;
  }
});

behaviour("service-34", "a connection that drains", async (t) => {
  const { own, nc, svcm, service } = await serving(t);
  const asker = await dial(t, own);
  const answers = new Reader(asker.subscribe("answers"));
  const pings = new Reader(asker.subscribe("pings"));
  await asker.flush();
  for (let n = 0; n < 100; n++) {
    ask(asker, String(n));
    asker.publish("$SRV.PING", "", { reply: "pings" });
  }
  await asker.flush();
  const drain = nc.drain();
  await fails("CONNECTION_DRAINING", svcm.add({ name: "s", version: "1.0.0" }));
  await fails("CONNECTION_DRAINING", async () => service.addEndpoint("x", echo));
  await within(drain, "the drain");
  assert.deepEqual(await answers.texts(100), Array.from({ length: 100 }, (_, n) => String(n)));
  for (const text of await pings.texts(100)) assert.ok(text.includes("\"s\""));
  assert.equal((await within(service.stopped, "the end")).codeName, "CONNECTION_CLOSED");
});
