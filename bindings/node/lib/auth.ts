/** Who connects, as nats.js has it: authenticators, which are asked anew for each attempt. */

import { callable, wrongType } from "./check";
import type { Auth, Authenticator } from "./types";

/** A value, or what yields one for each attempt. */
type Given<T> = T | (() => T);

function value<T>(given: Given<T>): T {
  return typeof given === "function" ? (given as () => T)() : given;
}

function text(name: string, bytes: unknown): string {
  if (typeof bytes === "string") {
    return bytes;
  }
  if (bytes instanceof Uint8Array) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  }
  throw wrongType(name, "a string or a Uint8Array", bytes);
}

/** User and password. */
export function usernamePasswordAuthenticator(
  user: Given<string>,
  pass?: Given<string>,
): Authenticator {
  return () => ({ user: value(user), pass: pass === undefined ? undefined : value(pass) });
}

/** A token. */
export function tokenAuthenticator(token: Given<string>): Authenticator {
  return () => ({ auth_token: value(token) });
}

/** An NKey by its seed, with which the library signs. */
export function nkeyAuthenticator(seed: Given<Uint8Array | string>): Authenticator {
  return () => ({ seed: text("seed", value(seed)) });
}

/** A user's JWT, and the seed that belongs to it, with which the library signs. */
export function jwtAuthenticator(
  jwt: Given<string>,
  seed?: Given<Uint8Array | string>,
): Authenticator {
  return () => ({
    jwt: value(jwt),
    seed: seed === undefined ? undefined : text("seed", value(seed)),
  });
}

/** The content of a credentials file. */
export function credsAuthenticator(creds: Given<Uint8Array | string>): Authenticator {
  return () => ({ creds: text("creds", value(creds)) });
}

/** What several authenticators say together. */
export async function together(
  authenticators: Authenticator | Authenticator[],
  nonce: string | undefined,
): Promise<Auth> {
  const all = Array.isArray(authenticators) ? authenticators : [authenticators];
  const said: Auth[] = [];
  for (const authenticator of all) {
    callable("authenticator", authenticator);
    said.push(await authenticator(nonce));
  }
  return Object.assign({}, ...said) as Auth;
}
