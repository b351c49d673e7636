/* The benchmark driver of nats.c. */
#include <nats/nats.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* From here on a thread for each subscription, which is the default, is not what its documentation
 * recommends: it has a pool of threads for many subscriptions. */
#define MANY_SUBSCRIPTIONS 1000

#define REQUEST_TIMEOUT 10000

static const char client_name[] = "nats.c";

typedef natsConnection client;

typedef struct {
  const char *subject;
  void *payload;
  int size;
  natsMsg *with_headers;
} message;

typedef struct {
  natsSubscription **subs;
  bench_arrivals *arrivals;
} receiver;

static inline void check(natsStatus status, const char *doing) {
  if (status != NATS_OK) bench_fail(doing, natsStatus_GetText(status));
}

static const char *client_version(void) { return nats_GetVersion(); }

static void client_check(const bench_args *args) {
  if (args->mode == BENCH_BATCH) bench_unsupported("nats.c hands messages over one by one");
  if (args->mode == BENCH_ITERATOR && args->subs > 1)
    bench_unsupported("nats.c cannot wait for several synchronous subscriptions at once");
}

static client *client_open(const bench_args *args) {
  natsOptions *options;
  natsConnection *nc;
  check(natsOptions_Create(&options), "options");
  check(natsOptions_SetURL(options, args->url), "options");
  check(natsOptions_SetAllowReconnect(options, false), "options");
  if (args->subs >= MANY_SUBSCRIPTIONS)
    check(natsOptions_UseGlobalMessageDelivery(options, true), "options");
  check(natsConnection_Connect(&nc, options), "connect");
  natsOptions_Destroy(options);
  return nc;
}

static void client_close(client *nc) {
  natsConnection_Close(nc);
  natsConnection_Destroy(nc);
}

static message *message_new(const char *subject, void *payload, size_t size, size_t headers) {
  message *msg = bench_alloc(sizeof *msg);
  *msg = (message){.subject = subject, .payload = payload, .size = (int)size};
  if (headers)
    check(natsMsg_Create(&msg->with_headers, subject, NULL, payload, msg->size), "message");
  for (size_t i = 0; i < headers; i++) {
    char name[8];
    const char *value = bench_header(i, name);
    check(natsMsgHeader_Set(msg->with_headers, name, value), "headers");
  }
  return msg;
}

static inline void client_publish(client *nc, const message *msg) {
  natsStatus status;
  if (msg->with_headers)
    status = natsConnection_PublishMsg(nc, msg->with_headers);
  else
    status = natsConnection_Publish(nc, msg->subject, msg->payload, msg->size);
  check(status, "publish");
}

static void client_flush(client *nc) {
  check(natsConnection_FlushTimeout(nc, BENCH_PATIENCE), "flush");
}

static inline size_t client_request(client *nc, const message *msg) {
  natsMsg *answer;
  check(natsConnection_Request(&answer, nc, msg->subject, msg->payload, msg->size, REQUEST_TIMEOUT),
        "request");
  size_t size = (size_t)natsMsg_GetDataLength(answer);
  natsMsg_Destroy(answer);
  return size;
}

typedef struct {
  client *nc;
  const message *msg;
  size_t count;
  atomic_size_t sent;
} requests;

static void *request_loop(void *argument) {
  requests *shared = argument;
  while (atomic_fetch_add_explicit(&shared->sent, 1, memory_order_relaxed) < shared->count)
    bench_check(client_request(shared->nc, shared->msg), (size_t)shared->msg->size);
  return NULL;
}

/* There is no asynchronous request: a thread for each that is to be under way. */
static void client_requests(client *nc, const bench_args *args, const message *msg, size_t count) {
  requests shared = {.nc = nc, .msg = msg, .count = count};
  pthread_t *threads = bench_alloc(args->inflight * sizeof *threads);
  for (size_t i = 0; i < args->inflight; i++) threads[i] = bench_spawn(request_loop, &shared);
  for (size_t i = 0; i < args->inflight; i++) bench_join(threads[i]);
  free(threads);
}

static void on_message(client *nc, natsSubscription *sub, natsMsg *msg, void *user) {
  bench_arrivals *arrivals = user;
  (void)nc;
  (void)sub;
  bench_check((size_t)natsMsg_GetDataLength(msg), arrivals->size);
  natsMsg_Destroy(msg);
  bench_arrived(arrivals, 1);
}

static void client_serve(client *nc, const char *subject) {
  (void)nc;
  (void)subject;
  bench_unsupported("this version has no services");
}

static receiver *receiver_new(client *nc, const bench_args *args, const char *subject,
                              bench_arrivals *arrivals) {
  receiver *in = bench_alloc(sizeof *in);
  in->subs = bench_alloc(args->subs * sizeof *in->subs);
  in->arrivals = arrivals;
  for (size_t i = 0; i < args->subs; i++) {
    natsStatus status =
        args->mode == BENCH_CALLBACK
            ? natsConnection_Subscribe(&in->subs[i], nc, subject, on_message, arrivals)
            : natsConnection_SubscribeSync(&in->subs[i], nc, subject);
    check(status, "subscribe");
    check(natsSubscription_SetPendingLimits(in->subs[i], -1, -1), "limits");
  }
  return in;
}

