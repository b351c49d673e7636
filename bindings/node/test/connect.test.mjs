// Connecting: addresses, credentials, options, TLS, and servers that will not have it.

import assert from "node:assert/strict";

import { connect } from "nats-ffi";

import { fake, plain, proxy, server } from "./harness.mjs";
import { behaviour, dial, EAGER, fails, Reader } from "./helpers.mjs";

async function works(nc) {
  const reader = new Reader(nc.subscribe("n.connect"));
  nc.publish("n.connect", "works");
  assert.equal(await reader.text(), "works");
  await nc.close();
}

function refuse(servers, options, codeName, ...says) {
  return fails(codeName, () => connect({ servers, ...options }), ...says);
}

behaviour("connect-01", "host:port, a nats:// URL and IPv6", async (t) => {
  const auth = await server(t, "auth");
  for (const url of [`nats://alice:secret@${auth.address}`, `alice:secret@${auth.address}`]) {
    const nc = await dial(t, url);
    assert.equal(nc.getServer(), auth.address);
    await works(nc);
  }
  const six = await server(t, "plain", { host: "::1" });
  await works(await dial(t, six.url));
  const nc = await dial(t, six.address);
  assert.equal(nc.getServer(), six.address);
  await works(nc);
});

behaviour("connect-02", "of a list, the server that is up is found", async (t) => {
  const servers = ["nats://127.0.0.1:1", "127.0.0.1:2", await plain(), "localhost:3"];
  const nc = await dial(t, undefined, { servers, noRandomize: true });
  assert.equal(nc.getServer(), new URL(await plain()).host);
  await works(nc);
  for (let i = 0; i < 5; i++) await works(await dial(t, undefined, { servers }));
});

behaviour("connect-03", "user and password, in the URL and as options", async (t) => {
  const extra = 'authorization { user: "a@b", password: "p/w:d%" }';
  const own = await server(t, "plain", { extra });
  await works(await dial(t, `nats://a%40b:p%2Fw%3Ad%25@${own.address}`));
  await works(await dial(t, own, { user: "a@b", pass: "p/w:d%" }));
  await works(await dial(t, own, { user: "a@b", password: "p/w:d%" }));
  const wrong = [
    [`nats://a%40b:canary-word@${own.address}`, {}],
    [own.url, { user: "a@b", pass: "canary-word" }],
    [own.url, {}],
  ];
  for (const [url, options] of wrong) {
    const error = await refuse(url, options, "AUTHORIZATION");
    assert.doesNotMatch(`${error.stack}`, /canary/);
    assert.equal(error.constructor.name, "AuthorizationError");
  }
});

behaviour("connect-04", "a token, in the URL and as an option", async (t) => {
  const own = await server(t, "token");
  await works(await dial(t, `nats://s3cr3t@${own.address}`));
  await works(await dial(t, own, { token: "s3cr3t" }));
  const error = await refuse(own.url, { token: "canary-word" }, "AUTHORIZATION");
  assert.doesNotMatch(`${error.stack}`, /canary/);
});

behaviour("connect-05", "name, verbose and pedantic reach the server", async (t) => {
  const seen = await fake(t, ["handshake", "serve"]);
  const name = 'quote " and \r\n PING';
  await dial(t, seen, { name, pedantic: true });
  const { text } = await seen.tell("received", { connection: 0 });
  const said = JSON.parse(text.slice("CONNECT ".length, text.indexOf("}\r\n") + 1));
  assert.equal(said.name, name);
  assert.equal(said.pedantic, true);
  assert.equal(said.verbose, false);
  await works(await dial(t, undefined, { verbose: true, pedantic: true, name: "conformance" }));
});

behaviour("connect-06", "echo off: one's own messages do not come back", async (t) => {
  for (const options of [{ noEcho: true }, { echo: false }]) {
    const nc = await dial(t, undefined, options);
    const other = await dial(t);
    const reader = new Reader(nc.subscribe("n.connect.6"));
    nc.publish("n.connect.6", "mine");
    await nc.flush();
    other.publish("n.connect.6", "theirs");
    assert.equal(await reader.text(), "theirs");
  }
});

