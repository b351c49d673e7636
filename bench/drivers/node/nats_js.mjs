/** Driver for nats.js. NATS_JS_PATH names another folder whose node_modules has it. */

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parse, run } from "./bench.mjs";
import { measure } from "./ops.mjs";

const options = parse();
const usual = fileURLToPath(new URL("../../../.tools/bench-node", import.meta.url));
const folder = resolve(process.env.NATS_JS_PATH ?? usual);
const find = createRequire(`${folder}/package.json`).resolve;
const { connect, headers } = await import(pathToFileURL(find("@nats-io/transport-node")));
const { version } = JSON.parse(readFileSync(find("@nats-io/transport-node/package.json"), "utf8"));
// It bounds nothing.
const library = { connect, headers, unbounded: {} };
await run("nats.js", version, (meter) => measure(library, options, meter));
