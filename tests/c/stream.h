/*
 * What the tests of messages of a stream share: a server with JetStream, and on it the stream S in
 * memory with the subjects s.>, and its consumer "worker".
 */
#ifndef STREAM_H
#define STREAM_H

#include "js.h"

/* The server, and a connection to it. */
struct place {
  struct remote server;
  nats_connection *nc;
  nats_jetstream *js;
};

/* `more`: further members of the stream's configuration, each behind a comma. */
static inline const char *stream_with(const char *more) {
  static char config[512];
  snprintf(config, sizeof config,
           "{\"name\":\"S\",\"subjects\":[\"s.>\"],\"storage\":\"memory\",\"allow_direct\":true%s}",
           more);
  return config;
}

static inline void make_stream(nats_jetstream *js, const char *more) {
  do_js(js, nats_stream_create, stream_with(more));
}

static inline struct place start_place(void) {
  struct place at = {.server = server_start("jetstream", NULL)};
  at.js = open_js(at.server.url, &at.nc);
  return at;
}

static inline struct place start_stream(const char *more) {
  struct place at = start_place();
  make_stream(at.js, more);
  return at;
}

/* The same with what servers have since 2.`minor`; false: this one is older, and left. */
static inline bool start_newer(struct place *at, int minor, const char *what, const char *more) {
  *at = start_place();
  if (do_newer(at->js, at->nc, minor, what, nats_stream_create, stream_with(more))) return true;
  close_js(at->js, at->nc);
  return false;
}

/* The same as start_stream(""), with a connection whose events are heard. */
static inline struct place start_heard(struct events *events) {
  struct place at = {.server = server_start("jetstream", NULL)};
  at.nc = dial_watched(at.server.url, "{\"reconnect_delay_max_ms\":20}", events);
  OK(nats_jetstream_new(at.nc, NONE, &at.js, E));
  make_stream(at.js, "");
  return at;
}

static inline void leave(struct place at) { close_js(at.js, at.nc); }

static inline void leave_heard(struct place at, struct events *events) {
  OK(nats_jetstream_free(at.js));
  hang_up_watched(at.nc, events);
}

/* Everything that was sent is heard. */
static inline void flush(nats_connection *nc) { OK(nats_connection_flush(nc, WAIT_MS, E)); }

/* ---- Storing ---- */

/* How many messages S has. */
static inline int64_t stored(nats_jetstream *js) {
  return number_js(js, nats_stream_info, J({"stream":"S"}), "state.messages");
}

/* Stores the numbers as texts; each is the sequence that it gets. */
static inline void store_numbers(nats_jetstream *js, int first, int last) {
  char text[16];
  for (int i = first; i <= last; ++i) {
    snprintf(text, sizeof text, "%d", i);
    EXPECT_INT(store(js, "s.n", text), i);
  }
}

/* Stores the number once in the stream of d.n, however often it takes. */
static inline void store_surely(nats_jetstream *js, int number) {
  char text[16], options[96];
  nats_error *err = NULL;
  int64_t end = now_ms() + 3 * WAIT_MS;
  snprintf(text, sizeof text, "%d", number);
  snprintf(options, sizeof options, "{\"msg_id\":\"%d\",\"retries\":100,\"retry_wait_ms\":10}",
           number);
  while (nats_jetstream_publish(js, S("d.n"), NULL, B(text), S(options), NULL, NULL, &err)) {
    OK(nats_error_free(err));
    EXPECT(now_ms() < end);
  }
}

/* A stream on disk, DISK with d.>, which survives its server. */
static inline void make_disk(nats_jetstream *js) {
  do_js(js, nats_stream_create, J({"name":"DISK","subjects":["d.>"]}));
}

static inline void restart(struct remote server) {
  tell(server, "kill", NULL);
  tell(server, "restart", NULL);
}

/* Publishes the numbers without waiting for each. */
static inline void fill(nats_connection *nc, int first, int last) {
  char text[16];
  for (int i = first; i <= last; ++i) {
    snprintf(text, sizeof text, "%d", i);
    send_text(nc, "s.n", text);
  }
  flush(nc);
}

/* Publishes large messages without waiting for each. */
static inline void fill_large(nats_connection *nc, int count, size_t size) {
  uint8_t *payload = (uint8_t *)calloc(size, 1);
  for (int i = 0; i < count; ++i) OK(nats_publish(nc, S("s.big"), nats_bytes_of(payload, size), E));
  free(payload);
  flush(nc);
}

/* A message of S by its sequence, to be freed. */
static inline nats_msg *message_at(nats_jetstream *js, uint64_t sequence) {
  char input[64];
  nats_msg *msg = NULL;
  snprintf(input, sizeof input, "{\"stream\":\"S\",\"seq\":%llu}", (unsigned long long)sequence);
  OK(nats_jetstream_get(js, S(input), &msg, E));
  return msg;
}

static inline nats_headers *own_header(void) {
  nats_headers *headers = NULL;
  OK(nats_headers_new(&headers, E));
  OK(nats_headers_set(headers, S("Own"), S("kept"), E));
  return headers;
}

/* ---- Consuming ---- */

