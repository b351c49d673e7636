// Publishes at the very end of a program: last.mjs ENDING. What was published has to arrive.

import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";

import { connect } from "nats-ffi";

const nc = await connect({ servers: process.env.NATS_URL });

function publish(count) {
  for (let i = 0; i < count; i++) nc.publish("p.last", `${i}`);
}

/** Keeps the turn from ending, and so the worker until it is terminated. */
function stay() {
  for (;;);
}

const endings = {
  exit: () => {
    publish(100);
    process.exit();
  },
  hook: () => {
    process.on("exit", () => {
      publish(100);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    });
    process.exit();
  },
  throwing: () => {
    publish(100);
    throw new Error("ends the process");
  },
  worker: async () => {
    const worker = new Worker(new URL(import.meta.url), { workerData: "terminated" });
    await once(worker, "message");
    await worker.terminate();
    await nc.close();
  },
  terminated: () => {
    publish(100);
    parentPort.postMessage("published");
    stay();
  },
};

await endings[isMainThread ? process.argv[2] : workerData]();
