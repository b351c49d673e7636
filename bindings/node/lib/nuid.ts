/** Unique names of 22 base-62 digits. */

import { randomInt } from "node:crypto";

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const PREFIX = 12;
const SEQUENCE = 10;
/** Beyond this the last digits of a double would be lost, and the prefix is made anew. */
const LAST = 2 ** 52;

/** Makes unique names: a random prefix, and a number that grows by a random step. */
export class Nuid {
  #prefix = "";
  #number = LAST;
  #step = 0;

  /** The next name. */
  next(): string {
    this.#number += this.#step;
    if (this.#number >= LAST) {
      this.reset();
    }
    let digits = "";
    for (let rest = this.#number; digits.length < SEQUENCE; rest = Math.floor(rest / 62)) {
      digits = DIGITS.charAt(rest % 62) + digits;
    }
    return this.#prefix + digits;
  }

  /** Makes prefix, number and step anew. */
  reset(): void {
    const digit = () => DIGITS.charAt(randomInt(62));
    this.#prefix = Array.from({ length: PREFIX }, digit).join("");
    this.#number = randomInt(2 ** 47);
    this.#step = randomInt(33, 333);
  }
}

/** The generator of the package. */
export const nuid = new Nuid();
