/** The library's own log. */

import { callable } from "./check";
import { InvalidArgumentError } from "./errors";
import { loop, type Source } from "./loop";

/** How much a record matters; each level has those before it, too. */
export type LogLevel = "error" | "warn" | "info" | "debug" | "trace";

/** Takes a record. */
export type Logger = (level: LogLevel, text: string) => void;

const LEVELS: readonly LogLevel[] = ["error", "warn", "info", "debug", "trace"];

let token: number | undefined;

/**
 * Has the library's records of all connections of the process go to `logger`, up to a level, instead
 * of where they went before: of several worker threads the last one has them. Without a logger there
 * is none, which is how it begins. Records do not keep the process alive, and of more than 1,024 that
 * wait the newest are dropped. None shows a secret or a payload.
 */
export function setLogger(level: LogLevel | undefined, logger?: Logger): void {
  if (token !== undefined) {
    loop.forget(token);
    token = undefined;
  }
  if (level === undefined || logger === undefined) {
    loop.native.setLog(0, 0);
    return;
  }
  callable("logger", logger);
  const number = LEVELS.indexOf(level) + 1;
  if (number === 0) {
    throw new InvalidArgumentError(`level: expected one of ${LEVELS.join(", ")}, found ${level}`);
  }
  const source: Source = {
    onRecord: (at, text) => logger(LEVELS[at - 1] as LogLevel, text),
  };
  token = loop.watch(source);
  loop.native.setLog(token, number);
}
