// The suite's output: "ok NAME" and "not ok NAME" lines, why a test failed, and the counts.

import { inspect } from "node:util";

/** The error that a test threw, without the test runner's own wrapping. */
function reason(error) {
  const cause = error?.cause ?? error;
  return cause instanceof Error ? cause.stack : inspect(cause);
}

export default async function* report(events) {
  let passed = 0;
  let failed = 0;
  for await (const { type, data } of events) {
    if (type === "test:pass") {
      if (data.details.type === "suite") continue;
      passed += 1;
      yield `ok ${data.name}${data.skip === undefined ? "" : ` # skipped ${data.skip}`}\n`;
    } else if (type === "test:fail") {
      failed += 1;
      const seconds = (data.details.duration_ms / 1000).toFixed(1);
      yield `not ok ${data.name} (${seconds} s)\n`;
      yield `${reason(data.details.error).replace(/^/gm, "    ")}\n`;
    } else if (type === "test:stderr" || type === "test:stdout") {
      yield data.message;
    }
  }
  yield `${passed} passed, ${failed} failed\n`;
}
