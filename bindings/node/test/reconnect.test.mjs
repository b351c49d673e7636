// Losing servers and finding them again.

import assert from "node:assert/strict";

import { proxy, server } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, numbers, Reader, Watch } from "./helpers.mjs";

async function lose(own, watch, times) {
  await own.tell("kill");
  await watch.until("disconnect", times);
}

async function regain(own, watch, times) {
  await own.tell("restart");
  await watch.until("reconnect", times);
}

behaviour("reconnect-01", "after kill and restart", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.rec.1"));
  const members = [1, 2].map(() => nc.subscribe("n.rec.1", { queue: "q" }));
  for (let round = 1; round <= 5; round++) {
    await lose(own, watch, round);
    await regain(own, watch, round);
    nc.publish("n.rec.1", "x");
    assert.equal(await reader.text(), "x");
    await nc.flush();
    assert.equal(members[0].getPending() + members[1].getPending(), round);
  }
  assert.equal(nc.stats().reconnects, 5);
});

behaviour("reconnect-02", "what is published while disconnected arrives afterwards", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  const sub = nc.subscribe("n.rec.2");
  await nc.flush();
  await lose(own, watch, 1);
  for (const text of numbers(0, 999)) nc.publish("n.rec.2", text);
  await regain(own, watch, 1);
  assert.deepEqual(await new Reader(sub).texts(1000), numbers(0, 999));
  await nc.flush();
  assert.equal(sub.getPending(), 0);
});

/** Publishes blocks of 1,000 bytes until that fails; how many were accepted, and the last wait. */
async function fillUntilFull(t, options) {
  const own = await server(t);
  const nc = await dial(t, own, { outboundBytes: 10_000, ...EAGER, ...options });
  const watch = new Watch(nc);
  await lose(own, watch, 1);
  const block = new Uint8Array(1000);
  let accepted = 0;
  let start;
  await fails("OUTBOUND_FULL", () => {
    for (; accepted <= 100; accepted++) {
      start = Date.now();
      nc.publish("n.rec.3", block);
    }
  });
  assert.ok(accepted >= 5 && accepted <= 10, `${accepted}`);
  return Date.now() - start;
}

async function dropOldest(t) {
  const own = await server(t);
  const options = { outboundBytes: 10_000, outboundPolicy: "drop_oldest", ...EAGER };
  const nc = await dial(t, own, options);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.rec.3"));
  await nc.flush();
  await lose(own, watch, 1);
  for (let i = 0; i < 50; i++) nc.publish("n.rec.3", String(i).padEnd(1000));
  const { droppedOut } = nc.stats();
  assert.ok(droppedOut >= 40 && droppedOut < 50, `${droppedOut}`);
  await regain(own, watch, 1);
  const kept = (await reader.texts(50 - droppedOut)).map((text) => text.trim());
  assert.deepEqual(kept, numbers(droppedOut, 49));
}

behaviour("reconnect-03", "the outbound buffer is bounded: error", async (t) => {
  assert.ok((await fillUntilFull(t, { outboundPolicy: "error" })) < 200);
  const waited = await fillUntilFull(t, { publishTimeout: 100 });
  assert.ok(waited >= 98 && waited < 5000, `${waited}`);
  // Without the option the event loop is held for a quarter of a second at most.
  const byDefault = await fillUntilFull(t, {});
  assert.ok(byDefault >= 248 && byDefault < 3000, `${byDefault}`);
  await dropOldest(t);
});

