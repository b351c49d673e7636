/** What the drivers in JavaScript share: arguments, measuring, the result line. */

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** Within so many milliseconds all messages have to arrive. */
export const PATIENCE = 60_000;

/** For every request, in milliseconds: a machine under load is no failure. */
export const REQUEST_TIMEOUT = 10_000;

/** The headers of a message with headers. */
export const HEADERS = { "Bench-A": "aaaaaaaa", "Bench-B": "bbbbbbbb", "Bench-C": "cccccccc" };

/** The keys of a bucket that are put and got, in turn. */
export const KEYS = Array.from({ length: 1000 }, (_, number) => `k.${number}`);

/** How many messages of a stream go before those that are measured. */
export const STORED_WARM_UP = 1000;

/** The name of the object that is put and got. */
export const OBJECT = "bench";

/** How many chunks the object has that goes before the one that is measured. */
export const OBJECT_WARM_UP = 64;

const OPS = [
  "publish",
  "subscribe",
  "pubsub",
  "request",
  "service",
  "connect",
  "js-publish",
  "js-publish-async",
  "js-fetch",
  "js-fetch-ack",
  "js-consume",
  "kv-put",
  "kv-get",
  "kv-watch",
  "object-put",
  "object-get",
];
const MODES = ["callback", "iterator", "batch"];
const NUMBERS = {
  size: 16,
  count: 100_000,
  subs: 1,
  conns: 1,
  headers: 0,
  inflight: 1,
  threads: 1,
  batch: 500,
};

/** What was measured is not what was to be measured. */
export class Failure extends Error {}

/** The client cannot do it. */
export class Unsupported extends Error {}

/** The arguments; what is wrong in them ends the program. */
export function parse() {
  try {
    const names = ["url", "op", "mode", "stream", "consumer", ...Object.keys(NUMBERS)];
    const { values } = parseArgs({
      options: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
    });
    const { url, op, mode = "callback", stream, consumer } = values;
    if (url === undefined) {
      throw new Error("--url is missing");
    }
    choice("op", op, OPS);
    choice("mode", mode, MODES);
    const numbers = Object.entries(NUMBERS).map(([name, usual]) => [
      name,
      whole(name, values[name] ?? String(usual)),
    ]);
    return checked({ url, op, mode, stream, consumer, ...Object.fromEntries(numbers) });
  } catch (error) {
    console.error(`usage: ${error.message}`);
    process.exit(2);
  }
}

/** How many messages go before those that are measured. */
export function warmUp({ op, count, subs }) {
  const least = ["request", "js-publish", "kv-put", "kv-get"].includes(op) ? 100 : 1000;
  return Math.ceil(Math.max(Math.floor(count / 100), least) / subs) * subs;
}

/** The stream, or bucket, of the warm-up that belongs to that of the options. */
export function warmUpStream({ stream }) {
  return `${stream}-warm-up`;
}

/** Measures one part of the program. */
export class Meter {
  /** Microseconds that requests in series took. */
  latencies = [];
  #before = status().VmRSS;
  #cpu;
  #seconds;
  #after;

  /** Runs and measures it. */
  async measure(work) {
    const cpu = process.cpuUsage();
    const start = process.hrtime.bigint();
    await work();
    this.#seconds = Number(process.hrtime.bigint() - start) / 1e9;
    this.#cpu = process.cpuUsage(cpu);
    this.#after = status();
  }

  /** What was measured, under the names of the result line. */
  result() {
    const sorted = Float64Array.from(this.latencies).sort();
    const percentile = (percent) => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? null;
    return {
      seconds: this.#seconds,
      cpu_seconds: (this.#cpu.user + this.#cpu.system) / 1e6,
      rss_before_kib: this.#before,
      rss_peak_kib: this.#after.VmHWM,
      rss_kib: this.#after.VmRSS,
      threads: this.#after.Threads,
      p50_us: percentile(50),
      p99_us: percentile(99),
    };
  }
}

/** Does the work and prints the result line. */
export async function run(client, version, work) {
  const meter = new Meter();
  try {
    await work(meter);
    console.log(JSON.stringify({ client, version, ...meter.result() }));
  } catch (error) {
    if (error instanceof Unsupported) {
      console.log(JSON.stringify({ unsupported: error.message }));
      process.exit(3);
    }
    console.error(`${client}: ${error}`);
    process.exit(1);
  }
}

function choice(name, value, known) {
  if (!known.includes(value)) {
    throw new Error(`--${name}: expected one of ${known.join(", ")}, found ${value}`);
  }
}

function whole(name, text) {
  const value = Number(text);
  const least = name === "size" || name === "headers" ? 0 : 1;
  if (!/^\d+$/.test(text) || value < least) {
    throw new Error(`--${name}: expected a number of at least ${least}, found ${text}`);
  }
  return value;
}

function checked(options) {
  for (const name of ["subs", "threads"]) {
    if (options.count % options[name] !== 0) {
      throw new Error(`--count: expected a multiple of --${name}`);
    }
  }
  const { op, stream, consumer } = options;
  if (/^(js|kv|object)-/.test(op) && stream === undefined) {
    throw new Error("--stream is missing");
  }
  if (["js-fetch", "js-fetch-ack", "js-consume"].includes(op) && consumer === undefined) {
    throw new Error("--consumer is missing");
  }
  choice("headers", options.headers, [0, Object.keys(HEADERS).length]);
  if (options.headers > 0 && options.op !== "publish" && options.op !== "subscribe") {
    throw new Error("--headers: only for publish and subscribe");
  }
  return options;
}

/** The numbers in the kernel's description of this process. */
function status() {
  const text = readFileSync("/proc/self/status", "utf8");
  const number = (name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)[1]);
  return { VmRSS: number("VmRSS"), VmHWM: number("VmHWM"), Threads: number("Threads") };
}
