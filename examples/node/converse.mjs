#!/usr/bin/env node
// One voice of the conversation that `make demo` runs: converse NAME PEER,PEER,...
// The protocol is described at the head of examples/c/converse.c.
import { setTimeout as pause } from "node:timers/promises";

import { connect, headers, NoRespondersError, TimeoutError } from "nats-ffi";

const QUESTIONS = 20;
const MEET_MS = 60_000;
const PATIENCE_MS = 5000;
const DONE_MS = 120_000;

const [name, peers] = process.argv.slice(2);
if (peers === undefined) {
  console.error("usage: converse NAME PEER,PEER,...");
  process.exit(2);
}

const nc = await connect({ servers: process.env.NATS_URL });
const from = headers();
from.append("From", name);

function serve(kind) {
  nc.subscribe(`demo.${kind}.${name}`, {
    queue: "demo",
    callback: (error, msg) => {
      if (error) throw error;
      msg.respond(msg.data, { headers: from });
    },
  });
}

/** Whether the peer's answer is as it should be. */
async function ask(kind, peer, question) {
  const options = { timeout: PATIENCE_MS, headers: from };
  const answer = await nc.request(`demo.${kind}.${peer}`, question, options);
  return answer.headers?.get("From") === peer && answer.string() === question;
}

/** Says hello until the peer answers. */
async function meet(peer, deadline) {
  while (performance.now() < deadline) {
    try {
      if (await ask("hello", peer, "hello")) return;
    } catch (error) {
      const early = error instanceof TimeoutError || error.cause instanceof NoRespondersError;
      if (!early) throw error;
    }
    await pause(20);
  }
  throw new Error(`${peer} did not say hello`);
}

/** Asks a peer all questions and prints how that went. */
async function interview(peer) {
  const took = [];
  for (let i = 0; i < QUESTIONS; i++) {
    const start = performance.now();
    if (await ask("ask", peer, `question ${i} from ${name}`)) {
      took.push(Math.round((performance.now() - start) * 1000));
    }
  }
  took.sort((a, b) => a - b);
  const p50_us = took[Math.floor(took.length / 2)] ?? 0;
  console.log(JSON.stringify({ from: name, to: peer, answered: took.length, p50_us }));
}

const done = nc.subscribe("demo.done", { max: 1, timeout: MEET_MS + DONE_MS });
serve("hello");
serve("ask");
const deadline = performance.now() + MEET_MS;
for (const peer of peers.split(",")) await meet(peer, deadline);
for (const peer of peers.split(",")) await interview(peer);
for await (const _ of done); // throws when it does not come in time
await nc.drain();
