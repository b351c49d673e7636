#!/usr/bin/env node
// A service with two endpoints: asked, answering an error, found, and stopped: service [URL]
import { connect, ServiceError, Svcm } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const nc = await connect({ servers });
const svcm = new Svcm(nc);
const service = await svcm.add({ name: "calculator", version: "1.0.0" });

function number(msg) {
  const number = Number(msg.string());
  if (!Number.isInteger(number)) throw new ServiceError(400, "expected a number");
  return number;
}

const numbers = service.addGroup("numbers");
numbers.addEndpoint("double", (_, msg) => {
  msg.respond(String(number(msg) * 2));
});
numbers.addEndpoint("half", (_, msg) => {
  const whole = number(msg);
  if (whole % 2 !== 0) throw new ServiceError(400, `${whole} is odd`);
  msg.respond(String(whole / 2));
});

async function ask(subject, number) {
  const reply = await nc.request(subject, number);
  const error = ServiceError.toServiceError(reply);
  const said = error === null ? reply.string() : `error ${error.code}: ${error.message}`;
  console.log(`${subject} of ${number}: ${said}`);
}
await ask("numbers.double", "21");
await ask("numbers.half", "7");

for await (const { version, endpoints } of await svcm.client().stats("calculator")) {
  const places = endpoints.map((one) => one.subject).join(" and ");
  console.log(`found calculator ${version} at ${places}`);
}

await service.stop();
for (const { num_requests, num_errors } of (await service.stats()).endpoints) {
  console.log(`requests: ${num_requests}, errors: ${num_errors}`);
}
await nc.close();
