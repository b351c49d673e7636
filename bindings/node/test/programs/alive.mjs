// Stays alive while its connection is open, without a timer, and ends by itself: alive.mjs ENDING.

import { connect } from "nats-ffi";

const endings = {
  close: (nc) => nc.close(),
  drain: (nc) => nc.drain(),
  dispose: (nc) => nc[Symbol.asyncDispose](),
  unsubscribed: (nc, sub) => {
    sub.unsubscribe();
    return nc.close();
  },
};

const nc = await connect({ servers: process.env.NATS_URL });
// A second connection sends after a pause in which nothing else holds the first one's process.
const other = await connect({ servers: process.env.NATS_URL });
const sub = nc.subscribe(`p.alive.${process.pid}`, {
  callback: async () => {
    console.log("alive");
    await endings[process.argv[2]](nc, sub);
    console.log("closed");
  },
});
await nc.flush();
setTimeout(async () => {
  other.publish(`p.alive.${process.pid}`);
  await other.drain();
}, 100);
