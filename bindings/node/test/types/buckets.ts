// A typed program with buckets of keys: what compiles here is what users may write.

import {
  Base64KeyCodec,
  type KV,
  type KvCache,
  type KvCodecs,
  type KvEntry,
  Kvm,
  type KvOptions,
  type KvPutOptions,
  type KvStatus,
  type KvWatcher,
  type KvWatchEntry,
  KvWatchInclude,
  type KvWatchOptions,
  type Lister,
  type NatsConnection,
  type QueuedIterator,
  type RoKV,
} from "nats-ffi";

const limits: Partial<KvOptions> = { history: 5, ttl: 60_000, replicas: 1, storage: "memory" };
const codec: KvCodecs = {
  key: Base64KeyCodec(),
  value: { encode: (value) => Buffer.from(value), decode: (stored) => stored.subarray(0) },
};

export async function buckets(nc: NatsConnection): Promise<void> {
  const kvm = new Kvm(nc.jetstream({ timeout: 5000 }));
  const kv: KV = await kvm.create("typed", { ...limits, codec, metadata: { own: "yes" } });
  const put: KvPutOptions = { previousSeq: 1, timeout: 1000, ttl: "90s" };
  const revisions: number[] = [
    await kv.create("a", "text", "1h"),
    await kv.put("a", new Uint8Array(1), put),
    await kv.update("a", Buffer.from("x"), 2),
    await kv.delete("a", { previousSeq: 3 }),
    await kv.purge("a", { ttl: 60_000 }),
  ];
  const modified: number | null = await kv.modify("n", async (was: KvEntry | null) => {
    return was === null ? "1" : was.json<number>() > 9 ? null : `${was.string()}1`;
  });
  const entry: KvEntry | null = await kv.get("a", { revision: revisions[0] ?? 1 });
  const operation: "PUT" | "DEL" | "PURGE" | undefined = entry?.operation;
  const created: [Date, bigint] | undefined = entry ? [entry.created, entry.createdNs] : undefined;
  const many: (KvEntry | null)[] = await kv.getMany(["a", "b"]);
  console.log(modified, operation, created, many.length);
  await watch(kv.readonly());
  const cache: KvCache = await kv.cache(["a", "b.>"]);
  await cache.wait(5);
  const kept: string[] = cache.keys().filter((key) => cache.get(key)?.length);
  cache.stop();
  const { purged }: { purged: number } = await kv.purgeDeletes(0);
  const statuses: Lister<KvStatus> = kvm.list();
  for await (const { bucket, values, size, streamInfo } of statuses) {
    console.log(bucket, values + size, streamInfo.config.name, kept, purged);
  }
  const gone: boolean = await kv.destroy();
  console.log(gone);
}

async function watch(kv: RoKV): Promise<void> {
  const options: KvWatchOptions = {
    key: ["a", "b.*"],
    include: KvWatchInclude.AllHistory,
    ignoreDeletes: true,
    headers_only: false,
  };
  await using watcher: KvWatcher<KvWatchEntry> = await kv.watch(options);
  void watcher.caughtUp.then((caughtUp: boolean) => console.log(caughtUp));
  for await (const entry of watcher) {
    const isUpdate: boolean = entry.isUpdate;
    console.log(entry.key, entry.revision, entry.delta, isUpdate);
  }
  const history: QueuedIterator<KvWatchEntry> = await kv.history({ key: "a" });
  history.stop();
  const keys: QueuedIterator<string> = await kv.keys([">"]);
  for await (const key of keys) console.log(key.toUpperCase(), keys.getProcessed());
}
