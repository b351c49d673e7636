#!/usr/bin/env node
// Asks the service of reply.mjs and prints the answer: request [URL]
import { connect, NatsError } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
try {
  const answer = await nc.request("service.upper", "hello", { timeout: 2000 });
  console.log(answer.string());
} catch (error) {
  // With nobody listening this comes at once, with the code name NO_RESPONDERS.
  if (!(error instanceof NatsError)) throw error;
  console.error(`${error.codeName}: ${error.message}`);
  process.exitCode = 1;
} finally {
  await nc.close();
}
