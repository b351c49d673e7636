// Services: endpoints, requests, statistics.

import assert from "node:assert/strict";

import { headers, ServiceError, ServiceResponseType, Svcm } from "nats-ffi";

import { behaviour, check, dial, fails, Reader, Watch, within } from "./helpers.mjs";
import { ask, asked, begin, counted, echo, gate, nobody, serving } from "./service.mjs";

behaviour("service-01", "what a service tells of itself", async (t) => {
  const { nc, svcm } = await begin(t);
  const metadata = { region: "\"north\"\n" };
  const version = "1.2.3-rc.1+b";
  const service = await svcm.add({ name: "echo", version, description: "says it again", metadata });
  service.addEndpoint("plain", echo);
  const other = service.addEndpoint("other", {
    subject: "other.*.>",
    metadata: { k: "v" },
    handler: echo,
  });
  assert.deepEqual([other.name, other.subject], ["other", "other.*.>"]);
  const { id } = service.ping();
  const who = { name: "echo", id, version, metadata };
  const ping = { type: ServiceResponseType.PING, ...who };
  assert.deepEqual(await asked(nc, "$SRV.PING"), ping);
  assert.deepEqual(service.ping(), ping);
  const info = {
    type: ServiceResponseType.INFO,
    ...who,
    description: "says it again",
    endpoints: [
      { name: "plain", subject: "plain", queue_group: "q", metadata: {} },
      { name: "other", subject: "other.*.>", queue_group: "q", metadata: { k: "v" } },
    ],
  };
  assert.deepEqual(await asked(nc, "$SRV.INFO"), info);
  assert.deepEqual(service.info(), info);
  const { started, ...stats } = await asked(nc, "$SRV.STATS");
  assert.deepEqual(await service.stats(), { ...stats, started });
  assert.match(started, /^\d{4}-\d\d-\d\dT.*Z$/);
  const zero = (name, subject) => ({
    name,
    subject,
    queue_group: "q",
    num_requests: 0,
    num_errors: 0,
    last_error: "",
    processing_time: 0,
    average_processing_time: 0,
  });
  assert.deepEqual(stats, {
    type: ServiceResponseType.STATS,
    ...who,
    endpoints: [zero("plain", "plain"), zero("other", "other.*.>")],
  });
});

behaviour("service-03", "instances share the requests", async (t) => {
  const { own, nc, service } = await serving(t);
  const more = await dial(t, own);
  const other = await new Svcm(more).add({ name: "s", version: "1.0.0" });
  other.addEndpoint("e", echo);
  await more.flush();
  assert.notEqual(service.ping().id, other.ping().id);
  for (let n = 0; n < 100; n++) await nc.request("e", String(n));
  const counts = [service, other].map(async (one) => (await one.stats()).endpoints[0].num_requests);
  const [first, second] = await Promise.all(counts);
  assert.ok(first > 0 && second > 0 && first + second === 100, `${first} ${second}`);
});

behaviour("service-04", "names and versions that are none", async (t) => {
  const { nc, svcm } = await begin(t);
  for (const name of ["", "a.b", "a b", "*", ">", "ä", "a\r\n"]) {
    await fails("INVALID_NAME", svcm.add({ name, version: "1.0.0" }), "name ");
  }
  for (const version of ["", "1", "v1.0.0", "1.0.0\r\n"]) {
    await fails("INVALID_ARGUMENT", svcm.add({ name: "s", version }), "version ");
  }
  await fails("INVALID_QUEUE_GROUP", svcm.add({ name: "s", version: "1.0.0", queue: "a b" }), "queue: ");
  await fails("INVALID_OPTION", svcm.add({ name: "s", version: "1.0.0", colour: 1 }), "colour");
  await assert.rejects(svcm.add(), TypeError);
  assert.throws(() => new Svcm({}), TypeError);
  await nc.flush();
  await nobody(nc, "$SRV.PING");
});

