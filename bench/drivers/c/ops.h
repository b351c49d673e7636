/*
 * The operations, as a program would do them with any of the clients, and main(). A driver includes
 * this behind its client, so that the compiler sees both; it has defined
 *
 *   client, message, receiver    a connection, a message to publish any number of times, and the
 *                                subscriptions of a connection
 *   client_name, client_version()
 *   client_check()               ends the program when it cannot do what is asked for
 *   client_open(), client_close()
 *   client_publish(), client_flush()
 *   client_request()             returns the size of the answer's payload
 *   client_requests()            many at a time, until `count` are answered
 *   client_serve()               answers requests with what they bring, as a service
 *   message_new()
 *   receiver_new()               subscribes
 *   receiver_run()               for modes other than callback: receives until all is there
 *
 *   jetstream                    the JetStream of a connection
 *   jetstream_open()
 *   jetstream_publish()          waits until the stream has stored it
 *   jetstream_publish_all()      with a window, until all are stored
 *   fetcher, fetcher_new()       a consumer that is asked for messages
 *   fetcher_fetch()              once; acknowledges them if it is wanted; returns how many came
 *   endless_new()                a receiver of the messages of a consumer without end
 *   bucket, bucket_open()        a bucket of keys
 *   bucket_put()                 gives a key the payload of a message as its value
 *   bucket_get()                 returns the size of a key's value
 *   bucket_watch()               until all that there was has come; returns how many entries came
 *   object_put()                 puts the object of a bucket, so many times a chunk
 *   object_get()                 gets it; returns its size
 */
#ifndef OPS_H
#define OPS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static message *ops_message(const bench_args *args, const char *subject) {
  char *payload = bench_alloc(args->size);
  memset(payload, 'x', args->size);
  return message_new(subject, payload, args->size, args->headers);
}

static client **ops_open(const bench_args *args, size_t count) {
  client **clients = bench_alloc(count * sizeof *clients);
  for (size_t i = 0; i < count; i++) clients[i] = client_open(args);
  return clients;
}

static void ops_publish_count(client *nc, const message *msg, size_t count) {
  for (size_t i = 0; i < count; i++) client_publish(nc, msg);
}

typedef struct {
  client *nc;
  message *msg;
  size_t count;
  pthread_t thread;
} ops_publisher;

static void *ops_publish_one(void *argument) {
  ops_publisher *publisher = argument;
  ops_publish_count(publisher->nc, publisher->msg, publisher->count);
  return NULL;
}

static void ops_publish_threads(const bench_args *args, client *nc, message *msg, size_t count) {
  ops_publisher *publishers = bench_alloc(args->threads * sizeof *publishers);
  for (size_t i = 0; i < args->threads; i++) {
    size_t share = count / args->threads + (i < count % args->threads);
    publishers[i] = (ops_publisher){.nc = nc, .msg = msg, .count = share};
    publishers[i].thread = bench_spawn(ops_publish_one, &publishers[i]);
  }
  for (size_t i = 0; i < args->threads; i++) bench_join(publishers[i].thread);
  free(publishers);
}

static void ops_publish_all(const bench_args *args, client **ncs, message *msg, size_t count) {
  if (args->threads > 1) {
    ops_publish_threads(args, ncs[0], msg, count);
  } else {
    for (size_t i = 0, turn = 0; i < count; i++) {
      client_publish(ncs[turn], msg);
      if (++turn == args->conns) turn = 0;
    }
  }
  for (size_t i = 0; i < args->conns; i++) client_flush(ncs[i]);
}

static bench_measured ops_publish(const bench_args *args) {
  client **ncs = ops_open(args, args->conns);
  message *msg = ops_message(args, "bench.data");
  ops_publish_all(args, ncs, msg, bench_warm_up(args));
  bench_meter meter = bench_start();
  ops_publish_all(args, ncs, msg, args->count);
  return bench_stop(&meter);
}

