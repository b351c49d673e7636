// Requests and answers.

import assert from "node:assert/strict";
import { setImmediate as turn } from "node:timers/promises";

import { connect, createInbox, headers, RequestError, TimeoutError } from "nats-ffi";

import { plain, server } from "./harness.mjs";
import { behaviour, check, dial, EAGER, echo, fails, LIMITED, Reader, Watch } from "./helpers.mjs";

const LONG = { timeout: 30_000 };

/** All answers of a request for many. */
async function askMany(nc, subject, options) {
  const texts = [];
  for await (const msg of await nc.requestMany(subject, "x", options)) texts.push(msg.string());
  return texts;
}

/** Answers with "x", "x", nothing, and one more. */
function answerInParts(nc, subject) {
  return nc.subscribe(subject, {
    callback: (_, msg) => ["x", "x", "", "behind the end"].forEach((part) => msg.respond(part)),
  });
}

behaviour("request-01", "a request is answered, with headers both ways", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  other.subscribe("n.request.1", {
    callback: (_, msg) => {
      const h = msg.headers ?? headers();
      h.append("Answer", "yes");
      msg.respond(msg.data, { headers: h });
    },
  });
  await other.flush();
  const h = headers();
  h.append("Question", "why");
  for (let i = 0; i < 100; i++) {
    const answer = await nc.request("n.request.1", `x${i}`, { ...LONG, headers: h });
    assert.equal(answer.headers.get("Question"), "why");
    assert.equal(answer.headers.get("Answer"), "yes");
    assert.equal(answer.string(), `x${i}`);
  }
  assert.equal((await nc.request("n.request.1", "plain", LONG)).string(), "plain");
  assert.equal((await nc.request("n.request.1")).string(), "");
});

behaviour("request-02", "nobody listens: the error comes at once", async (t) => {
  const nc = await dial(t);
  const start = Date.now();
  const error = await fails("NO_RESPONDERS", nc.request("n.request.2", "", { timeout: 60_000 }));
  assert.ok(Date.now() - start < 10_000);
  assert.ok(error instanceof RequestError);
  assert.equal(error.isNoResponders(), true);
});

behaviour("request-03", "a silent responder: TIMEOUT", async (t) => {
  const nc = await dial(t);
  const silent = new Reader(nc.subscribe("n.request.3"));
  echo(nc, "n.request.3.quick");
  const start = Date.now();
  const error = await fails("TIMEOUT", nc.request("n.request.3", "slow", { timeout: 50 }));
  assert.ok(error instanceof TimeoutError);
  assert.ok(Date.now() - start >= 48);
  const late = await silent.next();
  for (let i = 0; i < 10; i++) {
    late.respond("too late");
    const answer = await nc.request("n.request.3.quick", "quick", LONG);
    assert.equal(answer.string(), "quick");
  }
});

behaviour("request-04", "a request with an inbox of its own: answer, no responders", async (t) => {
  const nc = await dial(t);
  const own = { noMux: true };
  echo(nc, "n.request.4");
  nc.subscribe("n.request.4.silent", { callback: () => {} });
  for (let i = 0; i < 10; i++) {
    const answer = await nc.request("n.request.4", "own", { ...LONG, ...own });
    assert.equal(answer.string(), "own");
  }
  await fails("NO_RESPONDERS", nc.request("n.nobody", "", { timeout: 60_000, ...own }));
  await fails("TIMEOUT", nc.request("n.request.4.silent", "", { timeout: 30, ...own }));
});

behaviour("request-05", "64 requests in flight each get their own answer", async (t) => {
  const nc = await dial(t);
  const reader = new Reader(nc.subscribe("n.request.5"));
  const texts = Array.from({ length: 64 }, (_, i) => `${i}`);
  const answers = texts.map((text) => nc.request("n.request.5", text, LONG));
  const questions = [];
  while (questions.length < 64) questions.push(await reader.next());
  // In another order than they were asked in.
  for (const question of questions.reverse()) question.respond(question.data);
  const got = (await Promise.all(answers)).map((answer) => answer.string());
  assert.deepEqual(got, texts);
});

