// A typed program with services and objects: what compiles here is what users may write.

import {
  type ObjectInfo,
  type ObjectResult,
  type ObjectStore,
  type ObjectStoreMeta,
  type ObjectStoreOptions,
  type ObjectStoreStatus,
  type ObjectWatchInfo,
  Objm,
  type NatsConnection,
  type PubAck,
  type QueuedIterator,
  type Service,
  type ServiceConfig,
  ServiceError,
  type ServiceGroup,
  type ServiceIdentity,
  type ServiceInfo,
  type ServiceMsg,
  type ServiceStats,
  Svcm,
} from "nats-ffi";

export async function services(nc: NatsConnection): Promise<void> {
  const svcm = new Svcm(nc);
  const config: ServiceConfig = {
    name: "s",
    version: "1.0.0",
    queue: "mine",
    statsHandler: async ({ name, num_requests }) => ({ name, num_requests }),
  };
  await using service: Service = await svcm.add(config);
  const group: ServiceGroup = service.addGroup("v1", "");
  group.addEndpoint("now", (err: Error | null, msg: ServiceMsg) => {
    if (err === null) msg.respond(msg.json<number>() > 1 ? "1" : msg.data);
  });
  group.addEndpoint("later", {
    subject: "later.*",
    metadata: { own: "yes" },
    handler: async (_, msg) => {
      if (msg.reply === "") throw new ServiceError(400, "nobody waits");
      msg.respondError(409, "not now", "", {});
    },
  });
  const requests: QueuedIterator<ServiceMsg> = service.addEndpoint("read");
  for await (const msg of requests) msg.respond(msg.subject);
  const code: number | undefined = ServiceError.toServiceError(await nc.request("x"))?.code;
  const client = svcm.client({ strategy: "stall", maxWait: 1000 }, "$SRV");
  const pings: QueuedIterator<ServiceIdentity> = await client.ping();
  for await (const { id } of pings) console.log(id, code);
  for await (const info of await client.info("s")) console.log((info satisfies ServiceInfo).endpoints);
  const stats: ServiceStats = await service.stats();
  service.reset();
  const reason: Error | null = await service.stop(new Error("enough"), { timeout: 1000 });
  console.log(stats.endpoints?.[0]?.num_errors, reason ?? (await service.stopped), service.isStopped);
}

export async function objects(nc: NatsConnection): Promise<void> {
  const options: Partial<ObjectStoreOptions> = { storage: "memory", ttl: 60e9, replicas: 1 };
  const store: ObjectStore = await new Objm(nc).create("b", options);
  const meta: ObjectStoreMeta = { name: "x", options: { max_chunk_size: 1024 } };
  const abort = new AbortController();
  const put: ObjectInfo = await store.put(meta, new Blob(["x"]).stream(), {
    previousRevision: 0,
    timeout: 1000,
    signal: abort.signal,
    progress: (bytes: number, total: number | undefined) => console.log(bytes, total),
  });
  await store.putBlob(meta, null);
  await store.putFile(meta, new URL("file:///x"));
  const result: ObjectResult | null = await store.get("x", { offset: 1, length: 2, nuid: put.nuid });
  if (result !== null) {
    const data: ReadableStream<Uint8Array> = result.data;
    for await (const chunk of data) console.log(chunk.byteLength);
    console.log(await result.error);
  }
  const blob: Uint8Array | null = await store.getBlob("x");
  await store.getFile("x", "/tmp/x");
  const ack: PubAck = await store.update("x", { description: "new" });
  await store.link("l", put);
  await store.linkStore("m", store);
  const watch: QueuedIterator<ObjectWatchInfo> = await store.watch({ ignoreDeletes: true });
  for await (const { name, isUpdate, headers } of watch) console.log(name, isUpdate, headers?.size());
  const { purged }: { purged: number } = await store.delete("x");
  const status: ObjectStoreStatus = await store.seal();
  console.log(blob, ack.seq, purged, status.sealed, await store.list(), await store.destroy());
}
