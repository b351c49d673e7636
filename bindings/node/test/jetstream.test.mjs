// JetStream: the control plane, publishing with acknowledgement, what is refused.

import assert from "node:assert/strict";

import { headers, JetStreamError, NatsError, StreamNotFoundError } from "nats-ffi";

import { plain, server } from "./harness.mjs";
import { check, dial, fails, Reader } from "./helpers.mjs";

const STREAM = { name: "S", subjects: ["s.>"], storage: "memory", allow_msg_ttl: true };

/** A connection to a server of the test's own, and its JetStream with a stream. */
async function begin(t, options = {}) {
  const nc = await dial(t, await server(t, "jetstream"), options);
  const js = nc.jetstream();
  await js.streamCreate(STREAM);
  return { nc, js };
}

/** JetStream's refusal of a call. */
async function refused(codeName, errCode, call, ...says) {
  const error = await fails(codeName, call, ...says);
  assert.ok(error instanceof JetStreamError, error.name);
  assert.equal(error.errCode, errCode);
  assert.equal(typeof error.apiCode, "number");
  assert.equal(typeof error.description, "string");
  return error;
}

check("streams: made, changed, told of, emptied, removed", async (t) => {
  const { js } = await begin(t);
  const same = await js.streamCreate(STREAM);
  assert.deepEqual(same.config.subjects, ["s.>"]);
  const changed = await js.streamUpdate({ ...STREAM, max_msgs: 50, metadata: { own: "kept" } });
  assert.equal(changed.config.max_msgs, 50);
  assert.equal(changed.config.metadata.own, "kept");
  const other = await js.streamCreateOrUpdate({ name: "T", subjects: ["t"], storage: "memory" });
  assert.equal(other.config.name, "T");
  for (let i = 1; i <= 5; i++) await js.publish(`s.${i % 2}`, `${i}`);
  await js.streamDeleteMessage({ stream: "S", seq: 2 });
  const wanted = { stream: "S", subjects_filter: ">", deleted_details: true };
  const { state } = await js.streamInfo(wanted);
  assert.equal(state.messages, 4);
  assert.deepEqual(state.subjects, { "s.0": 1, "s.1": 3 });
  assert.deepEqual(state.deleted, [2]);
  assert.deepEqual((await js.streamNames()).streams.sort(), ["S", "T"]);
  assert.deepEqual(await js.streamNames({ subject: "t" }), { streams: ["T"] });
  const { streams } = await js.streamList({ subject: "s.1" });
  assert.deepEqual(streams.map((info) => info.state.last_seq), [5]);
  assert.equal((await js.streamList()).streams.length, 2);
  assert.deepEqual(await js.streamBySubject({ subject: "t" }), { stream: "T" });
  const message = await js.streamGetMessage({ stream: "S", seq: 3 });
  assert.equal(message.subject, "s.1");
  assert.equal(Buffer.from(message.data, "base64").toString(), "3");
  const last = await js.streamGetMessage({ stream: "S", last_by_subj: "s.0" });
  assert.equal(last.seq, 4);
  assert.deepEqual(await js.streamPurge({ stream: "S", keep: 1 }), { purged: 3 });
  assert.deepEqual(await js.streamDelete({ stream: "T" }), {});
  assert.deepEqual(await js.streamNames(), { streams: ["S"] });
  const account = await js.accountInfo();
  assert.equal(account.streams, 1);
  assert.equal(typeof account.limits.max_streams, "number");
});

check("consumers: made, changed, told of, paused, reset, removed", async (t) => {
  const { js } = await begin(t);
  const config = { durable_name: "w", ack_wait: 5e9, priority_groups: ["g"] };
  const made = await js.consumerCreate({
    stream: "S",
    config: { ...config, priority_policy: "pinned_client" },
  });
  assert.equal(made.name, "w");
  assert.equal(made.config.ack_wait, 5e9);
  const named = { stream: "S", consumer: "w" };
  await js.consumerUnpin({ ...named, group: "g" });
  const more = { ...made.config, description: "works" };
  const changed = await js.consumerUpdate({ stream: "S", config: more });
  assert.equal(changed.config.description, "works");
  const second = { durable_name: "v", filter_subjects: ["s.a", "s.b"] };
  await js.consumerCreateOrUpdate({ stream: "S", config: second });
  assert.equal((await js.consumerInfo(named)).stream_name, "S");
  assert.deepEqual((await js.consumerNames({ stream: "S" })).consumers.sort(), ["v", "w"]);
  const { consumers } = await js.consumerList({ stream: "S" });
  assert.deepEqual(consumers.map((info) => info.name).sort(), ["v", "w"]);
  const until = new Date(Date.now() + 3_600_000).toISOString();
  const paused = await js.consumerPause({ ...named, pause_until: until });
  assert.equal(paused.paused, true);
  assert.ok(paused.pause_remaining > 3e12);
  assert.equal((await js.consumerResume(named)).paused, false);
  assert.equal((await js.consumerReset({ stream: "S", consumer: "v" })).name, "v");
  assert.deepEqual(await js.consumerDelete(named), {});
  assert.deepEqual(await js.consumerNames({ stream: "S" }), { consumers: ["v"] });
});

