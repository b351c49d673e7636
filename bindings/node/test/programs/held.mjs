// What a process holds: descriptors, threads, memory.

import { readdirSync, readFileSync } from "node:fs";

const PAGE = 4096;

/**
 * Descriptors and threads by number; memory in bytes: what is resident, what is so beside the heap
 * of V8 (which takes and gives back many megabytes as it sees fit), and what lives in that heap.
 */
export function held() {
  const resident = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]) * PAGE;
  const { heapTotal, heapUsed } = process.memoryUsage();
  return {
    descriptors: readdirSync("/proc/self/fd").length,
    threads: readdirSync("/proc/self/task").length,
    resident,
    native: resident - heapTotal,
    objects: heapUsed,
  };
}

/** Collects what can be, finalizers included. */
export async function collect() {
  for (let i = 0; i < 5; i++) {
    globalThis.gc();
    await new Promise(setImmediate);
  }
}