behaviour("service-05", "names and subjects of endpoints that are none", async (t) => {
  const { svcm } = await begin(t);
  const service = await svcm.add({ name: "s", version: "1.0.0" });
  for (const name of ["", "a.b", "a b", ">"]) {
    await fails("INVALID_NAME", async () => service.addEndpoint(name, echo));
  }
  const group = service.addGroup("g");
  for (const subject of ["", "a..b", ".a", "a b", ">.a", "a\r\nPUB x 0"]) {
    for (const to of [service, group]) {
      await fails("INVALID_SUBJECT", async () => to.addEndpoint("e", { subject }), "subject: ");
    }
  }
  for (const queue of ["a b", "*"]) {
    await fails("INVALID_QUEUE_GROUP", async () => service.addEndpoint("e", { queue }));
    await fails("INVALID_QUEUE_GROUP", async () => service.addGroup("g", queue).addEndpoint("e"));
  }
  for (const prefix of [">", "a.>", "a b", "a."]) {
    await fails("INVALID_SUBJECT", async () => service.addGroup(prefix).addEndpoint("e"));
  }
  assert.throws(() => service.addEndpoint("e", { handler: 5 }), TypeError);
  assert.deepEqual(service.info().endpoints, []);
});

behaviour("service-06", "where endpoints listen", async (t) => {
  const { nc, service } = await serving(t);
  service.addEndpoint("e", { subject: "other.*.>", handler: echo });
  for (const subject of ["e", "other.a.b.c"]) {
    assert.equal((await nc.request(subject, subject)).string(), subject);
  }
  const { endpoints } = await counted(service, 2);
  assert.deepEqual(endpoints.map((one) => one.num_requests), [1, 1]);
});

behaviour("service-07", "groups", async (t) => {
  const { nc, svcm } = await begin(t);
  const service = await svcm.add({ name: "s", version: "1.0.0" });
  const outer = service.addGroup("v1");
  const inner = outer.addGroup("numbers");
  const deep = inner.addGroup("").addGroup("*");
  const served = [
    outer.addEndpoint("b", echo),
    inner.addEndpoint("c", { subject: "add.two", handler: echo }),
    deep.addEndpoint("e", { subject: ">", handler: echo }),
    service.addGroup("").addEndpoint("f", echo),
  ];
  const subjects = ["v1.b", "v1.numbers.add.two", "v1.numbers.*.>", "f"];
  assert.deepEqual(served.map((one) => one.subject), subjects);
  assert.equal((await nc.request("v1.numbers.x.y.z", "deep")).string(), "deep");
  assert.equal((await counted(service, 1)).endpoints[2].num_requests, 1);
});

behaviour("service-08", "queue groups", async (t) => {
  const { svcm } = await begin(t);
  const service = await svcm.add({ name: "s", version: "1.0.0", queue: "mine" });
  const plain = await svcm.add({ name: "plain", version: "1.0.0" });
  plain.addEndpoint("z", echo);
  const outer = service.addGroup("v1");
  const inner = outer.addGroup("numbers", "n.1");
  service.addEndpoint("a", echo);
  service.addEndpoint("a", { queue: "", handler: echo });
  outer.addEndpoint("b", echo);
  inner.addEndpoint("c", echo);
  inner.addEndpoint("d", { queue: "own", handler: echo });
  inner.addGroup("", "").addEndpoint("e", echo);
  const groups = (one) => one.info().endpoints.map((endpoint) => endpoint.queue_group);
  assert.deepEqual(groups(plain), ["q"]);
  assert.deepEqual(groups(service), ["mine", "", "mine", "n.1", "own", ""]);
});

behaviour("service-09", "without a queue group", async (t) => {
  const { own, nc, svcm } = await begin(t);
  const other = await dial(t, own);
  const services = [];
  for (const one of [svcm, new Svcm(other)]) {
    const service = await one.add({ name: "s", version: "1.0.0", queue: "" });
    service.addEndpoint("all", echo);
    service.addGroup("g", "").addEndpoint("grouped", echo);
    service.addEndpoint("alone", { queue: service.ping().id, handler: echo });
    services.push(service);
  }
  await Promise.all([nc.flush(), other.flush()]);
  for (const subject of ["all", "g.grouped", "alone"]) {
    const replies = await nc.requestMany(subject, "x", { maxMessages: 2, maxWait: 30_000 });
    assert.deepEqual(await new Reader(replies).texts(2), ["x", "x"]);
  }
  for (const service of services) await counted(service, 3);
});