behaviour("connect-07", "no server up: NO_SERVERS at once, naming each", async () => {
  const start = Date.now();
  const servers = ["nats://127.0.0.1:1", "nats://127.0.0.1:2"];
  await refuse(servers, {}, "NO_SERVERS", "127.0.0.1:1", "127.0.0.1:2");
  assert.ok(Date.now() - start < 10_000);
});

behaviour("connect-08", "a silent server fails by the connect timeout", async (t) => {
  const scripts = [
    ["silence"],
    [{ send: 'INFO {"server_id":' }, "silence"],
    [{ drip: 'INFO {"server_id":"very slow indeed"}', gap_ms: 50 }],
    [{ send: "INFO {}\r\n" }, "silence"],
  ];
  for (const script of scripts) {
    const slow = await fake(t, script);
    for (const options of [{ timeout: 300 }, { connectTimeout: 300 }]) {
      const start = Date.now();
      await refuse(slow.url, options, "NO_SERVERS", "TIMEOUT");
      assert.ok(Date.now() - start >= 298);
      assert.ok(Date.now() - start < 4000, "by its own timeout, not the default one");
    }
  }
});

behaviour("connect-09", "what is no NATS server: the error shows what was seen", async (t) => {
  const odd = [
    [["close"]],
    [["reset"]],
    [[{ send: "INFO {}\r\n" }, { expect: "CONNECT" }, "close"]],
    [[{ send: "HTTP/1.1 400 Bad Request\r\n" }], "HTTP/1.1"],
    [[{ send: "SSH-2.0-OpenSSH_9.2\r\n" }], "SSH-2.0"],
    [[{ send: "PING\r\n" }], "PING"],
    [[{ send: "nonsense\r\n" }], "nonsense"],
    [[{ send: "INFO null\r\n" }]],
    [[{ send: "INFO []\r\n" }]],
    [[{ send: 'INFO {"max_payload":-1}\r\n' }]],
  ];
  for (const [script, ...says] of odd) {
    const strange = await fake(t, script);
    await assert.rejects(connect({ servers: strange.url }), (error) => {
      assert.ok(error.codeName && error.codeName !== "TIMEOUT", error.stack);
      for (const part of says) assert.ok(error.message.includes(part), error.message);
      return true;
    });
  }
});

behaviour("connect-10", "connecting is retried when asked for", async (t) => {
  const own = await server(t);
  const gate = await proxy(t, own);
  await gate.tell("refuse");
  await refuse(gate.url, {}, "NO_SERVERS");
  // nats.js's option: the promise waits for the connection.
  const waiting = dial(t, gate, { waitOnFirstConnect: true, reconnectTimeWait: 20 });
  // The document's own: there is a connection at once, which connects later.
  const nc = await dial(t, gate, { retryOnFailedConnect: true, ...EAGER });
  const reader = new Reader(nc.subscribe("n.connect.10"));
  nc.publish("n.connect.10", "early");
  await gate.tell("accept");
  assert.equal(await reader.text(), "early");
  await works(await waiting);
});

behaviour("connect-16", "connecting goes on in the background when asked for", async (t) => {
  const own = await server(t);
  const gate = await proxy(t, own);
  await gate.tell("stall", { direction: "to_client" });
  const nc = await dial(t, gate, { connectInBackground: true });
  assert.equal(nc.info, undefined);
  const reader = new Reader(nc.subscribe("n.connect.16"));
  nc.publish("n.connect.16", "early");
  await gate.tell("resume");
  assert.equal(await reader.text(), "early");
  await gate.tell("refuse");
  const lost = await dial(t, gate, { connectInBackground: true });
  assert.equal((await lost.closed()).codeName, "NO_SERVERS");
  assert.equal(lost.isClosed(), true);
});

