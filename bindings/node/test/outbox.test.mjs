// What is published and requested in one turn of the event loop crosses together; nothing of that
// shows but its speed.

import assert from "node:assert/strict";

import { headers } from "nats-ffi";

import { fake, plain, server } from "./harness.mjs";
import { check, Counter, dial, EAGER, echo, numbers, Reader, run, Watch } from "./helpers.mjs";

check("one turn: publishes, requests and answers keep their order", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  const reader = new Reader(other.subscribe("n.out.order"));
  await other.flush();
  const h = headers();
  h.append("A", "b");
  const signal = new AbortController().signal;
  const send = [
    (text) => nc.publish("n.out.order", text),
    (text) => nc.publish("n.out.order", text, { reply: "n.out.back" }),
    (text) => nc.publish("n.out.order", text, { headers: h }),
    (text) => nc.publish("n.out.order", Buffer.from(text)),
    (text) => void nc.request("n.out.order", text, { timeout: 60_000 }).catch(() => {}),
    (text) => void nc.request("n.out.order", text, { timeout: 6e4, signal }).catch(() => {}),
    (text) => void nc.request("n.out.order", text, { timeout: 0.5 }).catch(() => {}),
    (text) => void nc.request("n.out.order", text, { noMux: true }).catch(() => {}),
  ];
  const texts = numbers(1, 800);
  for (const text of texts) send[(text * 7 + (text >> 3)) % send.length](text);
  assert.deepEqual(await reader.texts(800), texts);
});

check("one turn: a subscription begins where it is made, counters count all", async (t) => {
  const nc = await dial(t);
  const before = nc.stats();
  for (let i = 0; i < 10; i++) nc.publish("n.out.sub", "early");
  const sub = nc.subscribe("n.out.sub");
  for (let i = 0; i < 10; i++) nc.publish("n.out.sub", "after");
  const after = nc.stats();
  assert.equal(after.outMsgs - before.outMsgs, 20);
  assert.equal(after.outBytes - before.outBytes, 100);
  await nc.flush();
  assert.equal(sub.getReceived(), 10);
});

check("one turn: every payload arrives as it was", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.out.bytes", { pendingMessages: 0 }));
  const payloads = [];
  for (const text of ["x", "\u007f", "é", "日本", "🙂", "\ud800", "a\udc00b"]) {
    for (let length = 0; length < 60; length++) payloads.push(text.repeat(length));
    for (const length of [1365, 1366, 2048, 4095, 4096, 4097, 20_000]) {
      payloads.push(text.repeat(length), `${"y".repeat(length)}${text}`);
    }
  }
  payloads.push(...payloads.map((text) => Buffer.from(text)));
  for (const payload of payloads) nc.publish("n.out.bytes", payload);
  for (const payload of payloads) {
    const { data } = await reader.next();
    assert.ok(Buffer.from(payload).equals(data), `${payload.length} of ${payload.slice(0, 9)}`);
  }
});

check("one turn: many subjects, and more headers than are remembered", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.out.many.>", { pendingMessages: 0 }));
  const all = Array.from({ length: 100 }, (_, i) => {
    const h = headers();
    h.append("Number", `${i}`);
    return h;
  });
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 1500; i++) {
      nc.publish(`n.out.many.${i}`, `${i}`, { headers: all[i % 100] });
      nc.publish("n.out.many.same", `${i}`);
    }
  }
  for (let i = 0; i < 12_000; i++) {
    const [msg, same] = [await reader.next(), await reader.next()];
    assert.equal(msg.subject, `n.out.many.${i % 1500}`);
    assert.equal(msg.string(), `${i % 1500}`);
    assert.equal(msg.headers.get("Number"), `${i % 100}`);
    assert.equal(same.subject, "n.out.many.same");
    assert.equal(same.string(), `${i % 1500}`);
  }
});

check("one turn: headers that change between two publishes", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.out.headers"));
  const h = headers();
  const publish = () => nc.publish("n.out.headers", "", { headers: h });
  publish();
  const changes = [
    () => h.append("A", "1"),
    () => {},
    () => h.append("A", "2"),
    () => h.set("A", "3"),
    () => h.append("B", "4"),
    () => h.delete("A"),
  ];
  for (const change of changes) {
    change();
    publish();
  }
  const seen = [];
  for (let i = 0; i <= changes.length; i++) seen.push([...((await reader.next()).headers ?? [])]);
  const expected = [
    [],
    [["A", ["1"]]],
    [["A", ["1"]]],
    [["A", ["1", "2"]]],
    [["A", ["3"]]],
    [["A", ["3"]], ["B", ["4"]]],
    [["B", ["4"]]],
  ];
  assert.deepEqual(seen, expected);
});

check("one turn: what is refused throws at once, the rest arrives", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.out.good"));
  const most = nc.info.max_payload;
  for (let i = 0; i < 10; i++) {
    nc.publish("n.out.good", `${i}`);
    await Promise.resolve(); // a microtask is no turn
    const wrong = [
      ["INVALID_SUBJECT", () => nc.publish("n.out bad")],
      ["MAX_PAYLOAD", () => nc.publish("n.out.good", new Uint8Array(most + 1))],
    ];
    for (const [name, call] of wrong) assert.throws(call, { codeName: name });
  }
  assert.deepEqual(await reader.texts(10), numbers(0, 9));
});

