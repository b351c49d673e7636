/**
 * The operations. nats.js and ours have the same API, so they run the same code, but for JetStream,
 * for which each has an object of its own.
 */

import {
  Failure,
  HEADERS,
  KEYS,
  OBJECT,
  OBJECT_WARM_UP,
  PATIENCE,
  REQUEST_TIMEOUT,
  STORED_WARM_UP,
  Unsupported,
  warmUp,
  warmUpStream,
} from "./bench.mjs";

/** After so many messages of a connection, publishers let the event loop send them. */
const FLUSH_EVERY = 2000;

/**
 * Does the operation that the options ask for. A library has `connect` and `headers`,
 * `unbounded`, the options of a subscription in which any number of messages may wait,
 * `bucket(nc, name)`, which opens a bucket, and `Svcm` and `Objm`, the classes that make
 * services and open buckets of objects; for JetStream `streams`, which makes an object of a
 * connection:
 *
 * - `publish(stream, payload)` waits until the message is stored; a stream's name is its subject;
 * - `consumer(stream, name)` finds a consumer: its `fetch(max, acknowledge, check)` hands the
 *   messages of one request to `check` and tells how many they were, `consume(callback)` takes
 *   messages without end, by the callback or, without one, as what can be iterated.
 */
export async function measure(library, options, meter) {
  if (options.threads > 1) {
    throw new Unsupported("a connection belongs to one event loop, and so to one thread");
  }
  const opened = [];
  const connect = async () => {
    const nc = await library.connect({ servers: options.url, reconnect: false });
    opened.push(nc);
    return nc;
  };
  await OPERATIONS[options.op](connect, library, options, meter);
  for (const nc of opened) {
    await nc.close();
  }
}

/** Publishes round-robin. */
async function publishOver(clients, subject, payload, options, count) {
  const round = FLUSH_EVERY * clients.length;
  for (let sent = 0, turn = 0; sent < count; turn++) {
    if (turn === clients.length) {
      turn = 0;
    }
    clients[turn].publish(subject, payload, options);
    if (++sent % round === 0) {
      await flush(clients);
    }
  }
}

async function flush(clients) {
  for (const nc of clients) {
    await nc.flush();
  }
}

async function publish(connect, library, options, meter) {
  const clients = [];
  while (clients.length < options.conns) {
    clients.push(await connect());
  }
  const payload = new Uint8Array(options.size);
  let extras;
  if (options.headers > 0) {
    extras = { headers: library.headers() };
    for (const [name, value] of Object.entries(HEADERS)) {
      extras.headers.set(name, value);
    }
  }
  const send = async (count) => {
    await publishOver(clients, "bench.data", payload, extras, count);
    await flush(clients);
  };
  await send(warmUp(options));
  await meter.measure(() => send(options.count));
}

/** Subscriptions whose messages are counted together. */
class Receiver {
  #options;
  #left = 0;
  #done = () => {};
  #fail = () => {};

  constructor(options) {
    this.#options = options;
  }

  /** Subscribes as often, and reads in the way, as the options say. */
  subscribe(nc, subject, unbounded) {
    const { mode, subs, size } = this.#options;
    // Each way counts in place: a call for it would be seen in what is measured.
    const callback = (_error, message) => {
      if (message.data.length !== size) {
        this.#refuse(message);
      } else if (--this.#left === 0) {
        this.#done();
      }
    };
    for (let number = 0; number < subs; number++) {
      if (mode === "callback") {
        nc.subscribe(subject, { callback, ...unbounded });
      } else {
        this.#iterate(nc.subscribe(subject, unbounded)).catch((error) => this.#fail(error));
      }
    }
  }

  /** Takes the messages of a consumer without end. */
  async consume(consumer) {
    const { mode, size } = this.#options;
    const callback = (message) => {
      if (message.data.length !== size) {
        this.#refuse(message);
      } else if (--this.#left === 0) {
        this.#done();
      }
    };
    const messages = await consumer.consume(mode === "callback" ? callback : undefined);
    if (mode === "iterator") {
      this.#iterate(messages).catch((error) => this.#fail(error));
    }
  }

  /** Begins, and waits until so many messages have come. */
  async receive(count, begin) {
    this.#left = count;
    const arrived = new Promise((resolve, reject) => {
      this.#done = resolve;
      this.#fail = reject;
    });
    const late = () => {
      const missing = `${count - this.#left} of ${count} messages`;
      this.#fail(new Failure(`${missing} within ${PATIENCE / 1000} s`));
    };
    const timer = setTimeout(late, PATIENCE);
    await Promise.all([begin(count), arrived]);
    clearTimeout(timer);
  }

