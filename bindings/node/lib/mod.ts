/** A NATS client with a native core, in the shape of nats.js. */

export {
  credsAuthenticator,
  jwtAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from "./auth";
export { Base64KeyCodec, NoopKvCodecs } from "./codec";
export { connect, wsconnect } from "./connection";
export * from "./errors_gen";
export { canonicalMIMEHeaderKey, headers, Match, MsgHdrsImpl } from "./headers";
export { decode, encodeAccount, encodeUser, fmtCreds, parseCreds } from "./jwt";
export { Kvm } from "./kv";
export { KvWatchInclude } from "./kv_types";
export { setLogger } from "./logger";
export type { Logger, LogLevel } from "./logger";
export { Empty } from "./msg";
export {
  createAccount,
  createCluster,
  createOperator,
  createPair,
  createServer,
  createUser,
  fromPublic,
  fromSeed,
} from "./nkeys";
export type { KeyKind, KeyPair } from "./nkeys";
export { nuid, Nuid } from "./nuid";
export { Objm } from "./object";
export { Svcm } from "./service";
export { ServiceError, ServiceErrorCodeHeader, ServiceErrorHeader } from "./service_error";
export { ServiceResponseType, ServiceVerb } from "./service_types";
export {
  backoff,
  createInbox,
  deadline,
  deferred,
  delay,
  millis,
  nanos,
  syncIterator,
} from "./util";
export type { Backoff, Deferred, Delay, Nanos, SyncIterator } from "./util";
export type * from "./kv_types";
export type * from "./object_types";
export type * from "./service_types";
export type * from "./types";
export type {
  ClusterUpdateStatus,
  CloseStatus,
  ConnectStatus,
  ConsumerStatus,
  DisconnectStatus,
  DrainingStatus,
  ForceReconnectStatus,
  LDMStatus,
  MigratedStatus,
  ReconnectingStatus,
  ReconnectStatus,
  ServerErrorStatus,
  SlowConsumerStatus,
  StaleConnectionStatus,
  Status,
} from "./status";