check("refusals have the server's number, the class of their name, and its words", async (t) => {
  const { js } = await begin(t);
  const missing = await refused(
    "STREAM_NOT_FOUND", 10059, js.streamInfo({ stream: "none" }), "STREAM_NOT_FOUND",
  );
  assert.ok(missing instanceof StreamNotFoundError);
  assert.equal(missing.apiCode, 404);
  assert.equal(missing.description, "stream not found");
  const none = { stream: "S", consumer: "none" };
  await refused("CONSUMER_NOT_FOUND", 10014, js.consumerInfo(none));
  await refused("MESSAGE_NOT_FOUND", 10037, js.streamGetMessage({ stream: "S", seq: 7 }));
  await refused("STREAM_EXISTS", 10058, js.streamCreate({ ...STREAM, subjects: ["other"] }));
  const overlap = js.streamCreate({ ...STREAM, name: "T" });
  await refused("JETSTREAM", 10065, overlap, "STREAM_SUBJECT_OVERLAP");
  const filter = { durable_name: "w", filter_subject: "elsewhere" };
  await js.consumerCreate({ stream: "S", config: { durable_name: "w" } });
  await refused("CONSUMER_EXISTS", 10148, js.consumerCreate({ stream: "S", config: filter }));
  const sequence = { expectedLastSequence: 9 };
  await refused("WRONG_LAST_SEQUENCE", 10071, js.publish("s.a", "x", sequence));
  await refused("JETSTREAM", 10060, js.publish("s.a", "x", { expectedStream: "T" }));
  const own = await fails("INVALID_NAME", js.streamInfo({ stream: "a.b" }), "stream", "a.b");
  assert.equal(own.errCode, undefined);
  assert.ok(!("apiCode" in own));
});

check("without JetStream: the control plane says so, a publish has nobody", async (t) => {
  const js = (await dial(t, await plain())).jetstream();
  await fails("JETSTREAM_NOT_ENABLED", js.accountInfo());
  await fails("JETSTREAM_NOT_ENABLED", js.streamCreate(STREAM));
  const quick = { retries: 1, retryWait: 1 };
  const error = await fails("NO_RESPONDERS", js.publish("n.js.none", "x", quick), "n.js.none");
  assert.equal(error.subject, "n.js.none");
});

check("a publish tells where the message is stored", async (t) => {
  const { js } = await begin(t);
  assert.deepEqual(await js.publish("s.a", "one"), { stream: "S", seq: 1, duplicate: false });
  assert.deepEqual(await js.publish("s.a"), { stream: "S", seq: 2, duplicate: false });
  const id = { msgId: "id-1" };
  assert.deepEqual(await js.publish("s.a", "x", id), { stream: "S", seq: 3, duplicate: false });
  assert.deepEqual(await js.publish("s.a", "x", id), { stream: "S", seq: 3, duplicate: true });
  const bytes = Uint8Array.from([0, 255, 10]);
  const h = headers();
  h.append("Own", "kept");
  const options = {
    headers: h,
    ttl: 3_600_000,
    expectedStream: "S",
    expectedLastSequence: 3,
    expectedLastMsgId: "id-1",
    expectedLastSubjectSequence: 0,
    expectedLastSubject: "s.never",
    timeout: 10_000,
  };
  assert.equal((await js.publish("s.b", bytes, options)).seq, 4);
  const { data, hdrs } = await js.streamGetMessage({ stream: "S", seq: 4 });
  assert.deepEqual([...Buffer.from(data, "base64")], [...bytes]);
  assert.deepEqual(hdrs.Own, ["kept"]);
  assert.deepEqual(hdrs["Nats-TTL"], ["3600s"]);
  // Headers alone, over and over: they get a number on the way.
  for (let i = 0; i < 20; i++) await js.publish("s.h", `${i}`, { headers: h });
  const last = await js.streamGetMessage({ stream: "S", last_by_subj: "s.h" });
  assert.deepEqual([last.seq, last.hdrs], [24, { Own: ["kept"] }]);
});