  async #iterate(sub) {
    const size = this.#options.size;
    for await (const message of sub) {
      if (message.data.length !== size) {
        this.#refuse(message);
      } else if (--this.#left === 0) {
        this.#done();
      }
    }
  }

  #refuse(message) {
    this.#fail(new Failure(`a payload of ${message.data?.length} bytes arrived`));
  }
}

async function receive(nc, subject, library, options, meter, begin) {
  const receiver = new Receiver(options);
  receiver.subscribe(nc, subject, library.unbounded);
  await nc.flush();
  await receiver.receive(warmUp(options), begin);
  await meter.measure(() => receiver.receive(options.count, begin));
}

function checkMode(options) {
  if (options.mode === "batch") {
    throw new Unsupported("subscriptions do not hand out batches");
  }
}

async function subscribe(connect, library, options, meter) {
  checkMode(options);
  const nc = await connect();
  const begin = async (count) => {
    nc.publish("bench.go", `${count} ${options.size} ${options.headers} ${options.subs}`);
  };
  await receive(nc, "bench.data", library, options, meter, begin);
}

async function pubsub(connect, library, options, meter) {
  checkMode(options);
  if (options.subs > 1) {
    throw new Unsupported("pubsub has one subscription");
  }
  const nc = await connect();
  const payload = new Uint8Array(options.size);
  const begin = (count) => publishOver([nc], "bench.loop", payload, undefined, count);
  await receive(nc, "bench.loop", library, options, meter, begin);
}

async function request(connect, library, options, meter) {
  const nc = await connect();
  const payload = new Uint8Array(options.size);
  const ask = async () => {
    const reply = await nc.request("bench.echo", payload, { timeout: REQUEST_TIMEOUT });
    if (reply.data.length !== options.size) {
      throw new Failure(`an answer of ${reply.data.length} bytes`);
    }
  };
  const askAll = async (count) => {
    let left = count;
    const asking = async () => {
      while (left-- > 0) {
        await ask();
      }
    };
    await Promise.all(Array.from({ length: options.inflight }, asking));
  };
  const askTimed = async (count) => {
    for (let sent = 0; sent < count; sent++) {
      const start = performance.now();
      await ask();
      meter.latencies.push((performance.now() - start) * 1000);
    }
  };
  await askAll(warmUp(options));
  await meter.measure(() => (options.inflight === 1 ? askTimed : askAll)(options.count));
}

async function service(connect, library, options, meter) {
  const nc = await connect();
  const service = await new library.Svcm(nc).add({ name: "bench", version: "1.0.0" });
  const handler = (_error, message) => {
    message.respond(message.data);
  };
  service.addEndpoint("serve", { subject: "bench.serve", handler });
  await nc.flush();
  const beAsked = async (count) => {
    const order = `${count} ${options.size} ${options.inflight}`;
    const last = await nc.request("bench.ask", order, { timeout: PATIENCE });
    if (last.data.length !== options.size) {
      throw new Failure(`an answer of ${last.data.length} bytes`);
    }
  };
  await beAsked(warmUp(options));
  await meter.measure(() => beAsked(options.count));
}

async function connect(connect, library, options, meter) {
  await (await connect()).close();
  await meter.measure(async () => {
    for (let opened = 0; opened < options.conns; opened++) {
      await connect();
    }
  });
}

/** The JetStream of a connection, and that connection. */
async function open(connect, library) {
  if (library.streams === undefined) {
    throw new Unsupported("JetStream is not measured");
  }
  const nc = await connect();
  return [library.streams(nc), nc];
}

async function jsPublish(connect, library, options, meter) {
  const [js] = await open(connect, library);
  const payload = new Uint8Array(options.size);
  const publishAll = async (stream, count) => {
    for (let sent = 0; sent < count; sent++) {
      const start = performance.now();
      await js.publish(stream, payload);
      meter.latencies.push((performance.now() - start) * 1000);
    }
  };
  await publishAll(warmUpStream(options), warmUp(options));
  meter.latencies = [];
  await meter.measure(() => publishAll(options.stream, options.count));
}

async function jsPublishAsync(connect, library, options, meter) {
  const [js] = await open(connect, library);
  const payload = new Uint8Array(options.size);
  const publishAll = async (stream, count) => {
    let left = count;
    const publishing = async () => {
      while (left-- > 0) {
        await js.publish(stream, payload);
      }
    };
    await Promise.all(Array.from({ length: options.inflight }, publishing));
  };
  await publishAll(warmUpStream(options), warmUp(options));
  await meter.measure(() => publishAll(options.stream, options.count));
}

