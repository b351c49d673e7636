/** JWTs of users and accounts, and credentials, in the shape of `@nats-io/jwt`. */

import { addon } from "./addon";
import { members, string, wrongType } from "./check";
import { native } from "./errors";
import { fromPublic, fromSeed, KeyPair, textOrBytes } from "./nkeys";
import { claimsDocument, type Document } from "./options";
import { ACCOUNT_CLAIMS, USER_CLAIMS } from "./options_gen";
import type { AccountClaims, ClaimsData, Creds, EncodingOptions, Key, UserClaims } from "./types";

const OPTIONS = ["exp", "nbf", "signer"];

/**
 * The JWT of a user. `issuer` is the account, whose key signs; with `opts.signer` one of its
 * signing keys does. Rejects with InvalidOptionError, which names an unknown claim and the nearest
 * known one, InvalidKeyError, and InvalidArgumentError for a key of the wrong kind.
 */
export async function encodeUser(
  name: string,
  user: Key,
  issuer: Key,
  claims: UserClaims = {},
  opts: EncodingOptions = {},
): Promise<string> {
  members("opts", opts, OPTIONS);
  const scoped = opts.signer === undefined ? {} : { issuerAccount: publicKey("issuer", issuer) };
  const document = claimsDocument(USER_CLAIMS, claims, { ...common(name, opts), ...scoped });
  return encode(addon.encodeUser, document, publicKey("user", user), opts.signer ?? issuer);
}

/**
 * The JWT of an account. The key of `opts.signer`, an operator's, signs; without it the account's
 * own does. Rejects as `encodeUser`.
 */
export async function encodeAccount(
  name: string,
  account: Key,
  claims: AccountClaims = {},
  opts: EncodingOptions = {},
): Promise<string> {
  members("opts", opts, OPTIONS);
  const document = claimsDocument(ACCOUNT_CLAIMS, claims, common(name, opts));
  const about = publicKey("account", account);
  return encode(addon.encodeAccount, document, about, opts.signer ?? account);
}

/**
 * What a JWT says, once its signature is checked against `iss`, and that such a key may sign it.
 * Whether `iss` is trusted and `exp` is over is for the program to say. Throws
 * InvalidCredentialsError.
 */
export function decode<T = Record<string, unknown>>(jwt: string): ClaimsData<T> {
  string("jwt", jwt);
  return JSON.parse(native(() => addon.decodeJwt(jwt))) as ClaimsData<T>;
}

/**
 * The content of a credentials file. Throws InvalidCredentialsError when the text is no JWT or the
 * key is none of a user.
 */
export function fmtCreds(jwt: string, key: KeyPair): Uint8Array {
  string("jwt", jwt);
  if (!(key instanceof KeyPair)) {
    throw wrongType("key", "a KeyPair", key);
  }
  return native(() => addon.formatCreds(jwt, key.native));
}

/**
 * Reads the content of a credentials file. Rejects with InvalidCredentialsError, without showing
 * it.
 */
export async function parseCreds(creds: Uint8Array | string): Promise<Creds> {
  textOrBytes("creds", creds);
  const { jwt, seed } = native(() => addon.parseCreds(creds));
  const uc = decode<Record<string, unknown>>(jwt);
  const account = uc.nats["issuer_account"];
  return { key: seed, jwt, uc, aid: typeof account === "string" ? account : uc.iss };
}

function common(name: string, opts: EncodingOptions): Record<string, unknown> {
  string("name", name);
  return { name, expires: opts.exp, notBefore: opts.nbf };
}

function encode(
  make: typeof addon.encodeUser,
  document: Document,
  about: string,
  signer: Key,
): string {
  const key = keyPair("signer", signer);
  return document.read(() => make(document.json, about, key.native));
}

function publicKey(name: string, key: Key): string {
  return keyPair(name, key).getPublicKey();
}

function keyPair(name: string, key: Key): KeyPair {
  if (key instanceof KeyPair) {
    return key;
  }
  textOrBytes(name, key);
  const text = typeof key === "string" ? key : Buffer.from(key).toString("latin1");
  return text.startsWith("S") ? fromSeed(key) : fromPublic(key);
}
