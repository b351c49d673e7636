// The declarations as a CommonJS program sees them.

import nats = require("nats-ffi");

export async function hello(): Promise<string> {
  const nc: nats.NatsConnection = await nats.connect({ servers: "127.0.0.1" });
  const answer: nats.Msg = await nc.request("a", nats.Empty, { timeout: 1000 });
  return answer.string();
}
