/** Options of this package, made into the options documents of the core. */

import { addon } from "./addon";
import { wrongType } from "./check";
import { InvalidArgumentError, InvalidOptionError, native } from "./errors";
import {
  BATCH,
  CONNECT,
  CONSUME,
  FETCH,
  JETSTREAM,
  JETSTREAM_PUBLISH,
  MANY,
  ORDERED,
  PUSHED,
  SUBSCRIBE,
  type Conversion,
  type Table,
} from "./options_gen";
import { HANDLERS } from "./question";
import type {
  BatchOptions,
  ConnectionOptions,
  ConsumeOptions,
  FetchOptions,
  JetStreamOptions,
  JetStreamPublishOptions,
  OrderedOptions,
  PushedOptions,
  RequestManyOptions,
  SubscriptionOptions,
} from "./types";

/** Options that are not the core's. */
const OWN: readonly string[] = [...HANDLERS, "inject", "extract"];

/** nats.js's names of options of TLS, and those of this package. */
const TLS: Readonly<Record<string, string>> = {
  handshakeFirst: "tlsFirst",
  cert: "tlsCert",
  certFile: "tlsCertFile",
  key: "tlsKey",
  keyFile: "tlsKeyFile",
  ca: "tlsCa",
  caFile: "tlsCaFile",
  servername: "tlsServerName",
  rejectUnauthorized: "tlsInsecure",
};

/** A document, and how to say in this package's names what is wrong with it. */
export interface Document {
  json: string;
  /** Makes a call that reads the document. */
  read<T>(call: () => T): T;
  /** Says what an error means that has come later. */
  explain(error: unknown): unknown;
}

/** The document of a connection's options. */
export function connectDocument(options: ConnectionOptions = {}): Document {
  const { tls, ...given } = object(options);
  const others = { ...given };
  for (const name of OWN) {
    delete others[name];
  }
  if (others.port !== undefined && others.servers !== undefined) {
    throw new InvalidArgumentError("servers, port: are mutually exclusive");
  }
  return convert(CONNECT, ["tls", ...OWN], { ...others, ...tlsOptions(tls) });
}

/** The document of a subscription's options. */
export function subscribeDocument(options: SubscriptionOptions): Document {
  const { callback, timeout, ...others } = object(options);
  return convert(SUBSCRIBE, ["callback", "timeout"], others);
}

/** The document of a request for many replies; what `wanted` says of other matters is left out. */
export function manyDocument(wanted: RequestManyOptions): Document {
  const { strategy, headers, noMux, signal, traceDestination, traceOnly, ...others } =
    object(wanted) as RequestManyOptions;
  const { maxWait, maxMessages, stall = 300 } = others;
  const limit = maxMessages === -1 ? undefined : maxMessages;
  const own = ["strategy", "headers", "noMux", "signal", "traceDestination", "traceOnly"];
  switch (strategy) {
    case undefined:
      return convert(MANY, own, { ...others, maxMessages: limit });
    case "timer":
      return convert(MANY, own, { maxWait });
    case "count":
      return convert(MANY, own, { maxWait, maxMessages: limit });
    case "stall":
      return convert(MANY, own, { maxWait, maxMessages: limit, stall });
    case "sentinel":
      return convert(MANY, own, { maxWait, maxMessages: limit, sentinel: true });
    default: {
      const known = "expected \"timer\", \"count\", \"stall\" or \"sentinel\"";
      throw new InvalidOptionError(`option 'strategy': ${known}, found ${String(strategy)}`);
    }
  }
}

/** The document of a JetStream's options. */
export function jetstreamDocument(options: JetStreamOptions): Document {
  return convert(JETSTREAM, [], object(options));
}

/** The document of what is expected of a stream; none when nothing is. */
export function storeDocument(options: JetStreamPublishOptions): Document | undefined {
  const { headers, ...others } = object(options);
  for (const _ in others) {
    return convert(JETSTREAM_PUBLISH, ["headers"], others);
  }
  return undefined;
}

/** The document of a request for messages of a consumer. */
export function fetchDocument(options: FetchOptions): Document {
  const { signal, ...others } = object(options);
  return convert(FETCH, ["signal"], others);
}

/** The document of messages without end. */
export function consumeDocument(options: ConsumeOptions): Document {
  const { callback, ...others } = object(options);
  return convert(CONSUME, ["callback"], others);
}

/** The document of a stream's messages in order. */
export function orderedDocument(options: OrderedOptions): Document {
  const { callback, ...others } = object(options);
  return convert(ORDERED, ["callback"], others);
}

