/** JWTs and credentials. */

import type { KeyPair } from "./nkeys";
import type * as gen from "./options_gen";

/** A key pair, or the text of a seed or a public key. */
export type Key = string | Uint8Array | KeyPair;

/** The subjects that may be used. */
export interface Permission {
  /** These, and no others. */
  allow?: string[];
  /** None of these. */
  deny?: string[];
}

/** Claims of a user: those of the table, and `@nats-io/jwt`'s own names for them. */
export interface UserClaims extends Omit<gen.UserClaims, "name"> {
  /** `publishAllow` and `publishDeny`. */
  pub?: Permission;
  /** `subscribeAllow` and `subscribeDeny`. */
  sub?: Permission;
  /** `responses`, and `responseTtl` in nanoseconds. */
  resp?: { max?: number; ttl?: number };
}

/** Claims of an account: those of the table, and `@nats-io/jwt`'s own names for them. */
export interface AccountClaims extends Omit<gen.AccountClaims, "name"> {
  /** The limits, under the names that they have in the token. */
  limits?: {
    subs?: number;
    conn?: number;
    leaf?: number;
    data?: number;
    payload?: number;
    imports?: number;
    exports?: number;
    wildcards?: boolean;
    mem_storage?: number;
    disk_storage?: number;
    streams?: number;
    consumer?: number;
  };
}

/** How a JWT is made. */
export interface EncodingOptions {
  /** When it ends, in seconds since 1970, or as a Date. */
  exp?: number | Date;
  /** From when on it is valid. */
  nbf?: number | Date;
  /** Who signs in the issuer's place. */
  signer?: Key;
}

/** What a JWT says. */
export interface ClaimsData<T> {
  /** Who signed it. */
  iss: string;
  /** Who it is about. */
  sub: string;
  name: string;
  /** When it was signed, in seconds since 1970. */
  iat: number;
  jti: string;
  exp?: number;
  nbf?: number;
  aud?: string;
  /** What is particular to NATS. */
  nats: T;
}

/** What a credentials file holds. */
export interface Creds {
  /** The seed. */
  key: string;
  /** The user's JWT. */
  jwt: string;
  /** What the JWT says. */
  uc: ClaimsData<Record<string, unknown>>;
  /** The account. */
  aid: string;
}
