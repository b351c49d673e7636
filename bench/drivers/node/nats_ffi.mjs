/** Driver for nats-ffi. NATS_FFI_NODE names the folder of another build than the checkout's. */

import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse, run } from "./bench.mjs";
import { measure } from "./ops.mjs";

const options = parse();
const checkout = fileURLToPath(new URL("../../../bindings/node", import.meta.url));
const folder = resolve(process.env.NATS_FFI_NODE ?? checkout);
const { connect, headers } = await import(pathToFileURL(`${folder}/index.mjs`));
const { version } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
const library = { connect, headers, unbounded: { pendingMessages: 0, pendingBytes: 0 } };
await run("nats-ffi-node", version, (meter) => measure(library, options, meter));
