/** Many operations under one AbortSignal, which has one listener of ours for all of them. */

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/** Calls `abort` when the signal fires; returns what undoes that. */
export function onAbort(signal: AbortSignal, abort: () => void): () => void {
  let all = waiting.get(signal);
  if (all === undefined) {
    const calls = new Set<() => void>();
    signal.addEventListener("abort", () => calls.forEach((call) => call()), { once: true });
    waiting.set(signal, calls);
    all = calls;
  }
  all.add(abort);
  return () => all.delete(abort);
}