static message *ops_order(const bench_args *args, size_t count) {
  char *text = bench_alloc(128);
  int length = snprintf(text, 128, "%zu %zu %zu %zu", count, args->size, args->headers, args->subs);
  return message_new("bench.go", text, (size_t)length, 0);
}

static void ops_arrive(const bench_args *args, receiver *in, bench_arrivals *arrivals) {
  if (args->mode == BENCH_CALLBACK)
    bench_await(arrivals);
  else
    receiver_run(in);
}

static bench_measured ops_subscribe(const bench_args *args) {
  client *nc = client_open(args);
  bench_arrivals arrivals;
  bench_arrivals_init(&arrivals, args->size);
  receiver *in = receiver_new(nc, args, "bench.data", &arrivals);
  client_flush(nc);
  message *warm_up = ops_order(args, bench_warm_up(args)), *go = ops_order(args, args->count);
  bench_expect(&arrivals, bench_warm_up(args));
  client_publish(nc, warm_up);
  ops_arrive(args, in, &arrivals);
  bench_expect(&arrivals, args->count);
  bench_meter meter = bench_start();
  client_publish(nc, go);
  ops_arrive(args, in, &arrivals);
  return bench_stop(&meter);
}

static void *ops_run_receiver(void *argument) {
  receiver_run(argument);
  return NULL;
}

static void ops_round(const bench_args *args, client *nc, receiver *in, message *msg, size_t count,
                      bench_arrivals *arrivals) {
  bench_expect(arrivals, count);
  if (args->mode == BENCH_CALLBACK) {
    ops_publish_count(nc, msg, count);
    bench_await(arrivals);
  } else {
    pthread_t thread = bench_spawn(ops_run_receiver, in);
    ops_publish_count(nc, msg, count);
    bench_join(thread);
  }
}

static bench_measured ops_pubsub(const bench_args *args) {
  client *nc = client_open(args);
  bench_arrivals arrivals;
  bench_arrivals_init(&arrivals, args->size);
  receiver *in = receiver_new(nc, args, "bench.loop", &arrivals);
  client_flush(nc);
  message *msg = ops_message(args, "bench.loop");
  ops_round(args, nc, in, msg, bench_warm_up(args), &arrivals);
  bench_meter meter = bench_start();
  ops_round(args, nc, in, msg, args->count, &arrivals);
  return bench_stop(&meter);
}

static void ops_in_series(const bench_args *args, client *nc, message *msg, size_t count,
                          uint64_t *latencies) {
  for (size_t i = 0; i < count; i++) {
    uint64_t began = bench_now();
    bench_check(client_request(nc, msg), args->size);
    latencies[i] = bench_now() - began;
  }
}

static bench_measured ops_request(const bench_args *args, uint64_t *latencies) {
  client *nc = client_open(args);
  message *msg = ops_message(args, "bench.echo");
  if (args->inflight > 1) {
    client_requests(nc, args, msg, bench_warm_up(args));
    bench_meter meter = bench_start();
    client_requests(nc, args, msg, args->count);
    return bench_stop(&meter);
  }
  size_t warm_up = bench_warm_up(args);
  uint64_t *unused = bench_alloc(warm_up * sizeof *unused);
  ops_in_series(args, nc, msg, warm_up, unused);
  free(unused);
  bench_meter meter = bench_start();
  ops_in_series(args, nc, msg, args->count, latencies);
  return bench_stop(&meter);
}

/* The order is answered as the last request of it was. */
static void ops_be_asked(const bench_args *args, client *nc, size_t count) {
  char *text = bench_alloc(96);
  int length = snprintf(text, 96, "%zu %zu %zu", count, args->size, args->inflight);
  bench_check(client_request(nc, message_new("bench.ask", text, (size_t)length, 0)), args->size);
}

static bench_measured ops_service(const bench_args *args) {
  client *nc = client_open(args);
  client_serve(nc, "bench.serve");
  client_flush(nc);
  ops_be_asked(args, nc, bench_warm_up(args));
  bench_meter meter = bench_start();
  ops_be_asked(args, nc, args->count);
  return bench_stop(&meter);
}

