// Two workers talk to each other; workers are terminated and exit with open connections.

import assert from "node:assert/strict";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { connect } from "nats-ffi";

const servers = process.env.NATS_URL;

async function inWorker() {
  const { name, peer, ending } = workerData;
  if (ending === "early") {
    parentPort.postMessage("ready");
    for (;;) await connect({ servers });
  }
  const nc = await connect({ servers });
  const callback = (_, msg) => msg.respond(`${name}: ${msg.string()}`);
  nc.subscribe(`p.worker.${name}`, { callback });
  await nc.flush();
  parentPort.postMessage("ready");
  await once(parentPort, "message");
  if (ending === "exit") return process.exit(3);
  if (ending === "busy") {
    nc.subscribe("p.worker.load", { callback: () => {} });
    setInterval(() => {
      for (let i = 0; i < 100; i++) nc.publish("p.worker.load", "x");
    }, 0);
    nc.request("p.worker.load", "", { timeout: 60_000 }).catch(() => {});
    await nc.flush();
    return parentPort.postMessage("busy");
  }
  for (let i = 0; i < 100; i++) {
    const answer = await nc.request(`p.worker.${peer}`, `${i}`, { timeout: 20_000 });
    assert.equal(answer.string(), `${peer}: ${i}`);
  }
  parentPort.postMessage("asked");
  await once(parentPort, "message");
  await nc.close(); // nothing else keeps the worker
  return undefined;
}

async function start(data) {
  const worker = new Worker(new URL(import.meta.url), { workerData: data });
  await once(worker, "message");
  return worker;
}

async function pair() {
  const workers = await Promise.all([
    start({ name: "one", peer: "two" }),
    start({ name: "two", peer: "one" }),
  ]);
  const each = async (text, event) => {
    const events = workers.map((worker) => once(worker, event));
    for (const worker of workers) worker.postMessage(text);
    return (await Promise.all(events)).map(([value]) => value);
  };
  assert.deepEqual(await each("ask", "message"), ["asked", "asked"]);
  assert.deepEqual(await each("end", "exit"), [0, 0]);
}

async function inMain() {
  const nc = await connect({ servers });
  await pair();
  console.log("exchanged");

  for (let i = 0; i < 10; i++) {
    const worker = await start({ name: `terminated.${i}`, ending: "busy" });
    const busy = once(worker, "message");
    worker.postMessage("go");
    await busy;
    await worker.terminate();
    // At some moment between two connects and in the middle of them.
    const early = await start({ name: `early.${i}`, ending: "early" });
    await delay(i);
    await early.terminate();
  }
  console.log("terminated");

  const leaving = await start({ name: "leaving", ending: "exit" });
  const exited = once(leaving, "exit");
  leaving.postMessage("go");
  console.log(`exited ${await exited}`);

  await pair();
  nc.publish("p.worker.main", "this environment is not affected");
  await nc.flush();
  await nc.close();
  console.log("again");
}

await (isMainThread ? inMain() : inWorker());
