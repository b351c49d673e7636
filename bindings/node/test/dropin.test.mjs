// Programs for nats.js run with only their import changed, and print the same.

import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { server } from "./harness.mjs";
import { check, runFile } from "./helpers.mjs";

const OURS = '"nats-ffi"';
const PEER = '"@nats-io/transport-node"';
const here = fileURLToPath(new URL("dropin/", import.meta.url));

/** What is imported from another package of nats.js says so. */
const OTHER = /"nats-ffi"; \/\/ (@nats-io\/\w+)$/gm;

/** The output of a program that imports this package. */
async function output(t, program, name) {
  const text = await readFile(`${here}${program}`, "utf8");
  const folder = await mkdtemp(fileURLToPath(new URL(".dropin-", import.meta.url)));
  t.after(() => rm(folder, { recursive: true }));
  const path = `${folder}/${program}`;
  assert.ok(text.includes(OURS));
  const others = name === PEER ? text.replace(OTHER, "\"$1\";") : text;
  await writeFile(path, others.replace(OURS, name));
  const env = {};
  if (text.search(OTHER) >= 0) env.NATS_URL = (await server(t, "jetstream")).url;
  const { code, stdout, stderr } = await runFile(process.execPath, [path], { env });
  assert.equal(code, 0, `${program} with ${name}: ${stdout}${stderr}`);
  assert.equal(stderr, "");
  assert.ok(stdout.length > 0);
  return stdout;
}

for (const program of (await readdir(here)).sort()) {
  check(`drop-in: ${program}`, async (t) => {
    assert.equal(await output(t, program, OURS), await output(t, program, PEER));
  });
}