async function jsFetch(connect, library, options, meter) {
  const [js, nc] = await open(connect, library);
  const acknowledge = options.op === "js-fetch-ack";
  const check = (message) => {
    if (message.data.length !== options.size) {
      throw new Failure(`a payload of ${message.data.length} bytes arrived`);
    }
  };
  const fetchAll = async (consumer, count) => {
    for (let come = 0; come < count; ) {
      const wanted = Math.min(options.batch, count - come);
      const more = await consumer.fetch(wanted, acknowledge, check);
      if (more === 0) {
        throw new Failure(`${come} of ${count} messages came`);
      }
      come += more;
    }
    if (acknowledge) {
      await nc.flush();
    }
  };
  const warmingUp = await js.consumer(warmUpStream(options), options.consumer);
  const consumer = await js.consumer(options.stream, options.consumer);
  await fetchAll(warmingUp, STORED_WARM_UP);
  await meter.measure(() => fetchAll(consumer, options.count));
}

async function jsConsume(connect, library, options, meter) {
  checkMode(options);
  const [js] = await open(connect, library);
  const receiver = new Receiver(options);
  const consumeAll = (consumer, count) => receiver.receive(count, () => receiver.consume(consumer));
  const warmingUp = await js.consumer(warmUpStream(options), options.consumer);
  const consumer = await js.consumer(options.stream, options.consumer);
  await consumeAll(warmingUp, STORED_WARM_UP);
  await meter.measure(() => consumeAll(consumer, options.count));
}

/** Does something to a key of a bucket again and again. */
async function inSeries(connect, library, options, meter, work) {
  const nc = await connect();
  const series = async (kv, count) => {
    for (let done = 0; done < count; done++) {
      const start = performance.now();
      await work(kv, KEYS[done % KEYS.length]);
      meter.latencies.push((performance.now() - start) * 1000);
    }
  };
  const warmingUp = await library.bucket(nc, warmUpStream(options));
  const kv = await library.bucket(nc, options.stream);
  await series(warmingUp, warmUp(options));
  meter.latencies = [];
  await meter.measure(() => series(kv, options.count));
}

async function kvPut(connect, library, options, meter) {
  const payload = new Uint8Array(options.size);
  await inSeries(connect, library, options, meter, (kv, key) => kv.put(key, payload));
}

async function kvGet(connect, library, options, meter) {
  await inSeries(connect, library, options, meter, async (kv, key) => {
    checkValue(await kv.get(key), options);
  });
}

async function kvWatch(connect, library, options, meter) {
  const nc = await connect();
  const watch = async (kv, count) => {
    let come = 0;
    for await (const entry of await kv.watch()) {
      checkValue(entry, options);
      if (++come === count) {
        break;
      }
    }
    if (come !== count) {
      throw new Failure(`${come} of ${count} entries came`);
    }
  };
  const warmingUp = await library.bucket(nc, warmUpStream(options));
  const kv = await library.bucket(nc, options.stream);
  await watch(warmingUp, STORED_WARM_UP);
  await meter.measure(() => watch(kv, options.count));
}

function checkValue(entry, options) {
  if (entry?.value.length !== options.size) {
    throw new Failure(`a value of ${entry?.value.length} bytes came`);
  }
}

/** The content of an object, as it is read from elsewhere. */
function content(size, count) {
  const chunk = new Uint8Array(size).fill(120);
  let left = count;
  return new ReadableStream({
    pull(controller) {
      if (left-- > 0) {
        controller.enqueue(chunk);
      } else {
        controller.close();
      }
    },
  });
}

/** Does something to the object of the warm-up, and then to the one that is measured. */
async function object(connect, library, options, meter, work) {
  const objm = new library.Objm(await connect());
  await work(await objm.open(warmUpStream(options)), OBJECT_WARM_UP);
  const store = await objm.open(options.stream);
  await meter.measure(() => work(store, options.count));
}

async function objectPut(connect, library, options, meter) {
  await object(connect, library, options, meter, (store, count) =>
    store.put({ name: OBJECT }, content(options.size, count)),
  );
}

async function objectGet(connect, library, options, meter) {
  await object(connect, library, options, meter, async (store, count) => {
    const { data, error } = await store.get(OBJECT);
    let size = 0;
    for await (const chunk of data) {
      size += chunk.length;
    }
    const wrong = await error;
    if (wrong || size !== options.size * count) {
      throw new Failure(wrong?.message ?? `an object of ${size} bytes came`);
    }
  });
}

const OPERATIONS = {
  publish,
  subscribe,
  pubsub,
  request,
  service,
  connect,
  "js-publish": jsPublish,
  "js-publish-async": jsPublishAsync,
  "js-fetch": jsFetch,
  "js-fetch-ack": jsFetch,
  "js-consume": jsConsume,
  "kv-put": kvPut,
  "kv-get": kvGet,
  "kv-watch": kvWatch,
  "object-put": objectPut,
  "object-get": objectGet,
};
