/* JetStream: publishing to streams without waiting for each acknowledgement. */
#include <stdatomic.h>

#include "stream.h"

enum { CAP = 128, SHORT_MS = 300 };

static nats_publisher *publisher_of(nats_jetstream *js, const char *options) {
  nats_publisher *publisher = NULL;
  OK(nats_publisher_new(js, S(options), NULL, NULL, NULL, &publisher, E));
  return publisher;
}

static nats_status try_put(nats_publisher *publisher, const char *subject, const char *options,
                           uint64_t token) {
  return nats_publisher_publish(publisher, S(subject), NULL, B("x"), S(options), token, E);
}

static void put(nats_publisher *publisher, const char *subject, uint64_t token) {
  OK(try_put(publisher, subject, "", token));
}

/* Takes so many outcomes. */
static void take(nats_publisher *publisher, nats_outcome *outcomes, size_t expected) {
  size_t count = 0;
  for (size_t known = 0; known < expected; known += count) {
    OK(nats_publisher_take(publisher, outcomes + known, expected - known, WAIT_MS, &count, E));
  }
}

static void take_stored(nats_publisher *publisher, uint64_t token, uint64_t sequence) {
  nats_outcome outcome;
  take(publisher, &outcome, 1);
  EXPECT(outcome.status == NATS_OK && outcome.error == NULL && !outcome.duplicate);
  EXPECT_INT(outcome.token, token);
  EXPECT_INT(outcome.sequence, sequence);
}

/* What has become of the message; its error's text is kept in `text`. */
static void take_failed(nats_publisher *publisher, uint64_t token, nats_status status,
                        char text[256]) {
  nats_outcome outcome;
  take(publisher, &outcome, 1);
  EXPECT_INT(outcome.token, token);
  EXPECT_INT(outcome.status, status);
  EXPECT_INT(nats_error_code(outcome.error), status);
  EXPECT_INT(outcome.sequence, 0);
  nats_str told = nats_error_text(outcome.error);
  snprintf(text, 256, "%.*s", (int)told.len, told.ptr);
  OK(nats_error_free(outcome.error));
}

static size_t in_flight(nats_publisher *publisher) {
  size_t count = 99;
  OK(nats_publisher_in_flight(publisher, &count, E));
  return count;
}

static void acknowledge(nats_msg *msg, const char *ack) {
  OK(nats_msg_respond(msg, B(ack), E));
  OK(nats_msg_free(msg));
}

/* The next message under that subject, answered in place of a stream. */
static void expect_put(nats_subscription *silent, const char *subject, const char *ack) {
  nats_msg *msg = receive(silent);
  EXPECT_TEXT(nats_msg_subject(msg), subject);
  acknowledge(msg, ack);
}

/* A server whose only subscriber is silent. */
static nats_jetstream *start_silent(nats_connection **nc, nats_subscription **silent) {
  nats_jetstream *js = open_js(plain_server(), nc);
  *silent = listen_to(*nc, "s.>", NULL);
  return js;
}

static void end_silent(nats_jetstream *js, nats_connection *nc, nats_subscription *silent,
                       nats_publisher *publisher) {
  OK(nats_publisher_free(publisher));
  OK(nats_subscription_free(silent));
  close_js(js, nc);
}

TEST("js-publish-11", "acknowledgements are awaited later, in any order") {
  struct place at = start_stream("");
  nats_publisher *publisher = publisher_of(at.js, "{\"window\":1000}");
  for (uint64_t i = 1; i <= 100; ++i) put(publisher, "s.a", i);
  for (uint64_t i = 1; i <= 100; ++i) take_stored(publisher, i, i);
  EXPECT_INT(in_flight(publisher), 0);
  OK(nats_publisher_free(publisher));
  leave(at);
  /* Whatever order they come in. */
  nats_connection *nc;
  nats_subscription *silent;
  nats_msg *msgs[3];
  char ack[64];
  nats_jetstream *js = start_silent(&nc, &silent);
  publisher = publisher_of(js, "");
  for (uint64_t i = 0; i < 3; ++i) put(publisher, "s.a", i);
  for (int i = 0; i < 3; ++i) msgs[i] = receive(silent);
  for (int i = 2; i >= 0; --i) {
    snprintf(ack, sizeof ack, "{\"stream\":\"S\",\"seq\":%d}", i + 10);
    acknowledge(msgs[i], ack);
    take_stored(publisher, (uint64_t)i, (uint64_t)i + 10);
  }
  end_silent(js, nc, silent, publisher);
}

