#!/usr/bin/env node
// Puts objects into a bucket and gets them, whole, in part and by files: object [URL]
import { rm, writeFile } from "node:fs/promises";

import { connect, Objm } from "nats-ffi";

const servers = process.argv[2] ?? process.env.NATS_URL ?? "nats://127.0.0.1:4222";
const progress = (bytes, total) => console.log(`${bytes} of ${total} bytes`);

const nc = await connect({ servers });
const store = await new Objm(nc).create("FILES", { storage: "memory" });
const text = async (name, options) => Buffer.from(await store.getBlob(name, options)).toString();

const meta = { name: "letter", description: "a letter" };
const letter = await store.putBlob(meta, "Dear all, hello!");
console.log(`${letter.name}: ${letter.size} bytes, ${letter.digest}`);
// As a stream, chunk by chunk.
const { data } = await store.get("letter");
for await (const chunk of data) console.log(Buffer.from(chunk).toString());
console.log(await text("letter", { offset: 10, length: 5 }));

const path = "object.txt";
await writeFile(path, "x".repeat(200_000));
await store.putFile({ name: "large" }, path, { progress });
await store.getFile("large", path, { progress });
await rm(path);

await store.link("link", letter);
console.log(`by the link: ${await text("link")}`);

await store.delete("large");
for (const { name } of await store.list()) console.log(`there is ${name}`);
await store.destroy();
console.log("bucket deleted");
await nc.close();