check("one turn: subjects of all kinds", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.out.kinds.>", { pendingMessages: 0 }));
  const ends = ["a", "A-z_0.$9", "é.日本", "a/b=c:d", "x".repeat(511), "x".repeat(3000), "🙂"];
  const subjects = ends.map((end) => `n.out.kinds.${end}`);
  for (let i = 0; i < 5; i++) {
    for (const subject of subjects) {
      nc.publish(subject, subject);
      for (const wrong of [" ", ".", "..x", ".x.", "\n", "*", ">", "x\r\nPING"]) {
        const invalid = { codeName: "INVALID_SUBJECT" };
        assert.throws(() => nc.publish(subject + wrong), invalid);
        assert.throws(() => nc.publish(`${wrong}.${subject}`), invalid);
      }
    }
  }
  for (let i = 0; i < 5; i++) {
    for (const subject of subjects) {
      const msg = await reader.next();
      assert.deepEqual([msg.subject, msg.string()], [subject, subject]);
    }
  }
});

check("one turn: a server's own limits hold for records too", async (t) => {
  const own = await fake(t, [{ handshake: { headers: false, max_payload: 100 } }, "serve"]);
  const nc = await dial(t, own);
  for (let i = 0; i < 3; i++) {
    nc.publish("a", new Uint8Array(100));
    assert.throws(() => nc.publish("a", new Uint8Array(101)), { codeName: "MAX_PAYLOAD" });
    const h = headers();
    h.append("A", "b");
    const publish = () => nc.publish("a", "", { headers: h });
    assert.throws(publish, { codeName: "HEADERS_UNSUPPORTED" });
  }
  assert.equal(nc.stats().outMsgs, 3);
});

check("one turn: what closes comes behind what was published", async (t) => {
  const other = await dial(t);
  const reader = new Reader(other.subscribe("n.out.close"));
  await other.flush();
  for (const end of ["close", "drain"]) {
    const nc = await dial(t);
    for (let i = 0; i < 100; i++) nc.publish("n.out.close", `${i}`);
    const ended = nc[end]();
    if (end === "close") {
      assert.throws(() => nc.publish("n.out.close", "late"), { codeName: "CONNECTION_CLOSED" });
    }
    await ended;
    assert.throws(() => nc.publish("n.out.close", "late"), { codeName: "CONNECTION_CLOSED" });
    assert.deepEqual(await reader.texts(100), numbers(0, 99));
  }
});

check("the outbound bound holds for small messages; what was accepted arrives", async (t) => {
  const own = await server(t);
  for (const outboundPolicy of ["error", "wait"]) {
    const bound = { outboundBytes: 10_000, outboundPolicy, publishTimeout: 50 };
    const nc = await dial(t, own, { ...EAGER, ...bound });
    const watch = new Watch(nc);
    const reader = new Reader(nc.subscribe("n.out.full", { pendingMessages: 0 }));
    await nc.flush();
    await own.tell("kill");
    await watch.until("disconnect");
    let accepted = 0;
    assert.throws(
      () => {
        for (; accepted < 1000; accepted++) nc.publish("n.out.full", `${accepted}`);
      },
      { codeName: "OUTBOUND_FULL" },
    );
    assert.ok(accepted > 200, `${accepted}`);
    const { outMsgs, outboundPending, droppedOut } = nc.stats();
    assert.deepEqual([outMsgs, droppedOut], [accepted, 0]);
    assert.ok(outboundPending > 9000 && outboundPending <= 10_000, `${outboundPending}`);
    await own.tell("restart");
    assert.deepEqual(await reader.texts(accepted), numbers(0, accepted - 1));
    await nc.close();
  }
});

check("64 requests in one turn: replies, nobody there, time over", async (t) => {
  const nc = await dial(t);
  echo(nc, "n.out.echo");
  nc.subscribe("n.out.silent");
  await nc.flush();
  const ask = (i) => {
    if (i % 4 === 1) return nc.request("n.out.nobody", `${i}`);
    if (i % 4 === 2) return nc.request("n.out.silent", `${i}`, { timeout: 100 });
    return nc.request("n.out.echo", `${i}`);
  };
  const results = await Promise.allSettled(Array.from({ length: 64 }, (_, i) => ask(i)));
  for (const [i, { value, reason }] of results.entries()) {
    if (i % 4 === 1) {
      assert.ok(reason.isNoResponders(), `${reason}`);
      assert.equal(reason.cause.subject, "n.out.nobody");
    } else if (i % 4 === 2) {
      assert.equal(reason.codeName, "TIMEOUT");
    } else {
      assert.equal(value.string(), `${i}`);
      assert.equal(value.respond(), false);
    }
  }
});

check("large messages that wait are all delivered", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  for (const style of ["callback", "iterator"]) {
    const got = new Counter();
    const callback = style === "callback" ? () => got.add() : undefined;
    const sub = nc.subscribe("n.out.large", { pendingMessages: 0, pendingBytes: 0, callback });
    const reading = callback ?? (async () => {
      for await (const _ of sub) got.add();
    })();
    await nc.flush();
    const payload = new Uint8Array(65536);
    for (let i = 0; i < 1000; i++) {
      other.publish("n.out.large", payload);
      if (i % 100 === 99) await other.flush();
    }
    await got.until(1000);
    sub.unsubscribe();
    await (callback ?? reading);
  }
});

check("what a program publishes in its last turn arrives", async (t) => {
  const nc = await dial(t);
  for (const ending of ["exit", "hook", "throwing", "worker"]) {
    const reader = new Reader(nc.subscribe("p.last"));
    await nc.flush();
    await run("last.mjs", [ending], { env: { NATS_URL: await plain() } });
    assert.deepEqual(await reader.texts(100), numbers(0, 99), ending);
  }
});