TEST("js-publish-12", "a full window stalls, and acknowledgements make room") {
  nats_connection *nc;
  nats_subscription *silent;
  nats_jetstream *js = start_silent(&nc, &silent);
  nats_publisher *publisher = publisher_of(js, "{\"window\":2,\"stall_ms\":300}");
  put(publisher, "s.1", 1);
  put(publisher, "s.2", 2);
  EXPECT_INT(in_flight(publisher), 2);
  int64_t begin = now_ms();
  FAILS(NATS_ERR_PUBLISHER_STALLED, try_put(publisher, "s.3", "", 3));
  EXPECT(now_ms() - begin >= SHORT_MS - 10);
  expect_put(silent, "s.1", J({"stream":"S","seq":1}));
  expect_put(silent, "s.2", J({"stream":"S","seq":2}));
  take_stored(publisher, 1, 1);
  take_stored(publisher, 2, 2);
  put(publisher, "s.4", 4);
  expect_put(silent, "s.4", J({"stream":"S","seq":3}));
  end_silent(js, nc, silent, publisher);
}

TEST("js-publish-13", "bytes bound the window; a single message may be larger") {
  nats_connection *nc;
  nats_subscription *silent;
  nats_jetstream *js = start_silent(&nc, &silent);
  nats_publisher *publisher = publisher_of(js, "{\"window_bytes\":100,\"stall_ms\":100}");
  static const uint8_t large[1000];
  nats_bytes payload = nats_bytes_of(large, sizeof large);
  OK(nats_publisher_publish(publisher, S("s.a"), NULL, payload, NONE, 1, E));
  FAILS(NATS_ERR_PUBLISHER_STALLED, try_put(publisher, "s.b", "", 2));
  expect_put(silent, "s.a", J({"stream":"S","seq":1}));
  take_stored(publisher, 1, 1);
  put(publisher, "s.c", 3);
  expect_put(silent, "s.c", J({"stream":"S","seq":2}));
  end_silent(js, nc, silent, publisher);
}

struct told {
  nats_outcome all[4];
  struct latch latch;
};

static void note_outcomes(nats_publisher *publisher, const nats_outcome *outcomes, size_t count,
                          void *user) {
  struct told *told = user;
  (void)publisher;
  for (size_t i = 0; i < count; ++i) {
    int64_t at = latch_count(&told->latch);
    if (at < 4) told->all[at] = outcomes[i];
    latch_add(&told->latch);
  }
}

static void put_three(nats_publisher *publisher, const char *id) {
  OK(try_put(publisher, "s.a", id, 7));
  OK(try_put(publisher, "s.a", id, 8));
  OK(try_put(publisher, "s.a", "{\"expected_stream\":\"T\"}", 9));
}

/* One that is stored, a duplicate of it, and one that is refused. */
static void are_three(const nats_outcome *outcomes, uint64_t sequence) {
  for (uint64_t i = 0; i < 3; ++i) EXPECT_INT(outcomes[i].token, 7 + i);
  for (uint32_t i = 0; i < 2; ++i) {
    EXPECT_INT(outcomes[i].status, NATS_OK);
    EXPECT_INT(outcomes[i].sequence, sequence);
    EXPECT_INT(outcomes[i].duplicate, i);
    EXPECT(outcomes[i].error == NULL);
  }
  EXPECT_INT(outcomes[2].status, NATS_ERR_JETSTREAM);
  EXPECT_INT(outcomes[2].sequence, 0);
  EXPECT_INT(nats_error_api_err_code(outcomes[2].error), 10060);
  OK(nats_error_free(outcomes[2].error));
}

TEST("js-publish-14",
     "outcomes come by number as they become known: taken, or told to a callback") {
  struct place at = start_stream("");
  nats_publisher *publisher = publisher_of(at.js, "{\"window\":64}");
  nats_outcome outcomes[3];
  size_t count = 0;
  put_three(publisher, "{\"msg_id\":\"one\"}");
  take(publisher, outcomes, 3);
  are_three(outcomes, 1);
  FAILS(NATS_ERR_TIMEOUT, nats_publisher_take(publisher, outcomes, 3, 0, &count, E));
  OK(nats_publisher_free(publisher));
  static struct told told = {.latch = LATCH};
  OK(nats_publisher_new(at.js, NONE, note_outcomes, &told, NULL, &publisher, E));
  put_three(publisher, "{\"msg_id\":\"two\"}");
  EXPECT(latch_wait(&told.latch, 3, WAIT_MS));
  are_three(told.all, 2);
  OK(nats_publisher_free(publisher));
  leave(at);
}