behaviour("request-06", "many answers: ends after maxMessages", async (t) => {
  const nc = await dial(t);
  for (let i = 0; i < 3; i++) echo(nc, "n.request.6");
  const count = { strategy: "count", maxWait: 20_000 };
  assert.equal((await askMany(nc, "n.request.6", { ...count, maxMessages: 2 })).length, 2);
  assert.equal((await askMany(nc, "n.request.6", { ...count, maxMessages: 3 })).length, 3);
});

behaviour("request-07", "many answers: ends after a gap, and after the total wait", async (t) => {
  const nc = await dial(t);
  for (let i = 0; i < 3; i++) echo(nc, "n.request.7");
  let start = Date.now();
  const stall = { strategy: "stall", stall: 300, maxWait: 60_000 };
  assert.equal((await askMany(nc, "n.request.7", stall)).length, 3);
  assert.ok(Date.now() - start >= 298 && Date.now() - start < 20_000);
  start = Date.now();
  assert.equal((await askMany(nc, "n.request.7", { strategy: "timer", maxWait: 500 })).length, 3);
  assert.ok(Date.now() - start >= 498);
});

behaviour("request-08", "many answers: an empty one ends them when asked for", async (t) => {
  const nc = await dial(t);
  answerInParts(nc, "n.request.8");
  const options = { strategy: "sentinel", maxWait: 20_000 };
  assert.deepEqual(await askMany(nc, "n.request.8", options), ["x", "x"]);
});

behaviour("request-09", "many answers: nobody listens", async (t) => {
  const nc = await dial(t);
  const options = { strategy: "timer", maxWait: 60_000 };
  await fails("NO_RESPONDERS", askMany(nc, "n.request.9", options));
});

behaviour("request-10", "close ends a request that waits, at once", async (t) => {
  const nc = await dial(t);
  const other = await dial(t);
  const silent = new Reader(other.subscribe("n.request.10"));
  await other.flush();
  const waiting = fails("CONNECTION_CLOSED", nc.request("n.request.10", "", { timeout: 60_000 }));
  await silent.next(); // so the request waits
  await nc.close();
  await waiting;
});

behaviour("request-11", "a request in flight when the server dies ends", async (t) => {
  const own = await server(t);
  const nc = await dial(t, own, EAGER);
  const watch = new Watch(nc);
  const silent = new Reader(nc.subscribe("n.request.11"));
  echo(nc, "n.request.11.echo");
  const waiting = fails("CONNECTION_LOST", nc.request("n.request.11", "", { timeout: 60_000 }));
  await silent.next();
  await own.tell("kill");
  await waiting;
  await own.tell("restart");
  await watch.until("reconnect");
  assert.equal((await nc.request("n.request.11.echo", "again", LONG)).string(), "again");
});

behaviour("request-12", "timeouts: the option's default, none that is not positive", async (t) => {
  const nc = await dial(t, undefined, { requestTimeout: 60 });
  nc.subscribe("n.request.12", { callback: () => {} });
  echo(nc, "n.request.12.echo");
  const start = Date.now();
  await fails("TIMEOUT", nc.request("n.request.12"));
  assert.ok(Date.now() - start >= 58 && Date.now() - start < 5000);
  for (const timeout of [0, -1, NaN, -Infinity]) {
    const ask = () => nc.request("n.request.12", "", { timeout });
    await fails("INVALID_ARGUMENT", ask, "timeout");
  }
  const text = { timeout: "5" };
  await assert.rejects(async () => nc.request("n.request.12", "", text), TypeError);
  for (const timeout of [Number.MAX_SAFE_INTEGER, 2 ** 31, 1e15]) {
    assert.equal((await nc.request("n.request.12.echo", "x", { timeout })).string(), "x");
  }
});

