// What the tests of services share.

import assert from "node:assert/strict";

import { Svcm } from "nats-ffi";

import { server } from "./harness.mjs";
import { dial, within } from "./helpers.mjs";
import { until } from "./kv.mjs";

export const SHORT = 100;

/** A connection to a server of the test's own. */
export async function begin(t, options = {}) {
  const own = await server(t, "plain");
  const nc = await dial(t, own, options);
  return { own, nc, svcm: new Svcm(nc) };
}

/** Answers with the payload, except that `bad` gets an error. */
export function echo(_, msg) {
  if (msg.string() === "bad") msg.respondError(400, "no good", "why");
  else msg.respond(msg.data);
}

/** The same, and a service `s` with an endpoint `e`, known to the server. */
export async function serving(t, handler = echo, options = {}) {
  const begun = await begin(t, options);
  const service = await begun.svcm.add({ name: "s", version: "1.0.0" });
  const endpoint = service.addEndpoint("e", handler);
  await begun.nc.flush();
  return { ...begun, service, endpoint };
}

/** The statistics, once so many requests are counted. */
export function counted(service, requests) {
  return until(`${requests} requests`, async () => {
    await new Promise(setImmediate);
    const stats = await service.stats();
    const sum = stats.endpoints.reduce((sum, one) => sum + one.num_requests, 0);
    return sum === requests && stats;
  });
}

/** What a monitor is told. */
export async function asked(nc, subject) {
  return (await nc.request(subject)).json();
}

/** All that services answer. */
export async function all(answers) {
  const told = [];
  const read = async () => {
    for await (const one of await answers) told.push(one);
  };
  await within(read(), "the end of the answers");
  return told;
}

/** Nobody answers on these. */
export async function nobody(nc, ...subjects) {
  for (const subject of subjects) {
    await assert.rejects(nc.request(subject), { codeName: "NO_RESPONDERS" }, subject);
  }
}

/** Answers that are awaited without the asker's waiting for each. */
export function ask(nc, payload) {
  nc.publish("e", payload, { reply: "answers" });
}

/** A promise that others settle. */
export function gate() {
  let open;
  const opened = new Promise((resolve) => (open = resolve));
  return { open, opened };
}
