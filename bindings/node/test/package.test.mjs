// The package as users get it: its declarations, and what npm pack puts into it.

import assert from "node:assert/strict";
import { cp, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";

import { check, runFile } from "./helpers.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const root = fileURLToPath(new URL("..", import.meta.url));
const tsc = `${root}node_modules/typescript/bin/tsc`;

async function temporary(t, parent) {
  const folder = await mkdtemp(parent);
  t.after(() => rm(folder, { recursive: true }));
  return folder;
}

/** Runs a command, which must succeed; its output. */
async function succeeds(command, args, options) {
  const { code, stdout, stderr } = await runFile(command, args, options);
  assert.equal(code, 0, `${command} ${args.join(" ")}: ${stdout}${stderr}`);
  return stdout;
}

check("the declarations: a strict program, wrong programs, CommonJS", async (t) => {
  const out = await temporary(t, `${here}.types-`);
  const args = [tsc, "-p", `${here}types`, "--noEmit", "false", "--outDir", out];
  await succeeds(process.execPath, args);
  const stdout = await succeeds(process.execPath, [`${out}/program.js`]);
  const lines = stdout.split("\n").slice(0, 4);
  assert.deepEqual(lines, ["true user true user", "number 0", "value 4 0 null 2", "undefined"]);
  assert.match(stdout, /\[ 1 \] true\nmany\nNO_RESPONDERS 30 false NoRespondersError\n/);
  assert.match(stdout, /true 1\nundefined \[.*'close' \]\n$/);
});

check("npm pack: what is in it installs elsewhere and works", async (t) => {
  const folder = await temporary(t, `${tmpdir()}/nats-ffi-`);
  const [packed] = JSON.parse(
    await succeeds("npm", ["pack", "--json", "--pack-destination", folder], { cwd: root }),
  );
  const names = packed.files.map((file) => file.path);
  for (const name of ["package.json", "README.md"]) assert.ok(names.includes(name), `${names}`);
  assert.ok(names.some((name) => name.endsWith(".node")), `${names}`);
  assert.ok(names.some((name) => name.endsWith(".d.ts")), `${names}`);
  assert.ok(!names.some((name) => /^(src|test|node_modules|target)\//.test(name)), `${names}`);
  await succeeds("npm", ["init", "--yes"], { cwd: folder });
  const offline = ["install", "--offline", "--no-audit", "--no-fund", `./${packed.filename}`];
  await succeeds("npm", offline, { cwd: folder });
  for (const program of ["smoke.mjs", "common.cjs"]) {
    await cp(`${here}programs/${program}`, `${folder}/${program}`);
    await succeeds(process.execPath, [program], { cwd: folder });
  }
});

check("neither lock file names a registry", async () => {
  for (const folder of [root, here]) {
    const lock = JSON.parse(await readFile(`${folder}package-lock.json`, "utf8"));
    const resolved = Object.values(lock.packages).filter((one) => /^https?:/.test(one.resolved));
    assert.deepEqual(resolved, []);
  }
});
