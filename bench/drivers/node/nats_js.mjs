/** Driver for nats.js. NATS_JS_PATH names another folder whose node_modules has it. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse, run } from "./bench.mjs";
import { measure } from "./ops.mjs";

const options = parse();
const usual = fileURLToPath(new URL("../../../.tools/bench-node", import.meta.url));
const folder = resolve(process.env.NATS_JS_PATH ?? usual);
const find = createRequire(`${folder}/package.json`).resolve;
const { connect, headers } = await import(pathToFileURL(find("@nats-io/transport-node")));
const { version } = JSON.parse(readFileSync(find("@nats-io/transport-node/package.json"), "utf8"));
const { jetstream } = await import(pathToFileURL(find("@nats-io/jetstream")));
const { Kvm } = await import(pathToFileURL(find("@nats-io/kv")));
const { Objm } = await import(pathToFileURL(find("@nats-io/obj")));
const { Svcm } = await import(pathToFileURL(find("@nats-io/services")));
// It does not ask the bucket, which may be read directly.
const bucket = (nc, name) => new Kvm(nc).open(name, { allow_direct: true });
const streams = (nc) => {
  const js = jetstream(nc);
  return {
    publish: (stream, payload) => js.publish(stream, payload),
    consumer: async (stream, name) => new Consumer(await js.consumers.get(stream, name)),
  };
};

/** A consumer as the operations want it. */
class Consumer {
  #consumer;

  constructor(consumer) {
    this.#consumer = consumer;
  }

  async fetch(max, acknowledge, check) {
    let come = 0;
    for await (const message of await this.#consumer.fetch({ max_messages: max })) {
      check(message);
      if (acknowledge) {
        message.ack();
      }
      come++;
    }
    return come;
  }

  consume(callback) {
    return this.#consumer.consume(callback && { callback });
  }
}

// It bounds nothing.
const library = { connect, headers, streams, bucket, Objm, Svcm, unbounded: {} };
await run("nats.js", version, (meter) => measure(library, options, meter));
