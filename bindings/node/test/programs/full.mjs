// Gets an object into a file where files may not be that large: full PATH

import { connect, Objm } from "nats-ffi";

// A file that would be larger is an error, and no reason to end.
process.on("SIGXFSZ", () => {});
const nc = await connect({ servers: process.env.NATS_URL });
const store = await new Objm(nc).open("b");
try {
  await store.getFile("x", process.argv[2]);
} catch (error) {
  console.log(error.codeName);
}
await nc.close();