behaviour("service-10", "an answer", async (t) => {
  const seen = [];
  const { nc } = await serving(t, (err, msg) => {
    const own = headers();
    own.set("Kind", "plain");
    seen.push(err, msg.string(), msg.subject, msg.reply, msg.headers?.get("Own"), msg.sid > 0);
    assert.equal(msg.respond(new Uint8Array([0, 255]), { headers: own }), true);
  });
  const own = headers();
  own.set("Own", "1");
  const answer = await nc.request("e", "question", { headers: own });
  assert.deepEqual([...answer.data], [0, 255]);
  assert.equal(answer.headers.get("Kind"), "plain");
  const [err, text, subject, reply, header, sid] = seen;
  assert.deepEqual([err, text, subject, header, sid], [null, "question", "e", "1", true]);
  assert.ok(reply.startsWith("_INBOX."));
});

behaviour("service-11", "an answer that is an error", async (t) => {
  const { nc, service } = await serving(t);
  const answer = await nc.request("e", "bad");
  assert.equal(answer.headers.get("Nats-Service-Error-Code"), "400");
  assert.equal(answer.headers.get("Nats-Service-Error"), "no good");
  assert.equal(answer.string(), "why");
  const { num_errors, last_error } = (await counted(service, 1)).endpoints[0];
  assert.deepEqual([num_errors, last_error], [1, "400:no good"]);
});

behaviour("service-12", "an error without a number", async (t) => {
  const { nc, service } = await serving(t, async (_, msg) => {
    await fails("INVALID_ARGUMENT", async () => msg.respondError(0, "x"), "code: ");
    await fails("INVALID_ARGUMENT", async () => msg.respondError("1", "x"), "code: ");
    await fails("INVALID_ARGUMENT", async () => msg.respondError(1, ""), "description: ");
    await fails("INVALID_HEADER", async () => msg.respondError(1, "\n"));
    const own = headers();
    own.set("Own", "1");
    msg.respondError(409, "tried again", "", { headers: own });
    assert.equal(own.size(), 1);
  });
  const answer = await nc.request("e");
  assert.equal(answer.headers.get("Own"), "1");
  assert.equal(ServiceError.toServiceError(answer).code, 409);
  assert.equal((await counted(service, 1)).endpoints[0].last_error, "409:tried again");
});

behaviour("service-13", "who asks sees the error", async (t) => {
  const { nc } = await serving(t);
  const error = ServiceError.toServiceError(await nc.request("e", "bad"));
  assert.ok(error instanceof Error && error instanceof ServiceError);
  assert.deepEqual([error.code, error.message], [400, "no good"]);
  const fine = await nc.request("e", "good");
  assert.deepEqual([ServiceError.isServiceError(fine), fine.string()], [false, "good"]);
});

behaviour("service-14", "a handler that throws", async (t) => {
  const { nc, service } = await serving(t, (_, msg) => {
    if (msg.string() === "later") return Promise.reject(new Error("it\r\nfailed"));
    if (msg.string() === "own") throw new ServiceError(418, "a teapot");
    if (msg.string() === "what") throw "text";
    throw new TypeError("at once");
  });
  const expected = [
    ["now", 500, "at once"],
    ["later", 500, "it failed"],
    ["own", 418, "a teapot"],
    ["what", 500, "text"],
  ];
  for (const [index, [how, code, text]] of expected.entries()) {
    const error = ServiceError.toServiceError(await nc.request("e", how));
    assert.deepEqual([error.code, error.message], [code, text]);
    const { num_errors, last_error } = (await counted(service, index + 1)).endpoints[0];
    assert.deepEqual([num_errors, last_error], [index + 1, `${code}:${text}`]);
  }
});

check("what a handler throws behind its answer is told, and is no second answer", async (t) => {
  const { nc, service } = await serving(t, (_, msg) => {
    msg.respond(msg.data);
    if (msg.string() === "now") throw new TypeError("at once");
    return Promise.reject(new TypeError("later"));
  });
  const watch = new Watch(nc);
  const subscription = nc.subscribe("answers");
  const answers = new Reader(subscription);
  for (const how of ["now", "later"]) ask(nc, how);
  const { error } = await watch.until("error", 2);
  assert.match(`${error} ${error.cause ?? ""}`, /later/);
  assert.deepEqual(await answers.texts(2), ["now", "later"]);
  const { num_errors, last_error } = (await counted(service, 2)).endpoints[0];
  assert.deepEqual([num_errors, last_error ?? ""], [0, ""]);
  await nc.flush();
  assert.equal(subscription.getPending(), 0);
});