behaviour("request-13", "the inbox prefix of the options is used, and checked", async (t) => {
  const nc = await dial(t, undefined, { inboxPrefix: "_MINE.n" });
  echo(nc, "n.request.13");
  const all = new Reader(nc.subscribe("_MINE.n.>"));
  assert.equal((await nc.request("n.request.13", "x", LONG)).string(), "x");
  assert.equal(await all.text(), "x");
  assert.equal((await nc.request("n.request.13", "y", { ...LONG, noMux: true })).string(), "y");
  assert.equal(await all.text(), "y");
  assert.match(createInbox(), /^_INBOX\.[^.]+$/);
  assert.match(createInbox("_MINE.n"), /^_MINE\.n\.[^.]+$/);
  assert.notEqual(createInbox(), createInbox());
  const servers = await plain();
  for (const inboxPrefix of ["a b", "a.*", "a.", "a\r\nPING"]) {
    await fails("INVALID_OPTION", () => connect({ servers, inboxPrefix }), "inbox");
    assert.throws(() => createInbox(inboxPrefix), Error);
  }
});

behaviour("request-14", "a request to a denied subject fails with PERMISSION", async (t) => {
  const nc = await dial(t, await server(t, "users"), LIMITED);
  const start = Date.now();
  await fails("PERMISSION", nc.request("private.x", "", { timeout: 60_000 }), "private.x");
  assert.ok(Date.now() - start < 20_000);
});

check("an AbortSignal ends a request, which is forgotten", async (t) => {
  const nc = await dial(t);
  const silent = new Reader(nc.subscribe("n.request.abort"));
  const controller = new AbortController();
  const reason = new Error("no longer wanted");
  const waiting = nc.request("n.request.abort", "x", { ...LONG, signal: controller.signal });
  const late = await silent.next();
  controller.abort(reason);
  await assert.rejects(waiting, (error) => error === reason);
  late.respond("too late");
  await nc.flush();
  const aborted = { ...LONG, signal: AbortSignal.abort() };
  await assert.rejects(async () => nc.request("n.request.abort", "x", aborted), {
    name: "AbortError",
  });
  const timed = { ...LONG, signal: AbortSignal.timeout(30) };
  await assert.rejects(nc.request("n.request.abort", "x", timed), { name: "TimeoutError" });
  await assert.rejects(async () => nc.request("a", "x", { ...LONG, signal: 5 }), /signal/);
});

check("an AbortSignal ends a request for many, and a flush", async (t) => {
  const nc = await dial(t);
  const silent = new Reader(nc.subscribe("n.request.abort.many"));
  const controller = new AbortController();
  const options = { strategy: "timer", maxWait: 60_000, signal: controller.signal };
  const answers = await nc.requestMany("n.request.abort.many", "x", options);
  const waiting = answers[Symbol.asyncIterator]().next();
  await silent.next();
  controller.abort();
  await assert.rejects(waiting, { name: "AbortError" });
  await assert.rejects(async () => nc.flush({ signal: AbortSignal.abort() }), {
    name: "AbortError",
  });
  await nc.flush();
});

check("10,000 aborted requests leave no memory behind", async (t) => {
  const nc = await dial(t, undefined, { name: "aborting" });
  nc.subscribe("n.request.leak", { callback: () => {} });
  const round = async (count) => {
    for (let i = 0; i < count; i += 100) {
      const controller = new AbortController();
      const options = { timeout: 60_000, signal: controller.signal, noMux: i % 200 === 0 };
      const all = Array.from({ length: 100 }, () => nc.request("n.request.leak", "x", options));
      controller.abort();
      for (const one of await Promise.allSettled(all)) assert.equal(one.reason.name, "AbortError");
    }
    await nc.flush();
    for (let i = 0; i < 5; i++) {
      globalThis.gc();
      await turn();
    }
  };
  for (let i = 0; i < 10; i++) await round(1000);
  const before = process.memoryUsage().rss;
  for (let i = 0; i < 10; i++) await round(1000);
  const grown = process.memoryUsage().rss - before;
  assert.ok(grown < 16 * 2 ** 20, `${grown} bytes`);
});
