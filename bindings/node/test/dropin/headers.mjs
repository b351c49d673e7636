// Headers, and messages that are passed on.
import { canonicalMIMEHeaderKey, connect, headers, Match } from "nats-ffi";

const nc = await connect({ servers: process.env.NATS_URL });
const sub = nc.subscribe("dropin.headers.>");
const h = headers();
h.append("Id", "123456");
h.append("Unix-Time", "1700000000");
h.append("tag", "one");
h.append("tag", "two");
h.set("Unix-Time", "0");
console.log(h.has("id"), h.has("id", Match.IgnoreCase), h.get("ID", Match.IgnoreCase));
nc.publish("dropin.headers.a", "payload", { headers: h, reply: "dropin.headers.reply" });
h.delete("Id");

const seen = [];
for await (const m of sub) {
  seen.push(m.subject);
  // The packages differ in the order of different names.
  for (const [name, values] of [...m.headers].sort()) console.log(name, values.join());
  console.log(m.headers.keys().sort(), m.headers.values("tag"), m.headers.last("tag"));
  console.log(m.headers.code, m.headers.description, m.headers.hasError, m.string());
  if (m.subject.endsWith(".a")) m.respond("answer", { headers: h });
  else break;
}
console.log(seen.join());

const passedOn = nc.subscribe("dropin.passed", { max: 1 });
nc.publishMessage({ subject: "dropin.passed", data: new TextEncoder().encode("on"), headers: h });
for await (const m of passedOn) console.log(m.string(), m.headers.keys().sort());
console.log(canonicalMIMEHeaderKey("content-type"));
await nc.close();
