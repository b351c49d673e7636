// The package loaded a second time, as test runners do it, with one addon beneath.

const first = require("nats-ffi");

const cached = Object.keys(require.cache).filter((path) => /[/\\]dist[/\\]/.test(path));
for (const path of [require.resolve("nats-ffi"), ...cached]) delete require.cache[path];
const second = require("nats-ffi");

async function main() {
  const servers = process.env.NATS_URL;
  const [one, two] = [await first.connect({ servers }), await second.connect({ servers })];
  const text = new Promise((resolve) => {
    two.subscribe("p.twice", { callback: (_, msg) => resolve(msg.string()) });
  });
  await two.flush();
  one.publish("p.twice", "from one to the other");
  console.log(`${first === second ? "one" : "two"}: ${await text}`);
  await one.close();
  await two.close();
}

main();
