// The package as a part of a process: exits, workers, many connections, idle ones.

import assert from "node:assert/strict";

import { behaviour, check, run } from "./helpers.mjs";

/** Runs a program, which must end by itself with this code. */
async function ends(code, program, args, options) {
  const result = await run(program, args, options);
  assert.equal(result.code, code, `${program} ${args}: ${result.stdout}${result.stderr}`);
  return result;
}

behaviour("process-02", "exit with a live connection keeps the exit code", async () => {
  const moments = ["connected", "callback", "iterating", "publishing", "requesting", "connecting",
    "status", "draining", "hook", "throwing"];
  for (const moment of moments) {
    await ends(moment === "throwing" ? 1 : 7, "exit.mjs", [moment]);
  }
});

behaviour("process-03", "10,000 connects and closes leave descriptors, threads", async () => {
  const { stdout } = await ends(0, "cycle.mjs", ["10000"], { node: ["--expose-gc"] });
  assert.match(stdout, /^cycled 10000\n/);
});

behaviour("process-04", "idle connections have no threads and use no CPU", async () => {
  await ends(0, "idle.mjs", ["50"]);
});

check("the process ends by itself once connections are closed, and not before", async () => {
  for (const ending of ["close", "drain", "dispose", "unsubscribed"]) {
    const { stdout } = await ends(0, "alive.mjs", [ending]);
    assert.equal(stdout, "alive\nclosed\n");
  }
});

check("killing the process by a signal ends it at once", async () => {
  await ends("SIGTERM", "exit.mjs", ["signal"]);
});

check("1,000 connections at once", async () => {
  const { stdout } = await ends(0, "thousand.mjs", ["1000"]);
  assert.equal(stdout, "1000 connections, 1000 answers\n");
});

check("garbage collection of live and closed objects, in any order", async () => {
  const { stdout } = await ends(0, "collect.mjs", [], { node: ["--expose-gc"] });
  assert.equal(stdout, "collected\n");
});

check("a million messages leave memory where it was", async () => {
  for (const style of ["callback", "iterator"]) {
    const { stdout } = await ends(0, "million.mjs", [style], { node: ["--expose-gc"] });
    assert.match(stdout, /^1000000 messages/);
  }
});

check("worker threads: connections of their own, ended ones, terminated ones", async () => {
  const { stdout } = await ends(0, "workers.mjs", []);
  assert.equal(stdout, "exchanged\nterminated\nexited 3\nagain\n");
});

check("CommonJS programs", async () => {
  const { stdout } = await ends(0, "common.cjs", []);
  assert.equal(stdout, "common: hello\n");
});

check("the package loaded twice in one environment", async () => {
  const { stdout } = await ends(0, "twice.cjs", []);
  assert.equal(stdout, "two: from one to the other\n");
});

check("one module for both ways of importing it", async () => {
  const { stdout } = await ends(0, "both.mjs", []);
  assert.equal(stdout, "same\n");
});