/** The document of messages that are pushed. */
export function pushedDocument(options: PushedOptions): Document {
  const { callback, ...others } = object(options);
  return convert(PUSHED, ["callback"], others);
}

/** The document of a batch. */
export function batchDocument(options: BatchOptions): Document {
  return convert(BATCH, [], object(options));
}

/**
 * The document of a JWT's claims; those of `own` that are set go before the others. Members of an
 * object are claims with its name in front, as in `pub.allow`.
 */
export function claimsDocument(
  table: Table,
  claims: unknown,
  own: Record<string, unknown>,
): Document {
  const flat: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(object(claims, "claims"))) {
    const inner = Object.keys(table.names).some((known) => known.startsWith(`${name}.`));
    if (!inner) {
      flat[name] = value;
    } else if (value !== undefined) {
      for (const [key, one] of Object.entries(object(value, name))) flat[`${name}.${key}`] = one;
    }
  }
  for (const [name, value] of Object.entries(own)) {
    if (value !== undefined) flat[name] = value;
  }
  return convert(table, [], flat);
}

/** Options, which must be an object. */
export function object(options: unknown, what = "options"): Record<string, unknown> {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw wrongType(what, "an object", options);
  }
  return options as Record<string, unknown>;
}

function tlsOptions(tls: unknown): Record<string, unknown> {
  if (tls === undefined || tls === null) {
    return {};
  }
  if (typeof tls !== "object") {
    throw wrongType("tls", "an object", tls);
  }
  const options: Record<string, unknown> = { tlsRequired: true };
  for (const [name, value] of Object.entries(tls)) {
    const own = TLS[name];
    if (own === undefined) {
      native(() => addon.refuseOption(Object.keys(TLS).map((known) => `tls.${known}`), `tls.${name}`));
    } else {
      options[own] = name === "rejectUnauthorized" ? opposite(value) : value;
    }
  }
  return options;
}

function opposite(value: unknown): unknown {
  return typeof value === "boolean" ? !value : value;
}

/** Converts options; `own` are known names that are not the table's. */
export function convert(
  table: Table,
  own: string[],
  options: Record<string, unknown>,
): Document {
  const document: Record<string, unknown> = { ...table.defaults };
  const names = new Map<string, string>();
  for (const [name, value] of Object.entries(options)) {
    const row = Object.hasOwn(table.names, name) ? table.names[name] : undefined;
    if (row === undefined) {
      const known = [...Object.keys(table.names), ...own];
      native(() => addon.refuseOption(known, name, table.noun));
    } else if (value !== undefined) {
      document[row[0]] = converted(`${table.noun} '${name}'`, value, row[1]);
      names.set(row[0], name);
    }
  }
  const explain = (error: unknown) =>
    error instanceof InvalidOptionError ? renamed(error, names) : error;
  const read = <T>(call: () => T): T => {
    try {
      return native(call);
    } catch (error) {
      throw explain(error);
    }
  };
  return { json: JSON.stringify(document), read, explain };
}

function converted(name: string, value: unknown, how: Conversion): unknown {
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") {
    throw wrongType(name, "a plain value", value);
  }
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new InvalidOptionError(`${name}: expected a finite number, found ${value}`);
  }
  switch (how) {
    case "list":
      return typeof value === "string" ? [value] : value;
    case "not":
      return opposite(value);
    case "port":
      if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > 65535) {
        const text = `expected a whole number from 1 to 65535, found ${String(value)}`;
        throw new InvalidOptionError(`${name}: ${text}`);
      }
      return [`127.0.0.1:${value}`];
    case "moment":
      if (value instanceof Date) {
        return Math.floor(value.getTime() / 1000);
      }
      return typeof value === "number" ? Math.floor(value) : value;
    case "nanos":
      return typeof value === "number" ? Math.ceil(value / 1e6) : value;
    case "same":
      return value;
  }
}

/** The same error with the names that the program has used. */
function renamed(error: InvalidOptionError, names: Map<string, string>): InvalidOptionError {
  const named = (all: string, noun: string, key: string) => {
    const name = names.get(key);
    return name === undefined ? all : `${noun} '${name}'`;
  };
  const text = error.message.replace(/^(option|claim) '(\w+)'/, named);
  // Those that contradict each other, or have no meaning, stand in front of a colon.
  const bare = text.replace(/^\w+(?: and \w+)*(?=:)/, (head) =>
    head.replace(/\w+/g, (key) => names.get(key) ?? key),
  );
  return new InvalidOptionError(bare);
}
