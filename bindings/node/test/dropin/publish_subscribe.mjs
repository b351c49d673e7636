// Publishing and the two ways of subscribing.
import { connect } from "nats-ffi";

const nc = await connect({ servers: process.env.NATS_URL, name: "drop-in" });
console.log(nc.info.version.length > 0, nc.isClosed());

const weather = nc.subscribe("weather.*");
const reading = (async () => {
  for await (const m of weather) {
    console.log(`[${weather.getProcessed()}] ${m.subject}: ${m.string()}`);
  }
  console.log("no more weather");
})();

const called = [];
nc.subscribe("weather.>", {
  callback: (err, m) => {
    called.push(err ? err.message : `callback ${m.subject} ${m.data.length}`);
  },
});

nc.publish("weather.north", "snow");
nc.publish("weather.south", new TextEncoder().encode("sun"));
nc.publish("weather.west.coast", JSON.stringify({ wind: 7 }));
nc.publish("weather.east");
await nc.drain();
await reading;
console.log(called.join("\n"));
console.log("closed", await nc.closed(), nc.isClosed());
