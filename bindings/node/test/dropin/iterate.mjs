// Leaving a loop, auto-unsubscribe, timeouts and closed promises.
import { connect, createInbox, syncIterator } from "nats-ffi";

const nc = await connect({ servers: process.env.NATS_URL });
const subject = createInbox();

const three = nc.subscribe(subject, { max: 3 });
for (let i = 0; i < 5; i++) nc.publish(subject, `${i}`);
for await (const m of three) console.log("max", m.string());
console.log(three.getReceived(), three.getProcessed(), three.isClosed());
console.log(await three.closed);

const broken = nc.subscribe(subject);
for (let i = 0; i < 5; i++) nc.publish(subject, `${i}`);
for await (const m of broken) {
  console.log("break", m.string());
  if (m.string() === "1") break;
}

const later = nc.subscribe(subject);
nc.publish(subject, "one");
nc.publish(subject, "two");
const messages = syncIterator(later);
console.log("sync", (await messages.next()).string(), (await messages.next()).string());
later.unsubscribe();
console.log("sync", await messages.next());

const impatient = nc.subscribe(subject, { timeout: 50 });
try {
  for await (const m of impatient) console.log("never", m.string());
} catch (err) {
  console.log("iterator", err.name);
}
await new Promise((resolve) => {
  nc.subscribe(subject, {
    timeout: 50,
    callback: (err) => {
      console.log("callback", err.name);
      resolve();
    },
  });
});
await nc.close();
