// Statuses, statistics, draining, closing, errors of use.
import { connect, deferred, delay, errors, millis, nanos, nuid } from "nats-ffi";

const nc = await connect({
  servers: [process.env.NATS_URL],
  maxReconnectAttempts: -1,
  reconnectTimeWait: 50,
  pingInterval: 60_000,
  noEcho: false,
});
const seen = [];
const reconnected = deferred();
const watching = (async () => {
  for await (const s of nc.status()) {
    if (["disconnect", "reconnect", "close"].includes(s.type)) seen.push(s.type);
    if (s.type === "reconnect") reconnected.resolve();
  }
})();

const counted = nc.subscribe("dropin.counted", { queue: "workers" });
nc.publish("dropin.counted", "12345");
await nc.flush();
console.log(counted.getPending(), counted.getReceived(), counted.getProcessed());
console.log(counted.getSubject(), counted.isClosed(), counted.isDraining());
const { inBytes, inMsgs, outMsgs } = nc.stats();
console.log(inMsgs, outMsgs, inBytes >= 5, (await nc.rtt()) >= 0);
console.log(nc.getServer().includes(":"), nc.isDraining());

counted.unsubscribe();
await nc.reconnect();
await reconnected;
await delay(1);
console.log(millis(nanos(7)), nuid.next().length, nuid.next() !== nuid.next());

for (const call of [
  () => nc.publish("has space"),
  () => nc.publish(""),
  () => nc.subscribe(""),
]) {
  try {
    call();
    console.log("accepted");
  } catch (err) {
    console.log(err.name, err instanceof errors.InvalidSubjectError);
  }
}
await nc.drain().catch((err) => console.log(err.message));
await watching;
console.log(seen.join());
for (const call of [
  () => nc.publish("a"),
  () => nc.subscribe("a"),
  () => nc.request("a", "", { timeout: 10 }),
  () => nc.flush(),
  () => nc.rtt(),
  () => nc.drain(),
]) {
  try {
    await call();
    console.log("accepted");
  } catch (err) {
    console.log(err.name, err instanceof errors.ClosedConnectionError);
  }
}
try {
  await connect({ servers: "127.0.0.1:1" });
} catch (err) {
  console.log(err instanceof errors.ConnectionError);
}
