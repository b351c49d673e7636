// So many connections at once, each of which answers a request: thousand.mjs COUNT.

import { connect } from "nats-ffi";

const servers = process.env.NATS_URL;
const count = Number(process.argv[2]);

async function serve(_, i) {
  const nc = await connect({ servers, connectTimeout: 60_000 });
  nc.subscribe(`p.thousand.${i}`, { callback: (_, msg) => msg.respond(msg.data) });
  await nc.flush();
  return nc;
}

const all = await Promise.all(Array.from({ length: count }, serve));
const asked = all.map(async (nc, i) => {
  const subject = `p.thousand.${(i * 7 + 1) % count}`;
  return (await nc.request(subject, `${i}`, { timeout: 60_000 })).string() === `${i}`;
});
const answered = (await Promise.all(asked)).filter(Boolean).length;
console.log(`${all.length} connections, ${answered} answers`);
await Promise.all(all.map((nc) => nc.close()));
