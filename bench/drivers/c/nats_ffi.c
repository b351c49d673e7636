/* The benchmark driver of nats-ffi. */
#include "nats_ffi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

/* The most messages or events that are taken at once. */
#define BATCH 256

static const char client_name[] = "nats-ffi-c";

typedef nats_connection client;

typedef struct {
  nats_str subject;
  nats_bytes payload;
  nats_headers *headers;
} message;

/* The subscriptions of a connection; one that is pulled from among many has a queue that tells
 * which of them has messages. */
typedef struct {
  nats_subscription **subs;
  nats_queue *queue;
  enum bench_mode mode;
  bench_arrivals *arrivals;
} receiver;

static noreturn void fail(const char *doing, nats_str text) {
  fprintf(stderr, "%s: %.*s\n", doing, (int)text.len, text.ptr);
  exit(1);
}

static inline void check(nats_status status, const char *doing) {
  if (status) fail(doing, nats_status_text(status));
}

static const char *client_version(void) {
  static char version[32];
  nats_str text = nats_version();
  snprintf(version, sizeof version, "%.*s", (int)text.len, text.ptr);
  return version;
}

static void client_check(const bench_args *args) { (void)args; }

static client *client_open(const bench_args *args) {
  nats_options *options;
  nats_connection *nc;
  nats_error *error;
  nats_str json = NATS_STR("{\"reconnect\":false,\"pending_messages\":0,\"pending_bytes\":0}");
  if (nats_options_new(json, &options, &error) ||
      nats_connect(nats_zstr(args->url), options, &nc, &error))
    fail("connect", nats_error_text(error));
  nats_options_free(options);
  return nc;
}

static void client_close(client *nc) {
  check(nats_connection_close(nc, NULL), "close");
  nats_connection_free(nc);
}

static message *message_new(const char *subject, void *payload, size_t size, size_t headers) {
  message *msg = bench_alloc(sizeof *msg);
  msg->subject = (nats_str){subject, strlen(subject)};
  msg->payload = nats_bytes_of(payload, size);
  if (headers) check(nats_headers_new(&msg->headers, NULL), "headers");
  for (size_t i = 0; i < headers; i++) {
    char name[8];
    const char *value = bench_header(i, name);
    check(nats_headers_append(msg->headers, nats_zstr(name), nats_zstr(value), NULL), "headers");
  }
  return msg;
}

static inline void client_publish(client *nc, const message *msg) {
  nats_status status;
  if (msg->headers)
    status = nats_publish_msg(nc, msg->subject, (nats_str){0}, msg->headers, msg->payload, NULL);
  else
    status = nats_publish(nc, msg->subject, msg->payload, NULL);
  check(status, "publish");
}

static void client_flush(client *nc) {
  check(nats_connection_flush(nc, BENCH_PATIENCE, NULL), "flush");
}

static inline size_t client_request(client *nc, const message *msg) {
  nats_msg *answer;
  check(nats_request(nc, msg->subject, msg->payload, 0, &answer, NULL), "request");
  size_t size = nats_msg_payload(answer).len;
  nats_msg_free(answer);
  return size;
}

static void start_request(client *nc, const message *msg, nats_queue *queue, size_t number) {
  nats_status status =
      nats_request_async(nc, msg->subject, NULL, msg->payload, 0, 0, queue, number, NULL);
  check(status, "request");
}

/* One thread: the answers arrive on a queue, and each is followed by the next request. */
static void client_requests(client *nc, const bench_args *args, const message *msg, size_t count) {
  nats_queue *queue;
  size_t sent = 0, done = 0;
  check(nats_queue_new(&queue, NULL), "queue");
  while (sent < count && sent < args->inflight) start_request(nc, msg, queue, sent++);
  while (done < count) {
    nats_event events[BATCH];
    size_t ready;
    check(nats_queue_poll(queue, events, BATCH, BENCH_PATIENCE, &ready, NULL), "poll");
    if (!ready) bench_fail("request", "no answer in time");
    for (size_t i = 0; i < ready; i++) {
      check(events[i].status, "request");
      bench_check(nats_msg_payload(events[i].value).len, args->size);
      nats_msg_free(events[i].value);
      if (sent < count) start_request(nc, msg, queue, sent++);
    }
    done += ready;
  }
  nats_queue_free(queue);
}

static void on_message(client *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  bench_arrivals *arrivals = user;
  (void)nc;
  (void)sub;
  bench_check(nats_msg_payload(msg).len, arrivals->size);
  nats_msg_free(msg);
  bench_arrived(arrivals, 1);
}

static void on_request(client *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  (void)nc;
  (void)sub;
  (void)user;
  check(nats_msg_respond(msg, nats_msg_payload(msg), NULL), "respond");
  nats_msg_free(msg);
}

