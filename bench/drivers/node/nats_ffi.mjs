/** Driver for nats-ffi. NATS_FFI_NODE names the folder of another build than the checkout's. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse, run } from "./bench.mjs";
import { measure } from "./ops.mjs";

const options = parse();
const checkout = fileURLToPath(new URL("../../../bindings/node", import.meta.url));
const folder = resolve(process.env.NATS_FFI_NODE ?? checkout);
const { connect, headers, Kvm, Objm, Svcm } = await import(pathToFileURL(`${folder}/index.mjs`));
const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
const bucket = (nc, name) => new Kvm(nc).open(name);
const streams = (nc) => {
  const js = nc.jetstream();
  return {
    publish: (stream, payload) => js.publish(stream, payload),
    consumer: async (stream, name) => new Consumer(js, stream, name),
  };
};

/** A consumer as the operations want it. */
class Consumer {
  #js;
  #names;

  constructor(js, ...names) {
    this.#js = js;
    this.#names = names;
  }

  async fetch(max, acknowledge, check) {
    const messages = await this.#js.fetch(...this.#names, { maxMessages: max });
    messages.forEach(check);
    if (acknowledge) {
      this.#js.ackAll(messages);
    }
    return messages.length;
  }

  consume(callback) {
    const plain = callback && ((_error, message) => callback(message));
    return this.#js.consume(...this.#names, { callback: plain });
  }
}

const unbounded = { pendingMessages: 0, pendingBytes: 0 };
const library = { connect, headers, streams, bucket, Objm, Svcm, unbounded };
await run("nats-ffi-node", version, (meter) => measure(library, options, meter));