TEST("js-publish-15", "outcomes that are not taken take room in the window") {
  struct place at = start_stream("");
  nats_publisher *publisher = publisher_of(at.js, "{\"window\":64,\"stall_ms\":100}");
  nats_outcome outcomes[64];
  size_t count = 0;
  for (uint64_t i = 0; i < 64; ++i) put(publisher, "s.a", i);
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  EXPECT_INT(in_flight(publisher), 0);
  FAILS(NATS_ERR_PUBLISHER_STALLED, try_put(publisher, "s.a", "", 64));
  OK(nats_publisher_take(publisher, outcomes, 1, 0, &count, E));
  EXPECT_INT(count, 1);
  put(publisher, "s.a", 64);
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  take(publisher, outcomes, 64);
  EXPECT_INT(outcomes[63].token, 64);
  OK(nats_publisher_free(publisher));
  leave(at);
}

TEST("js-publish-16", "completion waits for all, and tells the first failure and how many, once") {
  struct place at = start_stream("");
  nats_publisher *publisher = publisher_of(at.js, "");
  for (int i = 0; i < 1000; ++i) put(publisher, "s.a", NATS_NO_TOKEN);
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  EXPECT_INT(stored(at.js), 1000);
  OK(try_put(publisher, "s.b", "{\"expected_last_sequence\":1}", NATS_NO_TOKEN));
  for (int i = 0; i < 2; ++i) {
    OK(try_put(publisher, "s.b", "{\"expected_stream\":\"T\"}", NATS_NO_TOKEN));
  }
  FAILS(NATS_ERR_WRONG_LAST_SEQUENCE, nats_publisher_complete(publisher, WAIT_MS, E));
  SAYS("3 messages were not stored");
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  OK(nats_publisher_free(publisher));
  leave(at);
}

TEST("js-publish-17", "an acknowledgement that does not come in time, or comes late") {
  nats_connection *nc;
  nats_subscription *silent;
  char text[256];
  nats_jetstream *js = start_silent(&nc, &silent);
  nats_publisher *publisher = publisher_of(js, "{\"ack_timeout_ms\":300}");
  put(publisher, "s.a", 1);
  take_failed(publisher, 1, NATS_ERR_TIMEOUT, text);
  EXPECT(strstr(text, "s.a"));
  put(publisher, "s.b", NATS_NO_TOKEN);
  FAILS(NATS_ERR_TIMEOUT, nats_publisher_complete(publisher, WAIT_MS, E));
  SAYS("1 messages were not stored");
  /* A late word finds nobody, and the next message has its own. */
  put(publisher, "s.c", 3);
  expect_put(silent, "s.a", J({"stream":"S","seq":1}));
  expect_put(silent, "s.b", J({"stream":"S","seq":1}));
  expect_put(silent, "s.c", J({"stream":"S","seq":2}));
  take_stored(publisher, 3, 2);
  OK(nats_publisher_free(publisher));
  publisher = publisher_of(js, "{\"ack_timeout_ms\":3600000}");
  put(publisher, "s.d", NATS_NO_TOKEN);
  FAILS(NATS_ERR_TIMEOUT, nats_publisher_complete(publisher, SHORT_MS, E));
  end_silent(js, nc, silent, publisher);
}

TEST("js-publish-18", "a message that no stream answers is published again with all it has") {
  struct place at = start_place();
  char text[256];
  nats_publisher *publisher = publisher_of(at.js, "");
  OK(try_put(publisher, "s.a", "{\"retries\":1,\"retry_wait_ms\":10}", 1));
  nats_headers *headers = own_header();
  OK(nats_publisher_publish(publisher, S("s.a"), headers, B("late"),
                            S("{\"retries\":1000,\"retry_wait_ms\":10}"), 2, E));
  OK(nats_headers_free(headers));
  take_failed(publisher, 1, NATS_ERR_NO_RESPONDERS, text);
  make_stream(at.js, "");
  take_stored(publisher, 2, 1);
  nats_msg *msg = message_at(at.js, 1);
  EXPECT_TEXT(as_text(nats_msg_payload(msg)), "late");
  EXPECT_TEXT(header_of(msg, "Own"), "kept");
  OK(nats_msg_free(msg));
  OK(nats_publisher_free(publisher));
  leave(at);
}