static void receiver_run(receiver *in) {
  while (!bench_complete(in->arrivals)) {
    natsMsg *msg;
    natsStatus status = natsSubscription_NextMsg(&msg, in->subs[0], BENCH_PATIENCE);
    if (status == NATS_TIMEOUT) bench_late(in->arrivals);
    check(status, "receive");
    bench_check((size_t)natsMsg_GetDataLength(msg), in->arrivals->size);
    natsMsg_Destroy(msg);
    bench_arrived(in->arrivals, 1);
  }
}

typedef jsCtx jetstream;
typedef natsSubscription fetcher;

static void failed(natsStatus status, const char *doing, jsErrCode code) {
  if (status == NATS_OK) return;
  fprintf(stderr, "%s: %s, error code %d\n", doing, natsStatus_GetText(status), (int)code);
  exit(1);
}

static jetstream *jetstream_open(client *nc, const bench_args *args) {
  jetstream *js;
  jsOptions options;
  check(jsOptions_Init(&options), "jetstream");
  options.PublishAsync.MaxPending = (int64_t)args->inflight;
  options.PublishAsync.StallWait = BENCH_PATIENCE;
  check(natsConnection_JetStream(&js, nc, &options), "jetstream");
  return js;
}

static inline void jetstream_publish(jetstream *js, const message *msg) {
  jsPubAck *ack;
  jsErrCode code = 0;
  failed(js_Publish(&ack, js, msg->subject, msg->payload, msg->size, NULL, &code), "publish", code);
  jsPubAck_Destroy(ack);
}

/* Without a handler, what was not stored stays in the list of those that are pending. */
static void jetstream_publish_all(jetstream *js, const message *msg, const bench_args *args,
                                  size_t count) {
  (void)args;
  for (size_t i = 0; i < count; i++)
    check(js_PublishAsync(js, msg->subject, msg->payload, msg->size, NULL), "publish");
  check(js_PublishAsyncComplete(js, NULL), "publish");
}

static fetcher *fetcher_new(jetstream *js, const char *stream, const bench_args *args) {
  fetcher *from;
  jsErrCode code = 0;
  jsSubOptions options;
  check(jsSubOptions_Init(&options), "consumer");
  options.Stream = stream;
  options.Consumer = args->consumer;
  failed(js_PullSubscribe(&from, js, stream, args->consumer, NULL, &options, &code), "consumer",
         code);
  return from;
}

static size_t fetcher_fetch(fetcher *from, size_t max, int acknowledge, size_t size) {
  natsMsgList list;
  jsErrCode code = 0;
  failed(natsSubscription_Fetch(&list, from, (int)max, BENCH_PATIENCE, &code), "fetch", code);
  for (int i = 0; i < list.Count; i++) {
    bench_check((size_t)natsMsg_GetDataLength(list.Msgs[i]), size);
    if (acknowledge) check(natsMsg_Ack(list.Msgs[i], NULL), "ack");
  }
  size_t count = (size_t)list.Count;
  natsMsgList_Destroy(&list);
  return count;
}

/* Its ordered consumer: there is no other way to take messages without end. */
static receiver *endless_new(jetstream *js, const char *stream, const bench_args *args,
                             bench_arrivals *arrivals) {
  receiver *in = bench_alloc(sizeof *in);
  *in = (receiver){.subs = bench_alloc(sizeof *in->subs), .arrivals = arrivals};
  jsErrCode code = 0;
  jsSubOptions options;
  check(jsSubOptions_Init(&options), "consumer");
  options.Stream = stream;
  options.Ordered = true;
  natsStatus status =
      args->mode == BENCH_CALLBACK
          ? js_Subscribe(in->subs, js, stream, on_message, arrivals, NULL, &options, &code)
          : js_SubscribeSync(in->subs, js, stream, NULL, &options, &code);
  failed(status, "consume", code);
  check(natsSubscription_SetPendingLimits(*in->subs, -1, -1), "limits");
  return in;
}

typedef kvStore bucket;

static bucket *bucket_open(jetstream *js, const char *name) {
  bucket *kv;
  check(js_KeyValue(&kv, js, name), "bucket");
  return kv;
}

static inline void bucket_put(bucket *kv, const char *key, const message *msg) {
  check(kvStore_Put(NULL, kv, key, msg->payload, msg->size), "put");
}

static inline size_t bucket_get(bucket *kv, const char *key) {
  kvEntry *entry;
  check(kvStore_Get(&entry, kv, key), "get");
  size_t size = (size_t)kvEntry_ValueLen(entry);
  kvEntry_Destroy(entry);
  return size;
}

static size_t bucket_watch(bucket *kv, size_t size) {
  kvWatcher *watcher;
  kvEntry *entry;
  size_t come = 0;
  check(kvStore_WatchAll(&watcher, kv, NULL), "watch");
  for (;; come++) {
    check(kvWatcher_Next(&entry, watcher, BENCH_PATIENCE), "watch");
    if (!entry) break;
    bench_check((size_t)kvEntry_ValueLen(entry), size);
    kvEntry_Destroy(entry);
  }
  kvWatcher_Destroy(watcher);
  return come;
}

static noreturn void object_put(jetstream *js, const char *bucket, const char *chunk, size_t size,
                                size_t count) {
  (void)js, (void)bucket, (void)chunk, (void)size, (void)count;
  bench_unsupported("this version has no objects");
}

static noreturn size_t object_get(jetstream *js, const char *bucket) {
  (void)js, (void)bucket;
  bench_unsupported("this version has no objects");
}

#include "ops.h"