static bench_measured ops_connect(const bench_args *args) {
  client_close(client_open(args));
  bench_meter meter = bench_start();
  ops_open(args, args->conns);
  return bench_stop(&meter);
}

static void ops_store_in_series(const bench_args *args, jetstream *js, const char *stream,
                                size_t count, uint64_t *latencies) {
  message *msg = ops_message(args, stream);
  for (size_t i = 0; i < count; i++) {
    uint64_t began = bench_now();
    jetstream_publish(js, msg);
    latencies[i] = bench_now() - began;
  }
}

static bench_measured ops_js_publish(const bench_args *args, uint64_t *latencies) {
  jetstream *js = jetstream_open(client_open(args), args);
  size_t warm_up = bench_warm_up(args);
  uint64_t *unused = bench_alloc(warm_up * sizeof *unused);
  ops_store_in_series(args, js, bench_warm_up_stream(args), warm_up, unused);
  free(unused);
  bench_meter meter = bench_start();
  ops_store_in_series(args, js, args->stream, args->count, latencies);
  return bench_stop(&meter);
}

static bench_measured ops_js_publish_async(const bench_args *args) {
  jetstream *js = jetstream_open(client_open(args), args);
  message *warm_up = ops_message(args, bench_warm_up_stream(args));
  message *msg = ops_message(args, args->stream);
  jetstream_publish_all(js, warm_up, args, bench_warm_up(args));
  bench_meter meter = bench_start();
  jetstream_publish_all(js, msg, args, args->count);
  return bench_stop(&meter);
}

static void ops_fetch_all(const bench_args *args, fetcher *from, size_t count) {
  int acknowledge = args->op == BENCH_JS_FETCH_ACK;
  for (size_t come = 0; come < count;) {
    size_t wanted = count - come < args->batch ? count - come : args->batch;
    size_t more = fetcher_fetch(from, wanted, acknowledge, args->size);
    if (!more) bench_fail("fetch", "no message in time");
    come += more;
  }
}

static bench_measured ops_js_fetch(const bench_args *args) {
  client *nc = client_open(args);
  jetstream *js = jetstream_open(nc, args);
  fetcher *warm_up = fetcher_new(js, bench_warm_up_stream(args), args);
  fetcher *from = fetcher_new(js, args->stream, args);
  ops_fetch_all(args, warm_up, BENCH_STORED_WARM_UP);
  bench_meter meter = bench_start();
  ops_fetch_all(args, from, args->count);
  /* The acknowledgements are on their way then. */
  if (args->op == BENCH_JS_FETCH_ACK) client_flush(nc);
  return bench_stop(&meter);
}

static void ops_consume_all(const bench_args *args, jetstream *js, const char *stream, size_t count,
                            bench_arrivals *arrivals) {
  bench_arrivals_init(arrivals, args->size);
  bench_expect(arrivals, count);
  ops_arrive(args, endless_new(js, stream, args, arrivals), arrivals);
}

static bench_measured ops_js_consume(const bench_args *args) {
  jetstream *js = jetstream_open(client_open(args), args);
  bench_arrivals warm_up, arrivals;
  ops_consume_all(args, js, bench_warm_up_stream(args), BENCH_STORED_WARM_UP, &warm_up);
  bench_meter meter = bench_start();
  ops_consume_all(args, js, args->stream, args->count, &arrivals);
  return bench_stop(&meter);
}

static void ops_kv_in_series(const bench_args *args, bucket *kv, size_t count,
                             uint64_t *latencies) {
  message *msg = ops_message(args, "");
  for (size_t i = 0; i < count; i++) {
    char name[32];
    const char *key = bench_key(i % BENCH_KEYS, name);
    uint64_t began = bench_now();
    if (args->op == BENCH_KV_PUT)
      bucket_put(kv, key, msg);
    else
      bench_check(bucket_get(kv, key), args->size);
    latencies[i] = bench_now() - began;
  }
}

