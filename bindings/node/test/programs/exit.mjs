// Ends with code 7 in the middle of something, its connection open: exit.mjs MOMENT.

import { connect } from "nats-ffi";

const servers = process.env.NATS_URL;
const leave = () => process.exit(7);

/** Keeps messages coming. */
function load(nc, subject) {
  setInterval(() => {
    for (let i = 0; i < 100; i++) nc.publish(subject, "x");
  }, 0);
}

const moments = {
  connected: leave,
  callback: (nc) => {
    let count = 0;
    nc.subscribe("p.exit", { callback: () => ++count === 50 && leave() });
    load(nc, "p.exit");
  },
  iterating: async (nc) => {
    load(nc, "p.exit");
    let count = 0;
    for await (const _ of nc.subscribe("p.exit")) if (++count === 150) leave();
  },
  publishing: (nc) => {
    for (let i = 0; i < 10_000; i++) nc.publish("p.exit", "x");
    leave();
  },
  requesting: (nc) => {
    nc.subscribe("p.exit.silent", { callback: leave });
    for (let i = 0; i < 100; i++) nc.request("p.exit.silent", "", { timeout: 60_000 });
  },
  connecting: () => {
    for (let i = 0; i < 20; i++) connect({ servers });
    setImmediate(leave);
  },
  status: async (nc) => {
    nc.reconnect();
    for await (const status of nc.status()) if (status.type === "reconnect") leave();
  },
  draining: (nc) => {
    nc.subscribe("p.exit");
    nc.publish("p.exit", "keeps the drain waiting");
    nc.flush().then(() => {
      nc.drain();
      setImmediate(leave);
    });
  },
  hook: (nc) => {
    process.once("exit", () => {
      nc.publish("p.exit", "the last one");
      process.exitCode = 7;
    });
    process.exit();
  },
  throwing: () => {
    throw new Error("ends the process");
  },
  signal: () => process.kill(process.pid, "SIGTERM"),
};

const nc = await connect({ servers });
await moments[process.argv[2]](nc);
