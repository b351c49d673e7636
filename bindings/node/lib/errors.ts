/** Errors as the native core raises them, made into those of the package. */

import { CLASSES } from "./codes_gen";
import { NatsError } from "./error";

export * from "./errors_gen";

/** The error of a code's number. */
export function errorOf(code: number, text: string): NatsError {
  return new (CLASSES.get(code) ?? NatsError)(text);
}

/** The error of a code's number with what JetStream has said; `json` has the text, too. */
export function refusalOf(code: number, json: string): NatsError {
  const { text, ...said } = JSON.parse(json) as { text: string };
  return Object.assign(errorOf(code, text), said);
}

/** What a native call has thrown, as an error of the package. */
export function fromNative(thrown: unknown): unknown {
  const { code, message } = thrown as { code?: unknown; message?: unknown };
  if (typeof code !== "string" || typeof message !== "string") {
    return thrown;
  }
  const number = Number(code);
  return Number.isInteger(number) ? errorOf(number, message) : thrown;
}

/** Makes a native call. */
export function native<T>(call: () => T): T {
  try {
    return call();
  } catch (thrown) {
    throw fromNative(thrown);
  }
}