static bench_measured ops_kv(const bench_args *args, uint64_t *latencies) {
  jetstream *js = jetstream_open(client_open(args), args);
  bucket *warming_up = bucket_open(js, bench_warm_up_stream(args));
  bucket *kv = bucket_open(js, args->stream);
  size_t warm_up = bench_warm_up(args);
  uint64_t *unused = bench_alloc(warm_up * sizeof *unused);
  ops_kv_in_series(args, warming_up, warm_up, unused);
  free(unused);
  bench_meter meter = bench_start();
  ops_kv_in_series(args, kv, args->count, latencies);
  return bench_stop(&meter);
}

static bench_measured ops_kv_watch(const bench_args *args) {
  jetstream *js = jetstream_open(client_open(args), args);
  bucket *warming_up = bucket_open(js, bench_warm_up_stream(args));
  bucket *kv = bucket_open(js, args->stream);
  bucket_watch(warming_up, args->size);
  bench_meter meter = bench_start();
  size_t come = bucket_watch(kv, args->size);
  bench_measured measured = bench_stop(&meter);
  if (come != args->count) bench_fail("watch", "not all entries came");
  return measured;
}

static bench_measured ops_object_put(const bench_args *args) {
  jetstream *js = jetstream_open(client_open(args), args);
  char *chunk = bench_alloc(args->size);
  memset(chunk, 'x', args->size);
  object_put(js, bench_warm_up_stream(args), chunk, args->size, BENCH_OBJECT_WARM_UP);
  bench_meter meter = bench_start();
  object_put(js, args->stream, chunk, args->size, args->count);
  return bench_stop(&meter);
}

static bench_measured ops_object_get(const bench_args *args) {
  jetstream *js = jetstream_open(client_open(args), args);
  bench_check(object_get(js, bench_warm_up_stream(args)), args->size * BENCH_OBJECT_WARM_UP);
  bench_meter meter = bench_start();
  size_t size = object_get(js, args->stream);
  bench_measured measured = bench_stop(&meter);
  bench_check(size, args->size * args->count);
  return measured;
}

int main(int argc, char **argv) {
  bench_args args = bench_read(argc, argv);
  client_check(&args);
  long rss_before = bench_rss();
  uint64_t *latencies = NULL;
  bench_measured measured;
  switch (args.op) {
    case BENCH_PUBLISH: measured = ops_publish(&args); break;
    case BENCH_SUBSCRIBE: measured = ops_subscribe(&args); break;
    case BENCH_PUBSUB: measured = ops_pubsub(&args); break;
    case BENCH_SERVICE: measured = ops_service(&args); break;
    case BENCH_CONNECT: measured = ops_connect(&args); break;
    case BENCH_JS_PUBLISH:
      latencies = bench_alloc(args.count * sizeof *latencies);
      measured = ops_js_publish(&args, latencies);
      break;
    case BENCH_JS_PUBLISH_ASYNC: measured = ops_js_publish_async(&args); break;
    case BENCH_JS_FETCH:
    case BENCH_JS_FETCH_ACK: measured = ops_js_fetch(&args); break;
    case BENCH_JS_CONSUME: measured = ops_js_consume(&args); break;
    case BENCH_KV_PUT:
    case BENCH_KV_GET:
      latencies = bench_alloc(args.count * sizeof *latencies);
      measured = ops_kv(&args, latencies);
      break;
    case BENCH_KV_WATCH: measured = ops_kv_watch(&args); break;
    case BENCH_OBJECT_PUT: measured = ops_object_put(&args); break;
    case BENCH_OBJECT_GET: measured = ops_object_get(&args); break;
    case BENCH_REQUEST:
      if (args.inflight == 1) latencies = bench_alloc(args.count * sizeof *latencies);
      measured = ops_request(&args, latencies);
      break;
  }
  bench_print(client_name, client_version(), rss_before, &measured, latencies, args.count);
  return 0;
}

#endif