check("thousands of publishes at a time are stored in order", async (t) => {
  const { js } = await begin(t);
  const count = 3000;
  const publishes = Array.from({ length: count }, (_, i) => js.publish("s.many", `${i}`));
  const acks = await Promise.all(publishes);
  assert.deepEqual(acks.map((ack) => ack.seq), Array.from({ length: count }, (_, i) => i + 1));
  const middle = await js.streamGetMessage({ stream: "S", seq: 1500 });
  assert.equal(Buffer.from(middle.data, "base64").toString(), "1499");
  const large = "x".repeat(500_000);
  assert.equal((await js.publish("s.large", large)).seq, count + 1);
});

check("a publish is tried again while no stream answers", async (t) => {
  const { nc, js } = await begin(t);
  const late = { name: "LATE", subjects: ["late.*"], storage: "memory" };
  const patient = { retries: 1000, retryWait: 10 };
  const waiting = [
    js.publish("late.options", "x", patient),
    // The second of a turn crosses another way, with the default attempts.
    js.publish("late.default", "x"),
    js.publish("late.default", "x"),
  ];
  await nc.flush(); // all have been refused once by then
  await js.streamCreate(late);
  const acks = await Promise.all(waiting);
  assert.deepEqual(acks.map((ack) => ack.stream), ["LATE", "LATE", "LATE"]);
  assert.deepEqual(acks.map((ack) => ack.seq).sort(), [1, 2, 3]);
});

check("a publish that is answered by something else, late, or not at all", async (t) => {
  const { nc, js } = await begin(t);
  const answers = {
    "odd.garbage": "+OK",
    "odd.empty": "{}",
    "odd.control": '{"stream":"a\nb","seq":7}',
    "odd.refused": '{"error":{"code":503,"err_code":19999,"description":"not today"}}',
    "odd.more": '{"stream":"O","seq":7,"domain":"hub","val":"12","new":[1]}',
  };
  const reader = new Reader(nc.subscribe("odd.*"));
  const ask = async (subject, options) => {
    const ack = js.publish(subject, "x", options);
    const msg = await reader.next();
    if (subject in answers) msg.respond(answers[subject]);
    return ack;
  };
  await fails("PROTOCOL", ask("odd.garbage"), "odd.garbage");
  await fails("PROTOCOL", ask("odd.empty"), "odd.empty");
  await fails("PROTOCOL", ask("odd.control"));
  const error = await fails("JETSTREAM", ask("odd.refused"), "not today");
  assert.deepEqual([error.apiCode, error.errCode, error.description], [503, 19999, "not today"]);
  const more = { stream: "O", seq: 7, domain: "hub", val: "12", new: [1], duplicate: false };
  assert.deepEqual(await ask("odd.more"), more);
  await fails("TIMEOUT", ask("odd.silent", { timeout: 30 }), "30 ms");
  const hasty = nc.jetstream({ timeout: 40 });
  const silent = hasty.publish("odd.silent", "x");
  await reader.next();
  await fails("TIMEOUT", silent, "40 ms");
});

check("a JetStream by another prefix or domain", async (t) => {
  const { nc } = await begin(t);
  assert.deepEqual(await nc.jetstream({ apiPrefix: "$JS.API." }).streamNames(), { streams: ["S"] });
  await fails("JETSTREAM_NOT_ENABLED", nc.jetstream({ domain: "far" }).streamNames(), "$JS.far.API");
  const api = new Reader(nc.subscribe("my.api.>"));
  const names = nc.jetstream({ apiPrefix: "my.api" }).streamNames();
  const asked = await api.next();
  assert.equal(asked.subject, "my.api.STREAM.NAMES");
  const type = "io.nats.jetstream.api.v1.stream_names_response";
  asked.respond(JSON.stringify({ type, total: 1, offset: 0, limit: 10, streams: ["FAR"] }));
  assert.deepEqual(await names, { streams: ["FAR"] });
});

check("headers that the program injects go with what is published to streams", async (t) => {
  const { js } = await begin(t, { inject: (h) => h.set("Trace", "t-1") });
  await js.publish("s.a", "x");
  await js.publish("s.a", "x", { msgId: "m" });
  for (const seq of [1, 2]) {
    const { hdrs } = await js.streamGetMessage({ stream: "S", seq });
    assert.deepEqual(hdrs.Trace, ["t-1"]);
  }
});