#define WORKER_IS J({"stream":"S","consumer":"worker"})

/* `more`: further members of the consumer's configuration, each behind a comma. */
static inline void make_worker(nats_jetstream *js, const char *more) {
  char input[512];
  snprintf(input, sizeof input,
           "{\"stream\":\"S\",\"config\":{\"durable_name\":\"worker\"%s}}", more);
  do_js(js, nats_consumer_create, input);
}

/* A number that the server tells of the worker. */
static inline int64_t worker_number(nats_jetstream *js, const char *path) {
  return number_js(js, nats_consumer_info, WORKER_IS, path);
}

/* Waits until so many requests for messages wait at the worker. */
static inline void until_asked(nats_jetstream *js, int64_t requests) {
  until_int(js, nats_consumer_info, WORKER_IS, "num_waiting", requests);
}

static inline int number_of(nats_msg *msg) {
  char text[16];
  nats_bytes payload = nats_msg_payload(msg);
  snprintf(text, sizeof text, "%.*s", (int)payload.len, (const char *)payload.ptr);
  return atoi(text);
}

static inline nats_metadata about(nats_msg *msg) {
  nats_metadata about;
  OK(nats_msg_metadata(msg, &about, E));
  return about;
}

/* Fetches from the worker; the number of messages. */
static inline size_t fetch(nats_jetstream *js, const char *options, nats_msg **msgs, size_t cap) {
  size_t count = 99;
  OK(nats_jetstream_fetch(js, S("S"), S("worker"), S(options), msgs, cap, &count, E));
  EXPECT(count <= cap);
  return count;
}

/* Fetches one message from the worker, to be freed. */
static inline nats_msg *fetch_one(nats_jetstream *js, const char *options) {
  nats_msg *msg = NULL;
  EXPECT_INT(fetch(js, options, &msg, 1), 1);
  return msg;
}

/* Why a fetch brings nothing. */
static inline nats_status fetch_fails(nats_jetstream *js, const char *options) {
  nats_msg *msg = NULL;
  size_t count = 0;
  return nats_jetstream_fetch(js, S("S"), S("worker"), S(options), &msg, 1, &count, E);
}

/* Messages of the worker without end, to be read. */
static inline nats_subscription *consume(nats_jetstream *js, const char *options) {
  nats_subscription *sub = NULL;
  OK(nats_jetstream_consume(js, S("S"), S("worker"), S(options), NULL, NULL, NULL, &sub, E));
  return sub;
}

/* Takes the numbers, each once and in order, and acknowledges them where that is wanted. */
static inline void take_numbers(nats_subscription *sub, int first, int last, bool ack) {
  for (int i = first; i <= last; ++i) {
    nats_msg *msg = receive(sub);
    EXPECT_INT(number_of(msg), i);
    if (ack) OK(nats_msg_ack(msg, E));
    OK(nats_msg_free(msg));
  }
}

/* Takes messages until this one comes, and acknowledges them. Earlier ones may come again: a server
 * that was killed has forgotten what was said of them. */
static inline void take_until(nats_subscription *sub, int number) {
  for (int got = 0; got != number;) {
    nats_msg *msg = receive(sub);
    got = number_of(msg);
    OK(nats_msg_ack(msg, E));
    OK(nats_msg_free(msg));
  }
}

/* What comes next of the subscription is this end. */
static inline nats_status ends(nats_subscription *sub) {
  nats_msg *msg = NULL;
  return nats_subscription_next(sub, WAIT_MS, &msg, E);
}

/* No message comes for this long. */
static inline void nothing(nats_subscription *sub, int64_t timeout_ms) {
  nats_msg *msg = NULL;
  FAILS(NATS_ERR_TIMEOUT, nats_subscription_next(sub, timeout_ms, &msg, E));
}

/* The next message of one of two; `*which` tells of which. */
static inline nats_msg *receive_either(nats_subscription *const subs[2], int *which) {
  for (int64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    *which = !*which;
    nats_status status = nats_subscription_next(subs[*which], 1, &msg, &err);
    if (status == NATS_OK) return msg;
    nats_error_free(err);
    EXPECT_INT(status, NATS_ERR_TIMEOUT);
  }
  check_fail(__FILE__, __LINE__, "no message came");
  return NULL;
}

/* The numbers up to `last` (300 at most) come to two, each once, and to each of them some. */
static inline void share_out(nats_subscription *const subs[2], int last) {
  bool seen[301] = {false};
  int counts[2] = {0, 0}, which = 0;
  for (int i = 0; i < last; ++i) {
    nats_msg *msg = receive_either(subs, &which);
    int number = number_of(msg);
    EXPECT(number >= 1 && number <= last && !seen[number]);
    seen[number] = true;
    ++counts[which];
    OK(nats_msg_ack(msg, E));
    OK(nats_msg_free(msg));
  }
  EXPECT(counts[0] > 0 && counts[1] > 0);
}

/* ---- Threads ---- */

static inline pthread_t begin(void *(*run)(void *), void *argument) {
  pthread_t thread;
  EXPECT_INT(pthread_create(&thread, NULL, run, argument), 0);
  return thread;
}

#endif