static void client_serve(client *nc, const char *subject) {
  char endpoint[96];
  snprintf(endpoint, sizeof endpoint, "{\"name\":\"serve\",\"subject\":\"%s\"}", subject);
  nats_service *service;
  nats_error *error;
  nats_str config = NATS_STR("{\"name\":\"bench\",\"version\":\"1.0.0\"}");
  if (nats_service_new(nc, config, &service, &error) ||
      nats_service_add_endpoint(service, nats_zstr(endpoint), on_request, NULL, NULL, NULL, &error))
    fail("service", nats_error_text(error));
}

static receiver *receiver_new(client *nc, const bench_args *args, const char *subject,
                              bench_arrivals *arrivals) {
  receiver *in = bench_alloc(sizeof *in);
  nats_msg_cb callback = args->mode == BENCH_CALLBACK ? on_message : NULL;
  in->subs = bench_alloc(args->subs * sizeof *in->subs);
  in->mode = args->mode;
  in->arrivals = arrivals;
  if (!callback && args->subs > 1) check(nats_queue_new(&in->queue, NULL), "queue");
  for (size_t i = 0; i < args->subs; i++) {
    nats_status status = nats_subscribe_with(nc, nats_zstr(subject), (nats_str){0}, callback,
                                             arrivals, NULL, &in->subs[i], NULL);
    check(status, "subscribe");
    if (in->queue) check(nats_subscription_watch(in->subs[i], in->queue, i, NULL), "watch");
  }
  return in;
}

/* Takes what is there, one message or a batch; returns how many, 0 when there is none in time. */
static inline size_t receiver_take(receiver *in, nats_subscription *sub, int64_t timeout) {
  nats_msg *msgs[BATCH];
  size_t count = 1;
  nats_status status = in->mode == BENCH_BATCH
                           ? nats_subscription_take(sub, msgs, BATCH, timeout, &count, NULL)
                           : nats_subscription_next(sub, timeout, msgs, NULL);
  if (status == NATS_ERR_TIMEOUT) return 0;
  check(status, "receive");
  for (size_t i = 0; i < count; i++) bench_check(nats_msg_payload(msgs[i]).len, in->arrivals->size);
  nats_msgs_free(msgs, count);
  bench_arrived(in->arrivals, count);
  return count;
}

static void receiver_run(receiver *in) {
  while (!bench_complete(in->arrivals)) {
    if (!in->queue) {
      if (!receiver_take(in, in->subs[0], BENCH_PATIENCE)) bench_late(in->arrivals);
      continue;
    }
    nats_event events[BATCH];
    size_t ready;
    check(nats_queue_poll(in->queue, events, BATCH, BENCH_PATIENCE, &ready, NULL), "poll");
    if (!ready) bench_late(in->arrivals);
    for (size_t i = 0; i < ready; i++)
      while (receiver_take(in, in->subs[events[i].token], 0)) continue;
  }
}

typedef nats_jetstream jetstream;

typedef struct {
  jetstream *js;
  nats_str stream, consumer;
  nats_msg **msgs;
} fetcher;

static jetstream *jetstream_open(client *nc, const bench_args *args) {
  jetstream *js;
  (void)args;
  check(nats_jetstream_new(nc, (nats_str){0}, &js, NULL), "jetstream");
  return js;
}

static inline void jetstream_publish(jetstream *js, const message *msg) {
  nats_error *error;
  nats_status status = nats_jetstream_publish(js, msg->subject, NULL, msg->payload, (nats_str){0},
                                              NULL, NULL, &error);
  if (status) fail("publish", nats_error_text(error));
}

/* Nobody asks what became of each message: of those that were not stored the end tells. */
static void jetstream_publish_all(jetstream *js, const message *msg, const bench_args *args,
                                  size_t count) {
  char options[64];
  snprintf(options, sizeof options, "{\"window\":%zu,\"stall_ms\":%d}", args->inflight,
           BENCH_PATIENCE);
  nats_publisher *publisher;
  nats_error *error;
  if (nats_publisher_new(js, nats_zstr(options), NULL, NULL, NULL, &publisher, &error))
    fail("publisher", nats_error_text(error));
  for (size_t i = 0; i < count; i++)
    if (nats_publisher_publish(publisher, msg->subject, NULL, msg->payload, (nats_str){0},
                               NATS_NO_TOKEN, &error))
      fail("publish", nats_error_text(error));
  if (nats_publisher_complete(publisher, BENCH_PATIENCE, &error))
    fail("publish", nats_error_text(error));
  nats_publisher_free(publisher);
}

static fetcher *fetcher_new(jetstream *js, const char *stream, const bench_args *args) {
  fetcher *from = bench_alloc(sizeof *from);
  *from = (fetcher){.js = js, .stream = nats_zstr(stream), .consumer = nats_zstr(args->consumer)};
  from->msgs = bench_alloc(args->batch * sizeof *from->msgs);
  return from;
}

