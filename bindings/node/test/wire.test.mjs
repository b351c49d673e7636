// What a server may send: honest, odd and malicious, from a scripted fake server.

import assert from "node:assert/strict";

import { fake } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, Reader, Watch } from "./helpers.mjs";
import { headers } from "nats-ffi";

const NOTHING = ["handshake"];
const NEXT = ["handshake", { expect: "SUB " }, { reply: "MSG w {SUB.2} 4\r\nnext\r\n" }];

/** A server that answers the only subscription, `w`, with these bytes; {SUB.2} is the sid. */
async function dialFake(t, bytes, second = NOTHING) {
  const first = ["handshake", { expect: "SUB " }, { reply: bytes }];
  const nc = await dial(t, await fake(t, [first, second]), EAGER);
  const watch = new Watch(nc);
  return { nc, watch, reader: new Reader(nc.subscribe("w")) };
}

/** The bytes break the protocol: the socket is left with PROTOCOL, and the next one works. */
async function leaves(t, bytes) {
  const { nc, watch, reader } = await dialFake(t, bytes, NEXT);
  const told = await watch.until("disconnect");
  assert.equal(told.error.codeName, "PROTOCOL", `${JSON.stringify(bytes)}: ${told.error}`);
  assert.equal(await reader.text(), "next");
  await nc.close();
}

/** The bytes deliver this payload, and the connection stays. */
async function delivers(t, bytes, payload) {
  const { nc, watch, reader } = await dialFake(t, bytes);
  assert.equal(await reader.text(), payload);
  assert.equal(watch.count("disconnect"), 0);
  await nc.close();
}

function hmsg(block, payload) {
  const total = block.length + payload.length;
  return `HMSG w {SUB.2} ${block.length} ${total}\r\n${block}${payload}\r\n`;
}

behaviour("wire-01", "sizes that are negative, huge, or no numbers", async (t) => {
  const sizes = [
    "-1", "2147483647", "2147483648", "4294967301", "9223372036854775807", "9223372036854775808",
    "18446744073709551615", "18446744073709551616", "99999999999999999999999999999999", "0x10",
    "1e3", "+", "1.5",
  ];
  for (const size of sizes) {
    await leaves(t, `MSG w {SUB.2} ${size}\r\nok\r\n`);
    await leaves(t, `HMSG w {SUB.2} ${size} 12\r\nNATS/1.0\r\n\r\n\r\n`);
    await leaves(t, `HMSG w {SUB.2} 12 ${size}\r\nNATS/1.0\r\n\r\n\r\n`);
  }
  await leaves(t, "HMSG w {SUB.2} 14 12\r\nNATS/1.0\r\n\r\n\r\n");
});

behaviour("wire-02", "missing CRLF, unknown operations, blank and over-long lines", async (t) => {
  await leaves(t, "MSG w {SUB.2} 2\r\nokXXMSG");
  await leaves(t, "MSG w {SUB.2} 1\r\nok\r\n");
  await leaves(t, "NONSENSE\r\n");
  await leaves(t, "\r\n");
  await leaves(t, "\0\x01\x02\r\n");
  await leaves(t, "HTTP/1.1 400 Bad Request\r\n");
  await leaves(t, `MSG ${"x".repeat(10_000)}`);
});

/** A header block that cannot be decoded spoils its message, never the connection. */
async function spoilsOne(t, block) {
  const next = "MSG w {SUB.2} 4\r\nnext\r\n";
  const { nc, watch, reader } = await dialFake(t, hmsg(block, "ok") + next);
  const msg = await reader.next();
  await fails("MALFORMED_MESSAGE", () => msg.check());
  assert.equal(msg.string(), "ok");
  assert.equal(await reader.text(), "next");
  const { error } = await watch.until("error");
  assert.equal(error.codeName, "MALFORMED_MESSAGE");
  assert.equal(watch.count("disconnect"), 0);
  await nc.close();
}

behaviour("wire-03", "short header blocks, bad status lines", async (t) => {
  for (let length = 1; length < 8; length++) await spoilsOne(t, "NATS/1.0".slice(0, length));
  await delivers(t, "HMSG w {SUB.2} 0 2\r\nok\r\n", "ok");
  await delivers(t, hmsg("NATS/1.0", "ok"), "ok"); // without the blank line: what is there counts
  await delivers(t, hmsg("NATS/1.0\r\n", "ok"), "ok");
  await delivers(t, hmsg("NATS/1.0\r\n\r\n", "ok"), "ok");
  const lines = [
    "NATS/1.0 9", "NATS/1.0 99", "NATS/1.0 9999", "NATS/1.0 abc", "NATS/1.0503", "NATS/2.0",
    "HTTP/1.1 200",
  ];
  for (const line of lines) await spoilsOne(t, `${line}\r\n\r\n`);
  await spoilsOne(t, "NATS/1.0\r\nA: 1\r\nNoColon\r\n\r\n");
  await spoilsOne(t, "NATS/1.0\r\na b: 1\r\n\r\n");
});

