// Statuses, statistics, errors of a connection.

import assert from "node:assert/strict";

import { server } from "./harness.mjs";
import { behaviour, dial, EAGER, LIMITED, Reader, Watch, within } from "./helpers.mjs";

behaviour("events-01", "disconnected with its reason, reconnecting, reconnected", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  await own.tell("kill");
  await own.tell("restart");
  const back = await watch.until("reconnect");
  assert.ok(back.server.endsWith(own.address), back.server);
  const [lost] = watch.all("disconnect");
  assert.ok(lost.server.endsWith(own.address), lost.server);
  assert.ok(lost.error instanceof Error);
  await nc.close();
  await watch.end();
  // Attempts that fail while the server starts are told as errors.
  const order = watch.seen.map((status) => status.type).filter((type) => type !== "error");
  const once = order.filter((type, i) => type !== order[i - 1]);
  assert.deepEqual(once, ["disconnect", "reconnecting", "reconnect", "close"]);
});

behaviour("events-02", "a denied publish is an error status with the subject", async (t) => {
  const nc = await dial(t, await server(t, "users"), LIMITED);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("public.1"));
  nc.publish("private.1", "x");
  const { error } = await watch.until("error");
  assert.equal(error.codeName, "PERMISSION");
  assert.equal(error.constructor.name, "PermissionViolationError");
  assert.match(error.message, /private\.1/);
  nc.publish("public.1", "still works");
  assert.equal(await reader.text(), "still works");
  assert.equal(watch.count("disconnect"), 0);
});

behaviour("events-03", "a denied subscription ends with PERMISSION; others stay", async (t) => {
  const nc = await dial(t, await server(t, "users"), LIMITED);
  const watch = new Watch(nc);
  const allowed = new Reader(nc.subscribe("public.1"));
  const denied = nc.subscribe("private.1");
  await new Reader(denied).fails("PERMISSION", "private.1");
  assert.equal((await within(denied.closed, "closed")).codeName, "PERMISSION");
  const member = nc.subscribe("private.1", { queue: "q" });
  await new Reader(member).fails("PERMISSION", "private.1");
  const told = await within(
    new Promise((resolve) => {
      nc.subscribe("private.2", { callback: (error) => error && resolve(error) });
    }),
    "the callback's error",
  );
  assert.equal(told.codeName, "PERMISSION");
  await watch.until("error", 3);
  nc.publish("public.1", "still works");
  assert.equal(await allowed.text(), "still works");
});

behaviour("events-04", "lame duck mode and discovered servers are told", async (t) => {
  const cluster = await server(t, "cluster");
  await cluster.tell("wait_ready");
  const nc = await dial(t, cluster, EAGER);
  const watch = new Watch(nc);
  await nc.flush();
  assert.equal(nc.getServers().length, 3);
  await cluster.tell("lame_duck");
  const told = await watch.until("ldm");
  assert.ok(told.server.endsWith(cluster.address), told.server);
});

behaviour("events-05", "statistics count messages, bytes, reconnects and drops", async (t) => {
  const nc = await dial(t, undefined, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.events.5", { pendingMessages: 3 }));
  for (let i = 0; i < 5; i++) nc.publish("n.events.5", "12345");
  await nc.flush();
  await reader.texts(3);
  const stats = nc.stats();
  assert.equal(stats.outMsgs, 5);
  assert.equal(stats.inMsgs, 5);
  assert.ok(stats.outBytes >= 25 && stats.outBytes < 500, `${stats.outBytes}`);
  assert.ok(stats.inBytes >= 25 && stats.inBytes < 500, `${stats.inBytes}`);
  assert.equal(stats.droppedIn, 2);
  assert.equal(stats.reconnects, 0);
  assert.equal(stats.outboundPending, 0);
  await nc.reconnect();
  await watch.until("reconnect");
  assert.equal(nc.stats().reconnects, 1);
});

behaviour("events-06", "the last error is readable and holds no secret", async (t) => {
  const own = await server(t, "auth");
  const nc = await dial(t, `nats://alice:secret@${own.address}`, EAGER);
  const watch = new Watch(nc);
  assert.equal(nc.lastError(), undefined);
  await own.tell("kill");
  await watch.until("disconnect");
  const error = nc.lastError();
  assert.ok(error instanceof Error && error.code > 0 && error.message.length > 0);
  assert.doesNotMatch(`${error.stack} ${JSON.stringify(watch.seen)}`, /secret/);
  assert.doesNotMatch(JSON.stringify([nc.getServer(), nc.getServers(), nc.info]), /secret/);
});