/* The acknowledgements of all that came together are one call. */
static size_t fetcher_fetch(fetcher *from, size_t max, int acknowledge, size_t size) {
  size_t count;
  nats_error *error;
  if (nats_jetstream_fetch(from->js, from->stream, from->consumer, (nats_str){0}, from->msgs, max,
                           &count, &error))
    fail("fetch", nats_error_text(error));
  for (size_t i = 0; i < count; i++) bench_check(nats_msg_payload(from->msgs[i]).len, size);
  if (acknowledge) check(nats_msgs_ack(from->msgs, count, NULL), "ack");
  nats_msgs_free(from->msgs, count);
  return count;
}

static receiver *endless_new(jetstream *js, const char *stream, const bench_args *args,
                             bench_arrivals *arrivals) {
  receiver *in = bench_alloc(sizeof *in);
  *in = (receiver){.mode = args->mode, .arrivals = arrivals};
  in->subs = bench_alloc(sizeof *in->subs);
  nats_msg_cb callback = args->mode == BENCH_CALLBACK ? on_message : NULL;
  nats_error *error;
  if (nats_jetstream_consume(js, nats_zstr(stream), nats_zstr(args->consumer), (nats_str){0},
                             callback, arrivals, NULL, in->subs, &error))
    fail("consume", nats_error_text(error));
  return in;
}

typedef nats_kv bucket;

static bucket *bucket_open(jetstream *js, const char *name) {
  bucket *kv;
  nats_error *error;
  if (nats_kv_bind(js, nats_zstr(name), (nats_str){0}, &kv, &error))
    fail("bucket", nats_error_text(error));
  return kv;
}

static inline void bucket_put(bucket *kv, const char *key, const message *msg) {
  nats_error *error;
  if (nats_kv_put(kv, nats_zstr(key), msg->payload, (nats_str){0}, NULL, &error))
    fail("put", nats_error_text(error));
}

static inline size_t bucket_get(bucket *kv, const char *key) {
  nats_msg *msg;
  nats_error *error;
  if (nats_kv_get(kv, nats_zstr(key), &msg, &error)) fail("get", nats_error_text(error));
  nats_kv_entry entry;
  check(nats_kv_read(kv, msg, &entry, NULL), "entry");
  nats_msg_free(msg);
  return entry.value.len;
}

static size_t bucket_watch(bucket *kv, size_t size) {
  nats_subscription *watch;
  nats_error *error;
  if (nats_kv_watch(kv, (nats_str){0}, NULL, NULL, NULL, &watch, &error))
    fail("watch", nats_error_text(error));
  nats_msg *msgs[BATCH];
  size_t come = 0, count;
  for (int caught_up = 0; !caught_up;) {
    check(nats_subscription_take(watch, msgs, BATCH, BENCH_PATIENCE, &count, NULL), "watch");
    for (size_t i = 0; i < count && !caught_up; i++) {
      nats_kv_entry entry;
      check(nats_kv_read(kv, msgs[i], &entry, NULL), "entry");
      caught_up = entry.operation == NATS_KV_CAUGHT_UP;
      if (!caught_up) bench_check(entry.value.len, size);
      come += !caught_up;
    }
    nats_msgs_free(msgs, count);
  }
  nats_subscription_free(watch);
  return come;
}

static nats_object_store *object_bucket(jetstream *js, const char *bucket) {
  nats_object_store *store;
  nats_error *error;
  if (nats_object_store_bind(js, nats_zstr(bucket), &store, &error))
    fail("bucket", nats_error_text(error));
  return store;
}

static void object_put(jetstream *js, const char *bucket, const char *chunk, size_t size,
                       size_t count) {
  nats_object_store *store = object_bucket(js, bucket);
  nats_object_writer *writer;
  nats_error *error;
  nats_str none = {0};
  if (nats_object_writer_new(store, nats_zstr(BENCH_OBJECT), none, none, &writer, &error))
    fail("put", nats_error_text(error));
  for (size_t i = 0; i < count; i++)
    if (nats_object_writer_write(writer, nats_bytes_of(chunk, size), &error))
      fail("write", nats_error_text(error));
  if (nats_object_writer_finish(writer, NULL, &error)) fail("finish", nats_error_text(error));
  nats_object_writer_free(writer);
  nats_object_store_free(store);
}

static size_t object_get(jetstream *js, const char *bucket) {
  nats_object_store *store = object_bucket(js, bucket);
  nats_object_reader *reader;
  nats_error *error;
  if (nats_object_reader_new(store, nats_zstr(BENCH_OBJECT), (nats_str){0}, &reader, &error))
    fail("get", nats_error_text(error));
  size_t size = 0;
  for (nats_msg *chunk;; nats_msg_free(chunk)) {
    if (nats_object_reader_next(reader, &chunk, &error)) fail("read", nats_error_text(error));
    if (!chunk) break;
    size += nats_msg_payload(chunk).len;
  }
  nats_object_reader_free(reader);
  nats_object_store_free(store);
  return size;
}

#include "ops.h"
