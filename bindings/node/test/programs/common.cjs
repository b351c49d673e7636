// A CommonJS program.

const { connect, Empty, headers, NoRespondersError } = require("nats-ffi");

async function main() {
  const nc = await connect({ servers: process.env.NATS_URL });
  const sub = nc.subscribe("p.common");
  nc.publish("p.common", "hello", { headers: headers() });
  for await (const msg of sub) {
    console.log(`common: ${msg.string()}`);
    break;
  }
  if (Empty.length !== 0 || typeof NoRespondersError !== "function") process.exitCode = 1;
  await nc.close();
}

main();
