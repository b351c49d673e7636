// What a process holds: descriptors, threads, memory.

import { readdirSync, readFileSync } from "node:fs";

const PAGE = 4096;

/** Descriptors and threads by number, resident memory in bytes. */
export function held() {
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    threads: readdirSync("/proc/self/task").length,
    resident: Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * PAGE,
  };
}

/** Collects what can be, finalizers included. */
export async function collect() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
}
