/** NKeys, in the shape of `@nats-io/nkeys`. */

import { types } from "node:util";
import { addon, type NativeKey } from "./addon";
import { wrongType } from "./check";
import { native } from "./errors";

/** What a key stands for. */
export type KeyKind = "operator" | "account" | "user" | "server" | "cluster";

/**
 * An Ed25519 key pair in the spelling of NATS, or a public key alone. Its seed is wiped from memory
 * by `clear` or with the object; copies that `getSeed` has made are not.
 */
export class KeyPair {
  /** @internal */
  readonly native: NativeKey;

  /** @internal */
  constructor(key: NativeKey) {
    this.native = key;
  }

  /** What it stands for. Throws InvalidHandleError when it was cleared, as all that follow. */
  getKind(): KeyKind {
    return native(() => this.native.kind()) as KeyKind;
  }

  /** The public key. */
  getPublicKey(): string {
    return native(() => this.native.publicKey());
  }

  /** The seed: whoever has it, has the key. Throws InvalidKeyError for a public key alone. */
  getSeed(): Uint8Array {
    return native(() => this.native.seed());
  }

  /** The signature, 64 bytes. Throws InvalidKeyError for a public key alone. */
  sign(input: Uint8Array): Uint8Array {
    bytes("input", input);
    return native(() => this.native.sign(input));
  }

  /** Whether the signature is that of `input` by this key. */
  verify(input: Uint8Array, signature: Uint8Array): boolean {
    bytes("input", input);
    bytes("signature", signature);
    return native(() => this.native.verify(input, signature));
  }

  /** Forgets the key, which is of no use from now on. */
  clear(): void {
    this.native.wipe();
  }
}

/** A new key pair. Throws InvalidArgumentError for an unknown kind. */
export function createPair(kind: KeyKind): KeyPair {
  if (typeof kind !== "string") {
    throw wrongType("kind", "a string", kind);
  }
  return new KeyPair(native(() => addon.generateKey(kind)));
}

/** A new key pair that signs accounts. */
export function createOperator(): KeyPair {
  return createPair("operator");
}

/** A new key pair that signs users. */
export function createAccount(): KeyPair {
  return createPair("account");
}

/** A new key pair that authenticates connections. */
export function createUser(): KeyPair {
  return createPair("user");
}

/** A new key pair of a server. */
export function createServer(): KeyPair {
  return createPair("server");
}

/** A new key pair of a cluster. */
export function createCluster(): KeyPair {
  return createPair("cluster");
}

/** The key pair of a seed. Throws InvalidKeyError, without showing it. */
export function fromSeed(seed: Uint8Array | string): KeyPair {
  textOrBytes("seed", seed);
  return new KeyPair(native(() => addon.keyFromSeed(seed)));
}

/** A public key, which verifies. Throws InvalidKeyError. */
export function fromPublic(key: string | Uint8Array): KeyPair {
  textOrBytes("key", key);
  return new KeyPair(native(() => addon.keyFromPublic(key)));
}

/** Demands a string or bytes. */
export function textOrBytes(name: string, value: unknown): asserts value is string | Uint8Array {
  if (typeof value !== "string" && !types.isUint8Array(value)) {
    throw wrongType(name, "a string or Uint8Array", value);
  }
}

function bytes(name: string, value: unknown): asserts value is Uint8Array {
  if (!types.isUint8Array(value)) {
    throw wrongType(name, "a Uint8Array", value);
  }
}