behaviour("service-15", "a handler that answers later", async (t) => {
  const { open, opened } = gate();
  const { nc, service } = await serving(t, async (_, msg) => {
    if (msg.string() === "late") await opened;
    msg.respond(msg.data);
  });
  const late = nc.request("e", "late");
  assert.equal((await nc.request("e", "soon")).string(), "soon");
  assert.equal((await counted(service, 1)).endpoints[0].num_errors, 0);
  open();
  assert.equal((await late).string(), "late");
  assert.equal((await counted(service, 2)).endpoints[0].num_errors, 0);
});

behaviour("service-16", "a request is counted once", async (t) => {
  const { nc, service } = await serving(t, (_, msg) => {
    const what = msg.string();
    if (what === "parts") ["part", "whole", "more"].forEach((text) => msg.respond(text));
    if (what === "nobody waits") assert.equal(msg.respond("x"), false);
  });
  const answers = new Reader(nc.subscribe("answers"));
  ask(nc, "parts");
  ask(nc, "given up");
  nc.publish("e", "nobody waits");
  assert.deepEqual(await answers.texts(3), ["part", "whole", "more"]);
  assert.equal((await counted(service, 3)).endpoints[0].num_errors, 0);
});

behaviour("service-17", "what is counted", async (t) => {
  const { nc, service } = await serving(t);
  for (const payload of ["1", "bad", "2", "3"]) await nc.request("e", payload);
  const [one] = (await counted(service, 4)).endpoints;
  assert.deepEqual([one.num_errors, one.last_error], [1, "400:no good"]);
  assert.ok(one.processing_time > 0);
  assert.equal(one.average_processing_time, Math.floor(one.processing_time / 4));
});

behaviour("service-18", "a reset", async (t) => {
  const { nc, service } = await serving(t);
  const { started } = await service.stats();
  await nc.request("e", "bad");
  await counted(service, 1);
  service.reset();
  const reset = await service.stats();
  assert.ok(reset.started > started);
  const { num_requests, num_errors, processing_time, last_error } = reset.endpoints[0];
  assert.deepEqual([num_requests, num_errors, processing_time, last_error], [0, 0, 0, ""]);
  await nc.request("e", "4");
  await counted(service, 1);
});

behaviour("service-19", "data of the program's own", async (t) => {
  const { nc, svcm } = await begin(t);
  const handler = async ({ name, num_requests, queue_group, metadata }) => {
    if (name === "fails") throw new Error("a fault of the program");
    return name === "e" ? { num_requests, queue_group, metadata } : null;
  };
  const service = await svcm.add({ name: "s", version: "1.0.0", statsHandler: handler });
  ["e", "none", "fails"].forEach((name) => service.addEndpoint(name, echo));
  const id = service.ping().id;
  for (const subject of ["$SRV.STATS", "$SRV.STATS.s", `$SRV.STATS.s.${id}`]) {
    const { endpoints } = await asked(nc, subject);
    assert.deepEqual(endpoints[0].data, { num_requests: 0, queue_group: "q", metadata: {} });
    assert.ok(!("data" in endpoints[1]) && !("data" in endpoints[2]));
  }
  assert.equal((await service.stats()).endpoints[0].data.num_requests, 0);
});

check("requests that a loop reads", async (t) => {
  const { nc, svcm } = await begin(t);
  const service = await svcm.add({ name: "s", version: "1.0.0" });
  const endpoint = service.addEndpoint("e");
  const answers = new Reader(nc.subscribe("answers"));
  for (const text of ["1", "bad", "3", "last", "left"]) ask(nc, text);
  for await (const msg of endpoint) {
    echo(null, msg);
    if (msg.string() === "last") break;
    assert.equal(msg.subject, "e");
  }
  assert.deepEqual(await answers.texts(4), ["1", "why", "3", "last"]);
  assert.equal(endpoint.getProcessed(), 4);
  const told = service.info().endpoints;
  assert.deepEqual(told, [], "its loop has left it");
  assert.equal(await within(service.stop(), "the stop"), null);
});
