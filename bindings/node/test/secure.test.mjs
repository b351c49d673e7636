// Who connects, TLS, the ways to a server, the pool, the log, and hooks for tracing.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import {
  connect,
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  setLogger,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
  wsconnect,
} from "nats-ffi";

import { server, tunnel } from "./harness.mjs";
import { behaviour, check, dial, EAGER, fails, Reader, Watch, within } from "./helpers.mjs";
import { CREDS, NKEY_SEED, NKEY_SERVER, OPERATOR_SERVER, USER_JWT, USER_SEED } from "./keys.mjs";

const CANARY = "canary-word";

/** A connection through which a message goes and comes back. */
async function works(t, url, options = {}) {
  const nc = await dial(t, url, { ...EAGER, ...options });
  const reader = new Reader(nc.subscribe("n.secure"));
  nc.publish("n.secure", "works");
  assert.equal(await reader.text(), "works");
  return nc;
}

async function refused(codeName, url, options, ...says) {
  const error = await fails(codeName, () => connect({ servers: url, ...options }), ...says);
  assert.ok(!error.message.includes(CANARY), error.message);
}

async function folder(t) {
  const path = await mkdtemp(join(tmpdir(), "nats-node-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

behaviour("life-01", "NKeys, as option and by an authenticator that is asked anew", async (t) => {
  const own = await server(t, "plain", { extra: NKEY_SERVER });
  await works(t, own.url, { nkeySeed: NKEY_SEED });
  const nonces = [];
  const authenticator = (nonce) => {
    nonces.push(nonce);
    return { seed: NKEY_SEED };
  };
  const nc = await works(t, own.url, { authenticator });
  const watch = new Watch(nc);
  await nc.reconnect();
  await watch.until("reconnect");
  assert.ok(nonces.length >= 2 && nonces[0] !== nonces.at(-1) && nonces[0].length > 8);
  await works(t, own.url, { authenticator: nkeyAuthenticator(Buffer.from(NKEY_SEED)) });
  await works(t, own.url, { authenticator: [nkeyAuthenticator(() => NKEY_SEED)] });
  await refused("INVALID_KEY", own.url, { nkeySeed: `SU${CANARY}` });
  await refused("AUTHORIZATION", own.url, {});
});

behaviour("life-02", "credentials and JWTs", async (t) => {
  const own = await server(t, "plain", { extra: OPERATOR_SERVER });
  const path = join(await folder(t), "user.creds");
  await writeFile(path, CREDS);
  await works(t, own.url, { credsFile: path });
  await works(t, own.url, { creds: CREDS });
  await works(t, own.url, { authenticator: credsAuthenticator(Buffer.from(CREDS)) });
  await works(t, own.url, { authenticator: jwtAuthenticator(USER_JWT, () => USER_SEED) });
  const wrong = { authenticator: () => ({ jwt: USER_JWT, sig: new Uint8Array(64) }) };
  await refused("AUTHORIZATION", own.url, wrong);
  await refused("INVALID_CREDENTIALS", own.url, { creds: CREDS.slice(0, 300) + CANARY });
});

behaviour("life-03", "users and tokens by authenticators, and those that fail", async (t) => {
  const own = await server(t, "auth");
  const url = `nats://${own.address}`;
  const pass = async () => ({ pass: "secret" });
  await works(t, url, { authenticator: [usernamePasswordAuthenticator("alice"), pass] });
  const token = await server(t, "token");
  await works(t, `nats://${token.address}`, { authenticator: tokenAuthenticator(() => "s3cr3t") });
  const fail = () => {
    throw new RangeError(CANARY);
  };
  await refused("INVALID_CREDENTIALS", url, { authenticator: fail }, "RangeError");
  const misspelt = () => ({ pasword: CANARY });
  await refused("NO_SERVERS", url, { authenticator: misspelt }, "'password'");
  await refused("INVALID_CREDENTIALS", url, { authenticator: () => ({ user: 7 }) });
  await assert.rejects(connect({ servers: url, authenticator: "alice" }), TypeError);
});

behaviour("life-04", "TLS by files, text and a function", async (t) => {
  const own = await server(t, "tls-verify");
  const { tls_ca: caFile, tls_cert: certFile, tls_key: keyFile } = own.facts;
  const [ca, cert, key] = await Promise.all(
    [caFile, certFile, keyFile].map((path) => readFile(path, "utf8")),
  );
  await works(t, own.url, { tls: { caFile, certFile, keyFile } });
  await works(t, own.url, { tls: { ca, cert, key } });
  await works(t, own.url, { tls: { certFile, keyFile, rejectUnauthorized: false } });
  await works(t, own.url, { tls: { caFile }, certificateHandler: async () => ({ cert, key }) });
  await works(t, own.url, { tlsCaFile: caFile, tlsCertFile: certFile, tlsKeyFile: keyFile });
  await refused("TLS", own.url, { tls: { caFile } }, "wants a client certificate");
  const foreign = own.facts.tls_foreign_ca;
  await refused("TLS", own.url, { tls: { caFile: foreign, certFile, keyFile } }, "not trusted");
  const servername = "other.example";
  await refused("TLS", own.url, { tls: { caFile, certFile, keyFile, servername } }, "another name");
  await refused("INVALID_OPTION", own.url, { tls: { cafile: caFile } }, "tls.caFile");
  const first = `tls { cert_file: '${own.facts.tls_server_cert}', key_file: '${
    own.facts.tls_server_key
  }', handshake_first: true }`;
  const eager = await server(t, "plain", { extra: first });
  await works(t, eager.url, { tls: { caFile, handshakeFirst: true } });
});

behaviour("life-05", "WebSocket, plain and over TLS, with headers and compression", async (t) => {
  const own = await server(t, "ws");
  const url = own.facts.ws_url;
  const asked = [];
  const wsHeadersHandler = (at) => {
    asked.push(at);
    return { "X-Fresh": "1" };
  };
  const nc = await works(t, url, {
    wsCompression: true,
    wsHeaders: { "X-Static": "1" },
    wsHeadersHandler,
  });
  assert.deepEqual(asked, [url]);
  await nc.close();
  const bare = await wsconnect({ servers: url.slice("ws://".length) });
  await bare.flush();
  await bare.close();
  const secure = await server(t, "wss");
  const tls = { caFile: secure.facts.tls_ca };
  const over = await wsconnect({ servers: secure.facts.ws_url.slice("wss://".length), tls });
  await over.close();
  await refused("INVALID_OPTION", url, { wsHeaders: { Host: CANARY } }, "Host");
  await refused("INVALID_OPTION", url, { wsHeaders: { a: 1 } }, "object of strings");
  await refused("NO_SERVERS", `ws://${own.address}`, {}, "HTTP");
});

behaviour("life-06", "proxies and local addresses", async (t) => {
  const own = await server(t);
  for (const kind of ["http", "socks5"]) {
    const proxy = await tunnel(t, kind, { user: "me", password: "p@ss" });
    const known = proxy.url.replace("://", "://me:p%40ss@");
    await works(t, own.url, { proxy: known });
    const wrong = proxy.url.replace("://", `://me:${CANARY}@`);
    await refused("AUTHORIZATION", own.url, { proxy: wrong });
    await proxy.tell("mood", { mood: "refusing" });
    await refused("NO_SERVERS", own.url, { proxy: known }, "it refuses");
  }
  await refused("NO_SERVERS", own.url, { proxy: "http://127.0.0.1:1" }, "proxy");
  await refused("INVALID_OPTION", own.url, { proxy: `ftp://${CANARY}` }, "proxy");
  await works(t, own.url, { localAddress: "127.0.0.5" });
  await refused("INVALID_OPTION", own.url, { localAddress: "here" }, "IP address");
});

behaviour("life-07", "the pool is read, replaced and picked from", async (t) => {
  const [first, second] = [await server(t), await server(t)];
  const asked = [];
  const pickServerHandler = async (servers, info) => {
    asked.push([servers.map(({ url }) => url), info.server_id]);
    return { url: servers.at(-1).url, delay: 1 };
  };
  const nc = await dial(t, first, { ...EAGER, randomize: false, pickServerHandler });
  const watch = new Watch(nc);
  const id = nc.info.server_id;
  assert.deepEqual(nc.serverPool(), [{ url: first.url, discovered: false, failures: 0 }]);
  const urls = ["nats://127.0.0.1:1", second.url];
  nc.setServers(urls);
  await fails("INVALID_URL", async () => nc.setServers("nats://h:0"));
  assert.throws(() => nc.setServers(7), TypeError);
  assert.deepEqual(nc.serverPool().map(({ url }) => url), urls);
  await nc.reconnect();
  await watch.until("reconnect");
  assert.equal(nc.getServer(), second.address);
  assert.deepEqual(asked[0], [urls, id]);
});

behaviour("life-08", "a server in lame-duck mode is left without a disconnect", async (t) => {
  const own = await server(t, "cluster", { nodes: 3 });
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  const reader = new Reader(nc.subscribe("n.duck"));
  await nc.flush();
  await own.tell("lame_duck");
  const { server: there } = await watch.until("migrated");
  assert.equal(nc.getServer(), there);
  nc.publish("n.duck", "here");
  assert.equal(await reader.text(), "here");
  assert.equal(watch.count("ldm"), 1);
  assert.equal(watch.count("disconnect"), 0);
});

behaviour("life-10", "the library's records reach the logger up to its level, without secrets", async (t) => {
  const own = await server(t, "auth");
  const records = [];
  let heard;
  const connected = new Promise((resolve) => (heard = resolve));
  setLogger("debug", (level, text) => {
    records.push([level, text]);
    if (text.startsWith("connected")) heard();
  });
  t.after(() => setLogger(undefined));
  const url = `nats://${own.address}`;
  await refused("AUTHORIZATION", url, { user: "alice", pass: CANARY });
  await refused("AUTHORIZATION", url, { token: CANARY });
  await refused("NO_SERVERS", url, { proxy: `http://u:${CANARY}@127.0.0.1:1` });
  await works(t, url, { user: "alice", pass: "secret" });
  await within(connected, "the record");
  const levels = new Set(records.map(([level]) => level));
  assert.ok(levels.has("debug") && levels.has("info") && !levels.has("trace"), [...levels]);
  assert.ok(!records.some(([, text]) => text.includes(CANARY)));
  setLogger(undefined);
  const count = records.length;
  await works(t, url, { user: "alice", pass: "secret" });
  assert.equal(records.length, count);
  await fails("INVALID_ARGUMENT", async () => setLogger("loud", () => {}));
});

check("headers are injected, and callbacks run within their message's context", async (t) => {
  let trace;
  const seen = [];
  const nc = await dial(t, undefined, {
    inject: (headers) => headers.set("traceparent", "00-1"),
    extract: (msg, run) => {
      trace = msg.headers?.get("traceparent");
      try {
        return run();
      } finally {
        trace = undefined;
      }
    },
  });
  const done = new Promise((resolve) => {
    nc.subscribe("n.trace", {
      callback: (_, msg) => {
        seen.push([trace, msg.headers.keys()]);
        msg.respond();
        if (seen.length === 3) resolve();
      },
    });
  });
  nc.publish("n.trace");
  await nc.request("n.trace");
  const { headers } = await import("nats-ffi");
  const own = headers();
  own.set("a", "b");
  nc.publish("n.trace", "", { headers: own });
  await within(done, "three messages");
  assert.deepEqual(seen, [
    ["00-1", ["traceparent"]],
    ["00-1", ["traceparent"]],
    ["00-1", ["a", "traceparent"]],
  ]);
  assert.deepEqual(own.keys(), ["a"], "the program's own headers stay as they are");
});

check("servers trace a message (ADR-41)", async (t) => {
  const nc = await dial(t);
  const traces = new Reader(nc.subscribe("n.trace.dest"));
  const sub = nc.subscribe("n.traced");
  for (const traceOnly of [false, true]) {
    nc.publish("n.traced", "x", { traceDestination: "n.trace.dest", traceOnly });
    const { request, events } = (await traces.next()).json();
    assert.deepEqual(request.header["Nats-Trace-Dest"], ["n.trace.dest"]);
    assert.equal(events[0].type, "in");
  }
  await nc.flush();
  assert.equal(await new Reader(sub).text(), "x");
  assert.equal(sub.getPending(), 0, "the second one was traced only");
});

behaviour("life-09", "contexts and the environment of the nats tool", async (t) => {
  const own = await server(t, "auth");
  const home = await folder(t);
  await mkdir(join(home, "nats", "context"), { recursive: true });
  const file = join(home, "nats", "context", "prod.json");
  const context = { url: `nats://${own.address}`, user: "alice", password: "secret" };
  await writeFile(file, JSON.stringify(context));
  const nc = await connect({ context: file });
  assert.equal(nc.getServer(), own.address);
  await nc.close();
  const program = `
    import { connect } from "nats-ffi";
    const nc = await connect({ environment: true });
    console.log(nc.getServer());
    await nc.close();
  `;
  const env = { ...process.env, XDG_CONFIG_HOME: home, NATS_CONTEXT: "prod" };
  const stdio = ["ignore", "pipe", "inherit"];
  const child = spawn(process.execPath, ["--input-type=module", "-e", program], { env, stdio });
  let out = "";
  child.stdout.on("data", (data) => (out += data));
  const [code] = await within(once(child, "exit"), "the child");
  assert.deepEqual([code, out.trim()], [0, own.address]);
});

check("a process with an open question ends", async (t) => {
  const own = await server(t);
  const program = `
    import { connect } from "nats-ffi";
    connect({ servers: process.argv[1], authenticator: () => new Promise(() => {}) });
    setImmediate(() => setImmediate(() => process.exit(7)));
  `;
  const flags = ["--input-type=module", "-e", program, own.url];
  const child = spawn(process.execPath, flags, { stdio: "inherit" });
  assert.equal((await within(once(child, "exit"), "the child"))[0], 7);
});
