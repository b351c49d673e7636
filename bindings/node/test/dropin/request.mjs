// Services, requests, their errors, many answers.
import { connect, Empty, errors } from "nats-ffi";

const nc = await connect({ servers: process.env.NATS_URL });

nc.subscribe("dropin.time", {
  callback: (_, m) => {
    if (m.respond("noon")) console.log("answered", m.reply.length > 0);
  },
});
nc.subscribe("dropin.max", {
  callback: (_, m) => m.respond(JSON.stringify(Math.max(...m.json()))),
});

const time = await nc.request("dropin.time", Empty, { timeout: 5000 });
console.log(time.string(), time.subject.startsWith("_INBOX."));
const max = await nc.request("dropin.max", JSON.stringify([1, 9, 4]), { timeout: 5000 });
console.log(max.json());
const own = await nc.request("dropin.max", "[3]", { timeout: 5000, noMux: true });
console.log(own.json());

for (const noMux of [false, true]) {
  try {
    await nc.request("dropin.nobody", "", { timeout: 5000, noMux });
  } catch (err) {
    console.log(err.name, err instanceof errors.RequestError, err.isNoResponders());
    console.log(err.cause instanceof errors.NoRespondersError);
  }
}
nc.subscribe("dropin.silent", { callback: () => {} });
for (const noMux of [false, true]) {
  try {
    await nc.request("dropin.silent", "", { timeout: 50, noMux });
  } catch (err) {
    console.log(err.name, err instanceof errors.TimeoutError, err instanceof Error);
  }
}

nc.subscribe("dropin.parts", {
  callback: (_, m) => ["a", "b", "c", ""].forEach((part) => m.respond(part)),
});
for (const options of [
  { strategy: "count", maxMessages: 2, maxWait: 5000 },
  { strategy: "sentinel", maxWait: 5000 },
  { strategy: "stall", stall: 200, maxWait: 5000 },
  { strategy: "timer", maxWait: 300 },
]) {
  const parts = [];
  for await (const m of await nc.requestMany("dropin.parts", "go", options)) {
    // The packages differ in whether the empty answer that ends the others is given too.
    if (m.data.length > 0) parts.push(m.string());
  }
  console.log(options.strategy, parts.join("+"));
}
await nc.close();