behaviour("reconnect-04", "a cluster: another server takes over", async (t) => {
  const cluster = await server(t, "cluster");
  await cluster.tell("wait_ready");
  const nc = await dial(t, cluster, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.rec.4"));
  await nc.flush();
  const gossiped = nc.getServers().filter((one) => one.gossiped);
  assert.equal(gossiped.length, 2);
  await cluster.tell("kill", { node: 0 });
  const told = await watch.until("reconnect");
  assert.ok(!told.server.includes(cluster.address), told.server);
  assert.equal(told.server, nc.getServer());
  nc.publish("n.rec.4", "x");
  assert.equal(await reader.text(), "x");
});

behaviour("reconnect-05", "max_reconnects reached, or reconnect off: closed", async (t) => {
  const endings = [
    [{ maxReconnects: 3, reconnectDelayMax: 10 }, 3],
    [{ maxReconnectAttempts: 3, reconnectTimeWait: 10 }, 3],
    [{ reconnect: false }, 0],
  ];
  for (const [options, attempts] of endings) {
    const own = await server(t);
    const nc = await dial(t, own, options);
    const watch = new Watch(nc);
    const reader = new Reader(nc.subscribe("n.rec.5"));
    await lose(own, watch, 1);
    await watch.until("close");
    await watch.end();
    assert.equal(watch.count("reconnecting"), attempts);
    assert.equal(nc.isClosed(), true);
    assert.ok((await nc.closed()) instanceof Error, "closed() says why");
    await fails("CONNECTION_CLOSED", () => nc.publish("a", "x"));
    await reader.end();
  }
});

/** Reads numbers up to `last`; some may be missing, none may be torn or come again. */
async function readUntil(reader, seen, last) {
  while (seen < last) {
    const text = await reader.text();
    const [, number, again] = text.match(/^<(\d+)\|(\d+)>$/) ?? assert.fail(`torn: ${text}`);
    assert.equal(number, again);
    assert.ok(Number(number) > seen && Number(number) <= last, `${number} behind ${seen}`);
    seen = Number(number);
  }
  return seen;
}

async function cutEverywhere(t, direction) {
  const own = await server(t);
  const gate = await proxy(t, own);
  const direct = await dial(t, own);
  const nc = await dial(t, gate, EAGER);
  const watch = new Watch(nc);
  const far = new Reader(direct.subscribe("n.rec.6"));
  const near = new Reader(nc.subscribe("n.rec.6"));
  await Promise.all([direct.flush(), nc.flush()]);
  let number = 0;
  let farSeen = 0;
  let nearSeen = 0;
  const publish = () => nc.publish("n.rec.6", `<${++number}|${number}>`);
  for (let at = 1; at <= 60; at++) {
    await gate.tell("cut_after", { direction, count: at, cut: at % 2 ? "rst" : "fin" });
    for (let i = 0; i < 4; i++) publish();
    await watch.until("reconnect", at);
    publish();
    farSeen = await readUntil(far, farSeen, number);
    nearSeen = await readUntil(near, nearSeen, number);
  }
}

behaviour("reconnect-06", "cut at any byte: nothing is torn, nothing comes twice", async (t) => {
  await cutEverywhere(t, "to_server");
  await cutEverywhere(t, "to_client");
});

behaviour("reconnect-07", "a server that stops answering pings is left as stale", async (t) => {
  const gate = await proxy(t, await server(t));
  const options = { pingInterval: 50, maxPingOut: 2, connectTimeout: 500, ...EAGER };
  const nc = await dial(t, gate, options);
  const watch = new Watch(nc);
  await gate.tell("stall", { direction: "to_client" });
  await watch.until("staleConnection");
  const told = await watch.until("disconnect");
  assert.equal(told.error.codeName, "STALE_CONNECTION");
  await gate.tell("resume");
  await watch.until("reconnect");
  await nc.flush();
});

behaviour("reconnect-08", "publishing to a stopped server returns by its deadline", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, { outboundBytes: 2 ** 20, publishTimeout: 200 });
  const block = new Uint8Array(65536);
  await own.tell("pause");
  const before = process.memoryUsage().rss;
  let start;
  await fails("OUTBOUND_FULL", () => {
    for (let i = 0; i < 2000; i++) {
      start = Date.now();
      nc.publish("n.rec.8", block);
    }
  });
  const took = Date.now() - start;
  assert.ok(took >= 198 && took < 10_000, `${took}`);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 32 * 2 ** 20, `${grown}`);
  await own.tell("resume");
  await nc.flush();
});