TEST("js-publish-19",
     "messages under way end when the connection is lost; later ones are published") {
  nats_connection *nc;
  nats_subscription *silent;
  char text[256];
  nats_jetstream *js = start_silent(&nc, &silent);
  nats_publisher *publisher = publisher_of(js, "");
  put(publisher, "s.a", 1);
  OK(nats_msg_free(receive(silent)));
  OK(nats_connection_force_reconnect(nc, E));
  take_failed(publisher, 1, NATS_ERR_CONNECTION_LOST, text);
  put(publisher, "s.b", 2);
  expect_put(silent, "s.b", J({"stream":"S","seq":5}));
  take_stored(publisher, 2, 5);
  end_silent(js, nc, silent, publisher);
}

TEST("js-publish-20", "messages under way end when the connection is closed, and so do outcomes") {
  nats_connection *nc;
  nats_subscription *silent;
  char text[256];
  nats_outcome outcome;
  size_t count = 0;
  nats_jetstream *js = start_silent(&nc, &silent);
  nats_publisher *publisher = publisher_of(js, "");
  put(publisher, "s.a", 1);
  OK(nats_connection_close(nc, E));
  take_failed(publisher, 1, NATS_ERR_CONNECTION_CLOSED, text);
  FAILS(NATS_ERR_CONNECTION_CLOSED,
        nats_publisher_take(publisher, &outcome, 1, WAIT_MS, &count, E));
  FAILS(NATS_ERR_CONNECTION_CLOSED, try_put(publisher, "s.a", "", 2));
  end_silent(js, nc, silent, publisher);
}

TEST("js-publish-21", "a publish that is denied ends with PERMISSION, others go on") {
  struct remote server = server_start(
      "jetstream", "authorization {users: [{user: u, password: p, "
                   "permissions: {publish: {deny: ['s.denied']}}}]}");
  char text[256];
  nats_jetstream *js = NULL;
  nats_connection *nc = dial(server.url, "{\"user\":\"u\",\"password\":\"p\"}");
  OK(nats_jetstream_new(nc, NONE, &js, E));
  make_stream(js, "");
  nats_publisher *publisher = publisher_of(js, "");
  put(publisher, "s.denied", 1);
  take_failed(publisher, 1, NATS_ERR_PERMISSION, text);
  EXPECT(strstr(text, "s.denied"));
  put(publisher, "s.a", 2);
  take_stored(publisher, 2, 1);
  OK(nats_publisher_free(publisher));
  close_js(js, nc);
}

enum { THREADS = 8, EACH = 2000 };

struct share {
  nats_publisher *publisher;
  int thread;
};

static void *put_share(void *argument) {
  struct share *share = argument;
  char subject[16], text[16];
  snprintf(subject, sizeof subject, "s.%d", share->thread);
  for (int i = 0; i < EACH; ++i) {
    snprintf(text, sizeof text, "%d", i);
    OK(nats_publisher_publish(share->publisher, S(subject), NULL, B(text), NONE, NATS_NO_TOKEN, E));
  }
  return NULL;
}

TEST("js-publish-22",
     "eight threads over one publisher: each message once, those of each in order") {
  struct place at = start_stream("");
  nats_publisher *publisher = publisher_of(at.js, "{\"window\":256,\"stall_ms\":20000}");
  struct share shares[THREADS];
  pthread_t threads[THREADS];
  int expected[THREADS] = {0};
  nats_msg *msgs[CAP];
  size_t count = 0;
  for (int i = 0; i < THREADS; ++i) {
    shares[i] = (struct share){publisher, i};
    threads[i] = begin(put_share, &shares[i]);
  }
  for (int i = 0; i < THREADS; ++i) pthread_join(threads[i], NULL);
  OK(nats_publisher_complete(publisher, WAIT_MS, E));
  OK(nats_publisher_free(publisher));
  EXPECT_INT(stored(at.js), THREADS * EACH);
  make_worker(at.js, ",\"ack_policy\":\"none\"");
  nats_subscription *sub = consume(at.js, "");
  for (size_t taken = 0; taken < THREADS * EACH; taken += count) {
    OK(nats_subscription_take(sub, msgs, CAP, WAIT_MS, &count, E));
    for (size_t i = 0; i < count; ++i) {
      int thread = nats_msg_subject(msgs[i]).ptr[2] - '0';
      EXPECT(thread >= 0 && thread < THREADS);
      EXPECT_INT(number_of(msgs[i]), expected[thread]++);
    }
    OK(nats_msgs_free(msgs, count));
  }
  OK(nats_subscription_free(sub));
  leave(at);
}