behaviour("wire-04", "20,000 header keys are delivered and readable", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.wire.4"));
  const h = headers();
  const keys = Array.from({ length: 20_000 }, (_, i) => `Key-${i}`);
  keys.forEach((key, i) => h.append(key, `${i}`));
  nc.publish("n.wire.4", "x", { headers: h });
  const msg = await reader.next();
  msg.check();
  assert.equal(msg.headers.get("Key-19999"), "19999");
  assert.deepEqual(msg.headers.keys(), keys);
});

behaviour("wire-05", "-ERR bare, empty and unknown are errors of status()", async (t) => {
  const { watch, reader } = await dialFake(
    t,
    "-ERR\r\n-ERR \r\n-ERR ''\r\n-ERR 'Something New'\r\nMSG w {SUB.2} 2\r\nok\r\n",
  );
  assert.equal(await reader.text(), "ok");
  const { error } = await watch.until("error", 4);
  assert.match(error.message, /Something New/);
  assert.equal(watch.count("disconnect"), 0);
});

behaviour("wire-06", "a subject that is not UTF-8 is delivered as bytes", async (t) => {
  const odd = await fake(t, [
    "handshake",
    { expect: "SUB " },
    { send: { hex: "4d534720ff20" } },
    { reply: "{SUB.2} 2\r\nok\r\nMSG w {SUB.2} 4\r\nnext\r\n" },
  ]);
  const nc = await dial(t, odd);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("w"));
  const msg = await reader.next();
  await fails("MALFORMED_MESSAGE", () => msg.check());
  assert.deepEqual([...msg.subjectBytes], [0xff]);
  assert.equal(msg.subject, "\ufffd");
  assert.equal(msg.string(), "ok");
  assert.equal(await reader.text(), "next");
  assert.equal(watch.count("disconnect"), 0);
});

behaviour("wire-07", "INFO of 1 MiB at the handshake", async (t) => {
  const filler = "x".repeat(1_000_000);
  const large = await fake(t, [{ handshake: { server_id: "x", max_payload: 5000, filler } }]);
  assert.equal((await dial(t, large)).info.max_payload, 5000);
  const bad = ["null", "[]", "nonsense", '{"max_payload":-1}', '{"max_payload":"x"}', ""];
  const infos = ['{"server_id":"x","max_payload":7000}', ...bad];
  const bytes = `${infos.map((info) => `INFO ${info}\r\n`).join("")}MSG w {SUB.2} 2\r\nok\r\n`;
  const { nc, watch, reader } = await dialFake(t, bytes);
  assert.equal(await reader.text(), "ok");
  await nc.flush(); // a message may overtake an INFO of the same read
  assert.equal(nc.info.max_payload, 7000);
  assert.equal(watch.count("disconnect"), 0);
});

behaviour("wire-08", "every split of an exchange, and byte by byte", async (t) => {
  // Sids are given from 1 on, which the first message proves.
  const message = "HMSG w 1 r.s 18 20\r\nNATS/1.0\r\nA: b\r\n\r\nok\r\n";
  const splits = Array.from({ length: message.length - 1 }, (_, i) => {
    return { chunked: message, sizes: [i + 1, 1000] };
  });
  const dripped = { drip: message, gap_ms: 1 };
  const split = await fake(t, ["handshake", { expect: "SUB w 1" }, ...splits, dripped]);
  const nc = await dial(t, split);
  const reader = new Reader(nc.subscribe("w"));
  for (let i = 0; i < message.length; i++) {
    const msg = await reader.next();
    assert.equal(msg.headers.get("A"), "b");
    assert.equal(msg.reply, "r.s");
    assert.equal(msg.string(), "ok");
  }
});

check("what is written: CONNECT first, whole operations, exact lengths", async (t) => {
  const seen = await fake(t, ["handshake", "serve"]);
  const nc = await dial(t, seen);
  nc.subscribe("s.*", { queue: "q", max: 7 });
  nc.publish("p", "xyz", { reply: "r" });
  const h = headers();
  h.append("A", "b");
  nc.publish("h", "1", { headers: h });
  nc.publish("ü".repeat(3), "grüß");
  await nc.flush();
  const { text } = await seen.tell("received", { connection: 0 });
  assert.match(text, /^CONNECT \{/);
  assert.match(text, /\r\nSUB s\.\* q 1\r\n/);
  assert.match(text, /\r\nUNSUB 1 7\r\n/);
  assert.match(text, /\r\nPUB p r 3\r\nxyz\r\n/);
  assert.match(text, /\r\nHPUB h 18 19\r\nNATS\/1\.0\r\nA: b\r\n\r\n1\r\n/);
  assert.match(text, /\r\nPUB üüü 6\r\ngrüß\r\n/);
});
