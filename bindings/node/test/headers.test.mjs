// Headers (ADR-4): building, sending, reading.

import assert from "node:assert/strict";

import { canonicalMIMEHeaderKey, headers, Match } from "nats-ffi";

import { fake } from "./harness.mjs";
import { behaviour, check, dial, fails, Reader } from "./helpers.mjs";

/** Headers made of [name, value] lines. */
function made(lines) {
  const h = headers();
  for (const [name, value] of lines) h.append(name, value);
  return h;
}

/** Sends the headers and gives the message as it arrives. */
async function roundTrip(nc, h, payload = "x") {
  const sub = nc.subscribe("n.headers");
  nc.publish("n.headers", payload, { headers: h });
  const msg = await new Reader(sub).next();
  sub.unsubscribe();
  assert.equal(msg.string(), payload);
  return msg;
}

behaviour("headers-01", "order, case and several values of a name survive", async (t) => {
  const nc = await dial(t);
  const lines = [["One", "1"], ["tWo", "2"], ["One", "3"], ["ONE", "4"]];
  const { headers: got } = await roundTrip(nc, made(lines));
  assert.deepEqual([...got], [["One", ["1", "3"]], ["tWo", ["2"]], ["ONE", ["4"]]]);
  assert.deepEqual(got.keys(), ["One", "tWo", "ONE"]);
  assert.deepEqual(got.values("One"), ["1", "3"]);
  assert.equal(got.last("One"), "3");
  assert.equal(got.code, 0);
  assert.equal(got.hasError, false);
});

behaviour("headers-02", "get is case-sensitive, and there is one that is not", async (t) => {
  const nc = await dial(t);
  const h = made([["Key", "first"], ["KEY", "second"]]);
  const { headers: got } = await roundTrip(nc, h);
  for (const one of [h, got]) {
    assert.equal(one.get("KEY"), "second");
    assert.equal(one.get("key"), "");
    assert.equal(one.has("key"), false);
    assert.equal(one.get("key", Match.IgnoreCase), "first");
    assert.equal(one.has("key", Match.IgnoreCase), true);
    assert.deepEqual(one.values("key", Match.IgnoreCase), ["first", "second"]);
    assert.equal(one.get("key", Match.CanonicalMIME), "first");
  }
  assert.equal(canonicalMIMEHeaderKey("nats-msg-id"), "Nats-Msg-Id");
});

behaviour("headers-03", "values with spaces at their ends", async (t) => {
  const values = [
    "", " ", " leading", "trailing ", "  both  ", "12:30:00", ":", "two  words", "grüß", "a\tb",
  ];
  const nc = await dial(t);
  const { headers: got } = await roundTrip(nc, made(values.map((value) => ["V", value])));
  assert.deepEqual(got.values("V"), values);
});

behaviour("headers-04", "names and values that would break the protocol are refused", async () => {
  const h = headers();
  const names = ["", "a:b", "a b", " a", "a\rb", "a\nb", "a\tb", "naïve", "a\x7f", "a\0b"];
  const values = ["a\rb", "a\nb", "a\r\nInjected: yes", "\n", "a\0b"];
  for (const name of names) {
    await fails("INVALID_HEADER", () => h.append(name, "x"));
    await fails("INVALID_HEADER", () => h.set(name, "x"));
  }
  for (const value of values) {
    await fails("INVALID_HEADER", () => h.append("Name", value));
    await fails("INVALID_HEADER", () => h.set("Name", value));
  }
  assert.deepEqual(h.keys(), []);
});

behaviour("headers-05", "set replaces, append adds, delete removes", async () => {
  const h = made([["A", "1"], ["B", "2"], ["A", "3"]]);
  h.set("A", "only");
  assert.deepEqual(h.values("A"), ["only"]);
  assert.deepEqual(h.keys(), ["A", "B"]);
  h.set("C", "new");
  h.append("B", "4");
  assert.deepEqual(h.values("B"), ["2", "4"]);
  h.delete("B");
  h.delete("B");
  assert.deepEqual([...h], [["A", ["only"]], ["C", ["new"]]]);
  h.append("a", "other", Match.CanonicalMIME);
  assert.deepEqual(h.values("A"), ["only", "other"]);
  h.delete("a", Match.IgnoreCase);
  assert.deepEqual(h.keys(), ["C"]);
});

behaviour("headers-06", "headers with an empty payload, an empty set", async (t) => {
  const nc = await dial(t);
  const bare = await roundTrip(nc, headers(), "empty set");
  assert.deepEqual([...(bare.headers ?? [])], []);
  const lines = Array.from({ length: 1000 }, (_, i) => [`Name-${i}`, `value ${i}`]);
  const { headers: got } = await roundTrip(nc, made(lines), "");
  assert.deepEqual([...got], lines.map(([name, value]) => [name, [value]]));
});

behaviour("headers-07", "status and description of a status line", async (t) => {
  const beating = await fake(t, [
    "handshake",
    { expect: "SUB " },
    { reply: "HMSG w {SUB.2} 31 31\r\nNATS/1.0 100 Idle Heartbeat\r\n\r\n\r\n" },
    { reply: "HMSG w {SUB.2} 16 16\r\nNATS/1.0 503\r\n\r\n\r\n" },
  ]);
  const nc = await dial(t, beating);
  const reader = new Reader(nc.subscribe("w"));
  const first = await reader.next();
  assert.equal(first.headers.code, 100);
  assert.equal(first.headers.description, "Idle Heartbeat");
  assert.equal(first.headers.status, "100 Idle Heartbeat");
  const second = await reader.next();
  assert.equal(second.headers.code, 503);
  assert.equal(second.headers.description, "");
  assert.equal(second.headers.hasError, true);
});

behaviour("headers-08", "a server without headers: HEADERS_UNSUPPORTED", async (t) => {
  const old = await fake(t, [{ handshake: { headers: false, max_payload: 1000 } }]);
  const nc = await dial(t, old);
  const h = made([["A", "b"]]);
  await fails("HEADERS_UNSUPPORTED", () => nc.publish("a", "x", { headers: h }));
  nc.publish("plain", "x");
  await nc.flush();
  const { text } = await old.tell("received", { connection: 0 });
  assert.match(text, /PUB plain 1/);
  assert.doesNotMatch(text, /HPUB/);
});

check("headers that were received can be changed and sent again", async (t) => {
  const nc = await dial(t);
  const msg = await roundTrip(nc, made([["A", "1"]]));
  msg.headers.append("B", "2");
  const again = await roundTrip(nc, msg.headers);
  assert.deepEqual([...again.headers], [["A", ["1"]], ["B", ["2"]]]);
});

check("what is no headers object is refused by publish", async (t) => {
  const nc = await dial(t);
  for (const wrong of [5, "A: b", [["A", "b"]], new Map([["A", "b"]]), { A: "b" }]) {
    assert.throws(() => nc.publish("a", "x", { headers: wrong }), /headers/i);
  }
});