behaviour("reconnect-09", "close while reconnecting, or on a stopped server", async (t) => {
  const own = await server(t);
  const slow = { maxReconnects: -1, reconnectDelayMin: 60_000, reconnectDelayMax: 60_000 };
  const nc = await dial(t, own, slow);
  await lose(own, new Watch(nc), 1);
  const start = Date.now();
  await nc.close();
  await own.tell("restart");
  const other = await dial(t, own);
  await own.tell("pause");
  await fails("TIMEOUT", () => other.flush({ timeout: 50 }));
  await other.close();
  assert.ok(Date.now() - start < 20_000);
  await own.tell("resume");
});

behaviour("reconnect-10", "a forced reconnect keeps the subscriptions", async (t) => {
  const nc = await dial(t, undefined, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.rec.10"));
  await nc.flush();
  await nc.reconnect();
  await watch.until("reconnect");
  assert.equal(watch.count("forceReconnect"), 1);
  nc.publish("n.rec.10", "x");
  assert.equal(await reader.text(), "x");
  await nc.close();
  await fails("CONNECTION_CLOSED", () => nc.reconnect());
});

behaviour("reconnect-11", "flush waits for the reconnect", async (t) => {
  const gate = await proxy(t, await server(t));
  const nc = await dial(t, gate, EAGER);
  const watch = new Watch(nc);
  await gate.tell("refuse");
  await gate.tell("cut_now");
  await watch.until("disconnect");
  await fails("TIMEOUT", () => nc.flush({ timeout: 50 }));
  const patient = nc.flush({ timeout: 60_000 });
  await gate.tell("accept");
  await patient;

  const { bytes_to_server: bytes } = await gate.tell("stats");
  await gate.tell("stall", { direction: "to_client" });
  const interrupted = fails("CONNECTION_LOST", nc.flush({ timeout: 60_000 }));
  await gate.tell("wait_bytes", { direction: "to_server", count: bytes + 6 });
  await gate.tell("cut_now");
  await interrupted;
  await gate.tell("resume");
  await nc.flush();
});

behaviour("reconnect-12", "a function decides the wait between rounds", async (t) => {
  const own = await server(t);
  const asked = [];
  // The usual back-off would take a hundred minutes.
  const nc = await dial(t, own, {
    maxReconnects: 100,
    reconnectDelayMin: 60_000,
    reconnectDelayMax: 60_000,
    reconnectDelayHandler(attempts) {
      asked.push(attempts);
      if (attempts === 2) {
        throw new RangeError("on purpose");
      }
      return attempts === 1 ? undefined : 1;
    },
  });
  const watch = new Watch(nc);
  await own.tell("kill");
  assert.equal((await nc.closed()).codeName, "NO_SERVERS");
  assert.deepEqual(asked, Array.from({ length: 99 }, (_, i) => i + 1));
  assert.ok(watch.all("error").some(({ error }) => error instanceof RangeError));
  await assert.rejects(dial(t, own, { reconnectDelayHandler: 5 }), /reconnectDelayHandler/);
});

check("server killed and restarted under load: what arrives is whole and in order", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  let last = -1;
  let torn = 0;
  nc.subscribe("n.rec.load", {
    callback: (_, msg) => {
      const number = Number(msg.string());
      if (!(number > last)) torn += 1;
      last = number;
    },
  });
  let number = 0;
  let requests = 0;
  const load = setInterval(() => {
    for (let i = 0; i < 200; i++) nc.publish("n.rec.load", String(number++));
    requests += 1;
    nc.request("n.rec.nobody", "", { timeout: 20_000 }).catch(() => (requests -= 1));
  }, 1);
  t.after(() => clearInterval(load));
  for (let round = 1; round <= 5; round++) {
    const before = number;
    await lose(own, watch, round);
    await regain(own, watch, round);
    while (number < before + 2000) await nc.flush();
  }
  clearInterval(load);
  await nc.flush();
  nc.publish("n.rec.load", String(number));
  while (last < number) await nc.flush();
  assert.equal(torn, 0);
  while (requests > 0) await nc.flush();
});
