// Services that are looked for, here and by nats.js.

import assert from "node:assert/strict";

import { headers, ServiceResponseType, Svcm } from "nats-ffi";

import { behaviour, check, dial, fails, within } from "./helpers.mjs";
import { all, begin, nobody, serving } from "./service.mjs";

/** Three services, and one who asks. */
async function three(t) {
  const { own, nc, svcm } = await begin(t);
  const add = (name) => svcm.add({ name, version: "1.0.0" });
  const [one, two, other] = [await add("s"), await add("s"), await add("other")];
  await nc.flush();
  const asker = await dial(t, own);
  return { asker, client: new Svcm(asker).client({ stall: 1000 }), one, two, other };
}

function ids(...services) {
  return services.map((one) => one.ping().id).sort();
}

behaviour("service-02", "who is asked", async (t) => {
  const { asker, one, two, other } = await three(t);
  for (const verb of ["PING", "INFO", "STATS"]) {
    for (const [place, expected] of [
      ["", ids(one, two, other)],
      [".s", ids(one, two)],
      [`.s.${two.ping().id}`, ids(two)],
    ]) {
      const wait = { maxMessages: expected.length, maxWait: 30_000 };
      const told = await all(asker.requestMany(`$SRV.${verb}${place}`, "", wait));
      assert.deepEqual(told.map((msg) => msg.json().id).sort(), expected);
    }
  }
  await nobody(asker, "$SRV.PING.nobody", `$SRV.PING.s.${other.ping().id}`);
});

behaviour("service-35", "discovery", async (t) => {
  const { client, one, two, other } = await three(t);
  const found = async (...which) => (await all(client.ping(...which))).map(({ id }) => id).sort();
  assert.deepEqual(await found(), ids(one, two, other));
  assert.deepEqual(await found("s"), ids(one, two));
  assert.deepEqual(await found("s", two.ping().id), ids(two));
  assert.deepEqual(await found("nobody"), []);
  assert.deepEqual(await found("s", other.ping().id), []);
  assert.deepEqual(await all(client.info("s", one.ping().id)), [one.info()]);
  assert.deepEqual(await all(client.stats("other")), [await other.stats()]);
  const answers = await client.ping("s");
  for await (const { name } of answers) {
    assert.equal(name, "s");
    break;
  }
});

check("how many are waited for", async (t) => {
  const { asker, one, two, other } = await three(t);
  const svcm = new Svcm(asker);
  const first = svcm.client({ strategy: "count", maxMessages: 3, maxWait: 30_000 });
  assert.deepEqual((await all(first.ping())).map(({ id }) => id).sort(), ids(one, two, other));
  const timed = svcm.client({ strategy: "timer", maxWait: 300, maxMessages: 1 });
  assert.equal((await all(timed.ping())).length, 3);
  await fails("INVALID_OPTION", async () => svcm.client({ strategy: "sentinel" }), "strategy");
  await fails("INVALID_OPTION", async () => svcm.client({ colour: 1 }), "colour");
});

behaviour("service-36", "names, ids and prefixes that are none", async (t) => {
  const { svcm } = await begin(t);
  const client = svcm.client();
  await fails("INVALID_NAME", client.ping("a b"));
  await fails("INVALID_ARGUMENT", client.info(undefined, "x"));
  await fails("INVALID_ARGUMENT", client.stats("s", "x.*"));
  await fails("INVALID_SUBJECT", svcm.client({}, "a b").ping());
});

behaviour("service-37", "answers that are none", async (t) => {
  const { nc, svcm } = await begin(t);
  const fine = { type: ServiceResponseType.PING, name: "s", id: "i", version: "1.0.0", newer: 1 };
  nc.subscribe("MON.PING", {
    callback: (_, msg) => {
      msg.respond("{");
      msg.respond(JSON.stringify({ ...fine, type: ServiceResponseType.INFO }));
      msg.respond(JSON.stringify({ type: ServiceResponseType.PING }));
      const refusal = headers();
      refusal.set("Nats-Service-Error-Code", "503");
      refusal.set("Nats-Service-Error", "busy");
      msg.respond("", { headers: refusal });
      msg.respond(JSON.stringify(fine));
    },
  });
  const answers = await svcm.client({ maxMessages: 5, maxWait: 30_000 }, "MON").ping();
  assert.deepEqual(await all(answers), [fine]);
  const [first, second, third, refusal] = answers.errors;
  for (const error of [first, second, third]) assert.equal(error.codeName, "INVALID_JSON");
  assert.deepEqual([refusal.code, refusal.message, answers.errors.length], [503, "busy", 4]);
});

behaviour("service-38", "a connection that is lost", async (t) => {
  const { own, nc, svcm } = await begin(t);
  const come = new Promise((resolve) => nc.subscribe("$SRV.PING", { callback: resolve }));
  const answers = await svcm.client({ maxWait: 30_000, stall: 30_000 }).ping();
  const iterator = answers[Symbol.asyncIterator]();
  const lost = fails("CONNECTION_LOST", iterator.next());
  await within(come, "the question");
  await own.tell("kill");
  await lost;
  assert.equal((await iterator.next()).done, true);
});

behaviour("service-39", "nats.js finds services and asks them, and the other way round", async (t) => {
  const { Svcm: Theirs } = await import("@nats-io/services");
  const { connect } = await import("@nats-io/transport-node");
  const { own, nc, svcm, service } = await serving(t);
  const their = await within(connect({ servers: own.url }), "nats.js");
  t.after(() => their.close());
  const theirs = await new Theirs(their).add({
    name: "t",
    version: "2.0.0",
    description: "theirs",
    metadata: { own: "yes" },
    statsHandler: async () => ({ data: 1 }),
  });
  theirs.addGroup("v1").addEndpoint("double", (err, msg) => {
    if (msg.string() === "bad") msg.respondError(400, "no number");
    else msg.respond(String(2 * Number(msg.string())));
  });
  await their.flush();
  for (const client of [svcm.client(), new Theirs(their).client()]) {
    const pings = (await all(client.ping())).map(({ name, id }) => [name, id]).sort();
    assert.deepEqual(pings, [["s", service.ping().id], ["t", theirs.ping().id]].sort());
    const [ours] = await all(client.info("s"));
    assert.deepEqual(ours, service.info());
    const [other] = await all(client.info("t"));
    assert.deepEqual(other, JSON.parse(JSON.stringify(theirs.info())));
    const [stats] = await all(client.stats("t"));
    assert.deepEqual(stats.endpoints[0].data, { data: 1 });
    const [mine] = await all(client.stats("s", service.ping().id));
    assert.deepEqual(mine, await service.stats());
  }
  const { ServiceError: TheirError } = await import("@nats-io/services");
  const { ServiceError } = await import("nats-ffi");
  assert.equal((await nc.request("v1.double", "21")).string(), "42");
  assert.equal((await their.request("e", "again")).string(), "again");
  const ours = ServiceError.toServiceError(await nc.request("v1.double", "bad"));
  const said = TheirError.toServiceError(await their.request("e", "bad"));
  assert.deepEqual([ours.code, ours.message], [400, "no number"]);
  assert.deepEqual([said.code, said.message], [400, "no good"]);
});
