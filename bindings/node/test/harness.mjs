// Servers, fake servers and proxies for the tests, by the JSON lines of `nats-harness control`.
//
// Each test file has a harness of its own, which starts with the first use and stops with the
// file. It ends when its standard input does, so nothing outlives a test process that crashes.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after } from "node:test";

class Harness {
  #child;
  #answers;
  /** The end of the queue: requests go one after the other, as their answers come. */
  #last = Promise.resolve();

  constructor() {
    const program = process.env.NATS_HARNESS ?? "nats-harness";
    this.#child = spawn(program, ["control"], { stdio: ["pipe", "pipe", "inherit"] });
    // A harness that ends early is told by the answer that is missing.
    this.#child.on("error", () => {});
    this.#child.stdin.on("error", () => {});
    this.#answers = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** Sends one request and gives the answer; rejects with the harness's own words. */
  ask(request) {
    const answer = this.#last.then(async () => {
      this.#child.stdin.write(`${JSON.stringify(request)}\n`);
      const { value, done } = await this.#answers.next();
      if (done) throw new Error("the harness has ended; NATS_HARNESS names it");
      const values = JSON.parse(value);
      if (!values.ok) throw new Error(`harness: ${request.op}: ${values.error}`);
      return values;
    });
    this.#last = answer.catch(() => {});
    return answer;
  }

  async stop() {
    await this.#last;
    const gone = once(this.#child, "exit");
    this.#child.stdin.end();
    await gone;
  }
}

let harness;
let shared;

after(() => harness?.stop());

function ask(request) {
  harness ??= new Harness();
  return harness.ask(request);
}

/** Something that the harness has started. */
class Remote {
  constructor(facts) {
    this.id = facts.id;
    this.url = facts.url;
    /** What the harness told: url, urls, port, server_pid, tls_ca, user, password... */
    this.facts = facts;
  }

  /** The URL without its scheme. */
  get address() {
    return this.url.slice(this.url.indexOf("//") + 2);
  }

  /** One request about this one; resolves to the answer. */
  tell(op, fields = {}) {
    return ask({ op, id: this.id, ...fields });
  }
}

async function start(t, request) {
  const remote = new Remote(await ask(request));
  t.after(() => remote.tell("remove"));
  return remote;
}

/** The URL of a plain server that all tests of a file share. */
export async function plain() {
  shared ??= ask({ op: "start", config: "plain" });
  return (await shared).url;
}

/** A server of the test's own: a configuration's name, and extra lines, host or nodes. */
export function server(t, config = "plain", fields = {}) {
  return start(t, { op: "start", config, ...fields });
}

/** A fake server that plays a script, or one script a connection. */
export function fake(t, script) {
  const key = Array.isArray(script[0]) ? "scripts" : "script";
  return start(t, { op: "fake", [key]: script });
}

/** A proxy in front of a server or fake server. */
export function proxy(t, target) {
  return start(t, { op: "proxy", target: target.id });
}

/** An `http` or `socks5` proxy; user and password, where they are given, have to be known. */
export function tunnel(t, kind, fields = {}) {
  return start(t, { op: "tunnel", kind, ...fields });
}