/** The call fails as one with this argument wrong must, and names it. */
async function wrong(name, call) {
  await assert.rejects(async () => call(), (error) => {
    assert.ok(error instanceof TypeError || error instanceof NatsError, `${error.stack}`);
    assert.match(error.message, new RegExp(name));
    return true;
  });
}

check("arguments that are not acceptable are named", async (t) => {
  const { nc, js } = await begin(t);
  for (const odd of [undefined, null, 5, "x", [], () => {}, Symbol("s"), 5n]) {
    await wrong("input", () => js.streamCreate(odd));
    await wrong("input", () => js.consumerInfo(odd));
    await wrong("subject", () => js.publish(odd === "x" ? {} : odd));
    await wrong("stream", () => js.fetch(odd === "x" ? {} : odd, "w"));
    await wrong("consumer", () => js.fetch("S", odd === "x" ? {} : odd));
    if (odd === undefined) continue;
    await wrong("options", () => nc.jetstream(odd));
    await wrong("options|unknown option", () => js.publish("s.a", "", odd));
    await wrong("options|unknown option", () => js.fetch("S", "w", odd));
    if (typeof odd !== "string") await wrong("payload", () => js.publish("s.a", odd));
  }
  const cycle = { name: "C" };
  cycle.self = cycle;
  await wrong("input", () => js.streamCreate(cycle));
  await wrong("input", () => js.streamCreate({ name: "C", max_msgs: 5n }));
  await wrong("input", () => js.streamNames(null));
  await fails("INVALID_JSON", js.streamInfo({}), "stream");
  await fails("INVALID_JSON", js.streamInfo({ stream: "S", deleted: true }), "deleted");
  await fails("INVALID_JSON", js.streamCreate({ ...STREAM, max_msgs: "5" }), "max_msgs");
  const config = { durable_name: 5 };
  await fails("INVALID_JSON", js.consumerCreate({ stream: "S", config }), "config.durable_name");
  const option = (options) => js.publish("s.a", "x", options);
  await fails("INVALID_OPTION", option({ msgID: "x" }), "msgID", "msgId");
  await fails("INVALID_OPTION", option({ msgId: 5 }), "msgId");
  await fails("INVALID_OPTION", option({ retryWait: -1 }), "retryWait");
  await fails("INVALID_OPTION", option({ timeout: 0 }), "timeout");
  await fails("INVALID_OPTION", option({ ttl: 999 }), "ttl");
  await fails("INVALID_HEADER", option({ msgId: "a\r\nb" }));
  await wrong("headers", () => option({ headers: 5 }));
  await fails("INVALID_SUBJECT", js.publish("s.*", "x"));
  await fails("INVALID_SUBJECT", js.publish("s..a", "x", { msgId: "x" }));
  await fails("INVALID_OPTION", () => nc.jetstream({ apiprefix: "x" }), "apiPrefix");
  await fails("INVALID_OPTION", () => nc.jetstream({ apiPrefix: "a b" }), "apiPrefix:");
  await fails("INVALID_OPTION", () => nc.jetstream({ domain: "*" }), "domain:");
  const both = { apiPrefix: "a", domain: "b" };
  await fails("INVALID_OPTION", () => nc.jetstream(both), "apiPrefix and domain:");
  await fails("INVALID_OPTION", () => nc.jetstream({ timeout: 1.5 }), "timeout");
  assert.equal((await js.streamInfo({ stream: "S" })).state.messages, 0);
});

check("a closed connection: every call says so", async (t) => {
  const { nc, js } = await begin(t);
  await js.consumerCreate({ stream: "S", config: { durable_name: "w" } });
  await js.publish("s.a", "x");
  const [msg] = await js.fetch("S", "w", { maxMessages: 1 });
  const waiting = fails("CONNECTION_CLOSED", js.fetch("S", "w"));
  await nc.close();
  await waiting;
  const closed = [
    () => js.accountInfo(),
    () => js.publish("s.a", "x"),
    () => js.publish("s.a", "x", { msgId: "x" }),
    () => js.fetch("S", "w"),
    () => msg.ack(),
    () => msg.nak(5),
    () => msg.inProgress(),
    () => msg.term("no"),
    () => msg.ackSync(),
    () => js.ackAll([msg]),
    // What could not be said can be said again: it was not acknowledged.
    () => msg.ack(),
  ];
  for (const call of closed) await fails("CONNECTION_CLOSED", call);
  assert.equal(msg.string(), "x");
  assert.equal(msg.metadata.streamSequence, 1);
});
