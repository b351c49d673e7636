// A little of everything, for other runtimes than Node; ends by itself.

import { connect, headers, NoRespondersError, TimeoutError } from "nats-ffi";

const servers = process.env.NATS_URL;
const nc = await connect({ servers, name: "smoke" });
const name = (call) => call.then(() => "nothing", (error) => error.codeName);

const iterated = nc.subscribe("p.smoke.iterated", { max: 3 });
for (const payload of ["text", new Uint8Array([0, 255]), Buffer.from("buffer")]) {
  nc.publish("p.smoke.iterated", payload);
}
for await (const msg of iterated) console.log(msg.subject, msg.data.length);

nc.subscribe("p.smoke.echo", {
  callback: (_, msg) => msg.respond(msg.data, { headers: msg.headers }),
});
const h = headers();
h.append("Name", "value");
const answer = await nc.request("p.smoke.echo", "question", { timeout: 10_000, headers: h });
console.log(answer.string(), answer.headers.get("Name"));

nc.subscribe("p.smoke.silent", { callback: () => {} });
console.log(await name(nc.request("p.smoke.nobody", "", { timeout: 10_000 })));
console.log(await name(nc.request("p.smoke.silent", "", { timeout: 50 })));
const signal = AbortSignal.timeout(50);
await nc.request("p.smoke.silent", "", { timeout: 10_000, signal }).catch((error) => {
  console.log(error.name);
});
console.log(typeof NoRespondersError, typeof TimeoutError);

let received = 0;
const all = new Promise((resolve) => {
  nc.subscribe("p.smoke.many", { callback: () => ++received === 20_000 && resolve() });
});
for (let i = 0; i < 20_000; i++) nc.publish("p.smoke.many", "x");
await all;

const statuses = (async () => {
  const types = [];
  for await (const status of nc.status()) types.push(status.type);
  return types.at(-1);
})();
await nc.drain();
console.log(await statuses, nc.isClosed(), received);
