// The same program in every runtime there is: Node always, others when the runner has found them.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { check, runFile } from "./helpers.mjs";

const OUTPUT = `\
p.smoke.iterated 4
p.smoke.iterated 2
p.smoke.iterated 6
question value
NO_RESPONDERS
TIMEOUT
TimeoutError
function function
close true 20000
`;

const runtimes = [
  ["node", process.execPath, []],
  ["bun", process.env.NATS_TEST_BUN, ["run"]],
  ["deno", process.env.NATS_TEST_DENO, ["run", "--allow-all", "--quiet"]],
];

for (const [name, program, args] of runtimes) {
  if (!program) continue;
  check(`smoke: ${name}`, async () => {
    const cwd = fileURLToPath(new URL(".", import.meta.url));
    const result = await runFile(program, [...args, "programs/smoke.mjs"], { cwd });
    assert.equal(result.code, 0, `${result.stdout}${result.stderr}`);
    assert.equal(result.stdout, OUTPUT);
  });
}
