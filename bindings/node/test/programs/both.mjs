// ESM and CommonJS get the same classes and the same names.

import assert from "node:assert/strict";
import { createRequire } from "node:module";

import * as imported from "nats-ffi";

const required = createRequire(import.meta.url)("nats-ffi");
// What the two module systems add by themselves.
const added = ["__esModule", "default", "module.exports"];
const names = (module) => Object.keys(module).filter((name) => !added.includes(name)).sort();
assert.deepEqual(names(imported), names(required));
for (const name of names(imported)) assert.equal(imported[name], required[name], name);
console.log("same");