behaviour("connect-11", "TLS by the URL and by the server's demand", async (t) => {
  const own = await server(t, "tls");
  const tlsCaFile = own.facts.tls_ca;
  await works(await dial(t, `tls://${own.address}`, { tlsCaFile }));
  await works(await dial(t, `nats://${own.address}`, { tlsCaFile }));
  await works(await dial(t, own, { tls: { caFile: tlsCaFile } }));
  const available = await server(t, "tls-available");
  const options = { tlsRequired: true, tlsCaFile: available.facts.tls_ca };
  await works(await dial(t, available, options));
});

behaviour("connect-12", "TLS: unknown authority, wrong name, no TLS", async (t) => {
  const own = await server(t, "tls");
  await refuse(own.url, {}, "TLS");
  await refuse(own.url, { tlsCaFile: own.facts.tls_foreign_ca }, "TLS");
  // Its certificate is for 127.0.0.1 only.
  const open = await server(t, "tls", { host: "0.0.0.0" });
  const tlsCaFile = open.facts.tls_ca;
  await refuse(`tls://127.0.0.2:${open.facts.port}`, { tlsCaFile }, "TLS");
  await works(await dial(t, `tls://127.0.0.1:${open.facts.port}`, { tlsCaFile }));
  const bare = await fake(t, ["handshake", "serve"]);
  await refuse(bare.url, { tlsRequired: true }, "TLS");
  await refuse(bare.url, { tls: {} }, "TLS");
  const { text } = await bare.tell("received", { connection: 0 });
  assert.doesNotMatch(text, /CONNECT/);
});

behaviour("connect-13", "server information is readable", async (t) => {
  const nc = await dial(t);
  assert.ok(nc.info.server_id.length > 10);
  assert.match(nc.info.version, /^\d+\.\d+\.\d+/);
  assert.equal(nc.info.max_payload, 1048576);
  assert.equal(nc.info.headers, true);
  assert.equal(typeof nc.info.client_id, "number");
});

behaviour("connect-14", "invalid URLs and an empty server list", async () => {
  const hosts = ["localhost:99999", "localhost:0x1", "[::1", "a b:4222", "a\r\n:4222", ":4222"];
  const urls = hosts.map((host) => `nats://u:canary@${host}`);
  for (const url of [...urls, "http://u:canary@localhost:4222"]) {
    for (const servers of [url, [url]]) {
      const error = await refuse(servers, {}, "INVALID_URL");
      assert.doesNotMatch(`${error.stack}`, /canary/);
    }
  }
  await assert.rejects(connect({ servers: [] }), (error) => {
    return ["INVALID_URL", "INVALID_OPTION"].includes(error.codeName);
  });
});

behaviour("connect-15", "wrong options are named, and what is right", async () => {
  const servers = await plain();
  const wrong = [
    [{ nmae: "x" }, "nmae", "name"],
    [{ pingIntervall: 1 }, "pingIntervall", "ping"],
    [{ name: 1 }, "name"],
    [{ echo: "yes" }, "echo", "true or false"],
    [{ noEcho: "yes" }, "noEcho"],
    [{ servers: 5 }, "servers"],
    [{ servers: [5] }, "servers"],
    [{ connectTimeout: -1 }, "imeout"],
    [{ timeout: -1 }, "imeout"],
    [{ pingInterval: 1e300 }, "pingInterval"],
    [{ pingInterval: "1" }, "pingInterval"],
    [{ maxReconnects: 1.5 }, "maxReconnects"],
    [{ pendingBytes: NaN }, "pendingBytes"],
    [{ outboundPolicy: "nothing" }, "outboundPolicy", "drop_oldest"],
  ];
  for (const [options, ...says] of wrong) {
    await refuse(servers, options, "INVALID_OPTION", ...says);
  }
  for (const options of [5, "x", null, () => {}]) {
    await assert.rejects(async () => connect(options), (error) => {
      const known = ["INVALID_ARGUMENT", "INVALID_OPTION"].includes(error.codeName);
      return known || error instanceof TypeError;
    });
  }
});

