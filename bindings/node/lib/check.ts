/** Checks of what callers hand in, before the native core sees it. */

import { types } from "node:util";
import { addon } from "./addon";
import { InvalidArgumentError, native } from "./errors";

/** The TypeError for an argument of the wrong type. */
export function wrongType(name: string, expected: string, found: unknown): TypeError {
  let kind: string = found === null ? "null" : typeof found;
  if (kind === "object") {
    kind = (found as object).constructor?.name ?? kind;
  }
  return new TypeError(`${name}: expected ${expected}, found ${kind}`);
}

/** Demands a string. */
export function string(name: string, value: unknown): asserts value is string {
  if (typeof value !== "string") {
    throw wrongType(name, "a string", value);
  }
}

/** Demands a string or bytes. */
export function payload(value: unknown): asserts value is string | Uint8Array {
  if (typeof value !== "string" && !types.isUint8Array(value)) {
    throw wrongType("payload", "a string or Uint8Array", value);
  }
}

/** Demands a function, or nothing. */
export function callable(name: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw wrongType(name, "a function", value);
  }
}

/** Demands an object with no other members than these, or nothing. */
export function members(name: string, value: unknown, known: readonly string[]): void {
  if (value === undefined) {
    return;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrongType(name, "an object", value);
  }
  for (const key in value) {
    if (!known.includes(key)) {
      native(() => addon.refuseOption([...known], key));
    }
  }
}

/** Demands a positive number of milliseconds, or nothing. */
export function millis(name: string, value: unknown): asserts value is number | undefined {
  if (value === undefined) {
    return;
  }
  if (typeof value !== "number") {
    throw wrongType(name, "a number of milliseconds", value);
  }
  if (!(value > 0)) {
    throw new InvalidArgumentError(`${name}: ${value}; expected more than 0 milliseconds`);
  }
}

/** Demands an AbortSignal, or nothing. */
export function signal(value: unknown): asserts value is AbortSignal | undefined {
  if (value !== undefined && !(value instanceof AbortSignal)) {
    throw wrongType("signal", "an AbortSignal", value);
  }
}
