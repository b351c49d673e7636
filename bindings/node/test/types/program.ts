// A typed program: what compiles here is what users may write. Checked by tsc, and run.

import {
  type Batch,
  type BatchEvent,
  type BatchOptions,
  type BatchState,
  type ClaimsData,
  connect,
  type ConnectionOptions,
  type ConsumeOptions,
  createAccount,
  createInbox,
  createOperator,
  createUser,
  type Creds,
  decode,
  deferred,
  Empty,
  encodeAccount,
  encodeUser,
  fmtCreds,
  fromPublic,
  type FetchOptions,
  fromSeed,
  headers,
  type JetStream,
  type JetStreamPublishOptions,
  type KeyPair,
  Match,
  type Metadata,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  NoRespondersError,
  parseCreds,
  type Payload,
  type OrderedOptions,
  type PubAck,
  type PushedOptions,
  type RequestManyOptions,
  type ServerInfo,
  type Stats,
  type Status,
  type StreamConfig,
  type StreamInfo,
  type Subscription,
  type SubscriptionOptions,
  syncIterator,
  TimeoutError,
  type UserClaims,
} from "nats-ffi";

const options: ConnectionOptions = {
  servers: [process.env["NATS_URL"] ?? "127.0.0.1:4222"],
  name: "typed",
  noEcho: false,
  maxReconnectAttempts: -1,
  reconnectTimeWait: 100,
  pendingMessages: 1000,
  outboundPolicy: "wait",
  publishTimeout: 250,
};

function describe(status: Status): string {
  switch (status.type) {
    case "disconnect":
    case "reconnect":
      return status.server;
    case "error":
      return status.error.message;
    case "slowConsumer":
      return `${status.sub.getSubject()} ${status.pending}`;
    case "update":
      return (status.added ?? []).join();
    default:
      return status.type;
  }
}

async function watch(nc: NatsConnection): Promise<string[]> {
  const seen: string[] = [];
  for await (const status of nc.status()) seen.push(describe(status));
  return seen;
}

async function exchange(nc: NatsConnection): Promise<void> {
  const subOptions: SubscriptionOptions = { max: 2, queue: "typed", pendingBytes: 65536 };
  const sub: Subscription = nc.subscribe(createInbox(), subOptions);
  const h: MsgHdrs = headers();
  h.append("Name", "value");
  const payloads: Payload[] = ["text", new Uint8Array([0]), Buffer.from("bytes")];
  nc.publish(sub.getSubject(), payloads[0], { headers: h });
  nc.publish(sub.getSubject());
  const messages = syncIterator<Msg>(sub);
  const first: Msg | null = await messages.next();
  const value: string | undefined = first?.headers?.get("name", Match.IgnoreCase);
  const data: Uint8Array = first?.data ?? Empty;
  const second = await messages.next();
  const max: number | undefined = sub.getMax();
  console.log(value, data.length, second?.data.length, await messages.next(), max);
  const ended: void | Error = await sub.closed;
  console.log(ended);
}

async function ask(nc: NatsConnection): Promise<void> {
  const answered = deferred<string>();
  nc.subscribe("typed.echo", {
    callback: (err: Error | null, msg: Msg) => {
      if (err) answered.reject(err);
      else answered.resolve(String(msg.respond(msg.data)));
    },
  });
  const { signal } = new AbortController();
  const answer = await nc.request("typed.echo", JSON.stringify([1]), { timeout: 5000, signal });
  console.log(answer.json<number[]>(), await answered);
  const many: Partial<RequestManyOptions> = { strategy: "count", maxMessages: 1, maxWait: 5000 };
  for await (const msg of await nc.requestMany("typed.echo", "many", many)) {
    console.log(msg.string());
  }
  try {
    await nc.request("typed.nobody", Empty, { timeout: 5000 });
  } catch (error) {
    if (!(error instanceof NatsError)) throw error;
    const code: number = error.code;
    console.log(error.codeName, code, error instanceof TimeoutError, NoRespondersError.name);
  }
}

async function keys(): Promise<void> {
  const user: KeyPair = fromSeed(createUser().getSeed());
  const account = createAccount();
  const signed: Uint8Array = user.sign(new Uint8Array([1]));
  const valid: boolean = fromPublic(user.getPublicKey()).verify(new Uint8Array([1]), signed);
  const expires = new Date(1e12);
  const claims: UserClaims = { publishAllow: ["a.>"], sub: { deny: ["b"] }, expires };
  const token: string = await encodeUser("joe", user, account, claims, { exp: 2e9 });
  await encodeAccount("app", account, { limits: { conn: 1 } }, { signer: createOperator() });
  const read: ClaimsData<{ type: string }> = decode<{ type: string }>(token);
  const creds: Creds = await parseCreds(fmtCreds(token, user));
  console.log(valid, read.nats.type, creds.jwt === token, user.getKind());
}

/** Compiled only: the server of this program has no JetStream. */
export async function store(nc: NatsConnection): Promise<bigint[]> {
  const js: JetStream = nc.jetstream({ domain: "hub", timeout: 2000 });
  const config: StreamConfig = { name: "S", storage: "memory", what_a_later_server_knows: true };
  const info: StreamInfo = await js.streamCreate(config);
  const names: string[] = (await js.streamNames()).streams;
  const expected: JetStreamPublishOptions = { msgId: "1", expectedLastSequence: 0, headers: headers() };
  const ack: PubAck = await js.publish("s.a", "x", expected);
  const options: FetchOptions = { maxMessages: 10, signal: new AbortController().signal };
  const messages: Msg[] = await js.fetch(info.config.name, names[0] ?? "", options);
  const place: Metadata | undefined = messages[0]?.metadata;
  messages[0]?.nak(ack.seq + (place?.delivered ?? 0));
  await messages[1]?.ackSync(500);
  js.ackAll(messages);
  const endless: ConsumeOptions = { maxMessages: 100, callback: (_, msg) => msg.ack() };
  const sub: Subscription = await js.consume("S", "w", endless);
  await sub.drain();
  const ordered: OrderedOptions = { filterSubjects: ["s.a"], deliverPolicy: "new", push: true };
  const pushed: PushedOptions = { pendingMessages: 10, callback: (_, msg) => msg.ack() };
  const subs: Subscription[] = [
    await js.consumeOrdered("S", ordered),
    await js.consumePushed("S", "p", pushed),
    await js.consumeGroup("S", "g", "m", endless),
  ];
  const shape: BatchOptions = { kind: "fast", flow: 10, gaps: true };
  const batch: Batch = js.batch(shape);
  await batch.add("s.a", "x", expected);
  const state: BatchState = await batch.state();
  if (state.kind === "fast") {
    const events: BatchEvent[] = state.events;
    console.log(state.acknowledged, events.length, subs.length);
  }
  const stored: PubAck = await batch.commit("s.a");
  console.log(stored.count, (await js.batch().close()).seq);
  return messages.map((msg) => msg.metadata.timestampNs);
}

async function main(): Promise<void> {
  await keys();
  const nc = await connect(options);
  const info: ServerInfo | undefined = nc.info;
  const stats: Stats = nc.stats();
  console.log(typeof info?.max_payload, stats.outMsgs + stats.inBytes);
  const watched = watch(nc);
  await exchange(nc);
  await ask(nc);
  const rtt: number = await nc.rtt();
  console.log(rtt > 0, nc.getServers().length);
  await nc[Symbol.asyncDispose]();
  const closed: void | Error = await nc.closed();
  console.log(closed, await watched);
}

void main();
