/* JetStream: messages of a consumer without end. */
#include "stream.h"

/* Unacknowledged messages stop no consumer. */
#define UNBOUNDED ",\"max_ack_pending\":-1"
#define SHORT "\"expires_ms\":2000,\"heartbeat_ms\":500"

/* How many messages the worker has delivered, once what was asked for is heard. */
static int64_t delivered(struct place at) {
  flush(at.nc);
  return worker_number(at.js, "delivered.consumer_seq");
}

/* The subscription ends so, and stays so; frees it. */
static void ends_with(nats_subscription *sub, nats_status status) {
  for (int i = 0; i < 2; ++i) FAILS(status, ends(sub));
  OK(nats_subscription_free(sub));
}

TEST("js-consume-10", "messages without end, and no more than max_messages wait") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  fill(at.nc, 1, 500);
  nats_subscription *sub =
      consume(at.js, "{\"max_messages\":20,\"expires_ms\":1000,\"heartbeat_ms\":500}");
  take_numbers(sub, 1, 100, true);
  int64_t ahead = delivered(at);
  EXPECT(ahead >= 100 && ahead <= 120);
  take_numbers(sub, 101, 500, true);
  nothing(sub, 2000);
  store_numbers(at.js, 501, 502);
  take_numbers(sub, 501, 502, true);
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-11", "with max_bytes, no more bytes than that wait") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  fill_large(at.nc, 100, 1000);
  nats_subscription *sub = consume(at.js, "{\"max_bytes\":10000," SHORT "}");
  for (int taken = 1; taken <= 100; ++taken) {
    nats_msg *msg = receive(sub);
    OK(nats_msg_ack(msg, E));
    OK(nats_msg_free(msg));
    if (taken == 50) {
      int64_t ahead = delivered(at);
      EXPECT(ahead >= 50 && ahead <= 60);
    }
  }
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-12", "more is asked for only when no more than threshold are left") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  fill(at.nc, 1, 1000);
  nats_subscription *sub = consume(at.js, "{\"max_messages\":100,\"threshold\":0," SHORT "}");
  take_numbers(sub, 1, 100, true);
  EXPECT_INT(delivered(at), 100);
  take_numbers(sub, 101, 101, true);
  EXPECT_INT(delivered(at), 200);
  OK(nats_subscription_free(sub));
  leave(at);
}

static void *wait_there(void *sub) {
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(sub));
  return NULL;
}

TEST("js-consume-13", "stop ends messages without end at once, also for one who waits") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  fill(at.nc, 1, 10);
  nats_subscription *sub = consume(at.js, "");
  take_numbers(sub, 1, 1, true);
  OK(nats_subscription_unsubscribe(sub, E));
  ends_with(sub, NATS_ERR_SUBSCRIPTION_CLOSED);
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  make_worker(at.js, ",\"filter_subject\":\"s.none\"");
  sub = consume(at.js, "");
  pthread_t thread = begin(wait_there, sub);
  until_asked(at.js, 1);
  OK(nats_subscription_unsubscribe(sub, E));
  pthread_join(thread, NULL);
  OK(nats_subscription_free(sub));
  leave(at);
}

struct seen {
  struct latch latch;
  int last;
};

static void count_up(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  struct seen *seen = user;
  (void)nc, (void)sub;
  EXPECT_INT(number_of(msg), ++seen->last);
  OK(nats_msg_ack(msg, E));
  OK(nats_msg_free(msg));
  latch_add(&seen->latch);
}

TEST("js-consume-14", "drain asks for no more messages and hands out those that have come") {
  struct place at = start_stream("");
  nats_queue *queue = NULL;
  nats_event event;
  size_t count = 0;
  make_worker(at.js, UNBOUNDED);
  fill(at.nc, 1, 100);
  nats_subscription *sub = consume(at.js, "{\"max_messages\":10," SHORT "}");
  take_numbers(sub, 1, 1, true);
  flush(at.nc);
  OK(nats_queue_new(&queue, E));
  OK(nats_subscription_drain_async(sub, queue, 1, E));
  int last = 1;
  nats_msg *msg = NULL;
  nats_error *err = NULL;
  while (nats_subscription_next(sub, WAIT_MS, &msg, &err) == NATS_OK) {
    EXPECT_INT(number_of(msg), ++last);
    OK(nats_msg_free(msg));
  }
  EXPECT_INT(nats_error_code(err), NATS_ERR_SUBSCRIPTION_CLOSED);
  OK(nats_error_free(err));
  EXPECT(last >= 10 && last <= 20);
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT(count == 1 && event.token == 1 && event.status == NATS_OK);
  OK(nats_queue_free(queue));
  OK(nats_subscription_free(sub));

  /* By a callback: when it returns, all that came was handled. */
  static struct seen seen = {LATCH, 0};
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  make_worker(at.js, UNBOUNDED);
  OK(nats_jetstream_consume(at.js, S("S"), S("worker"), S("{\"max_messages\":10}"), count_up, &seen,
                            NULL, &sub, E));
  EXPECT(latch_wait(&seen.latch, 10, WAIT_MS));
  OK(nats_subscription_drain(sub, WAIT_MS, E));
  EXPECT_INT(latch_count(&seen.latch), seen.last);
  flush(at.nc);
  /* Servers may have sent more while they heard that nobody is there: that comes again. */
  until_int(at.js, nats_consumer_info, WORKER_IS, "ack_floor.stream_seq", seen.last);
  OK(nats_subscription_free(sub));
  leave(at);
}

static void *fill_there(void *nc) {
  fill(nc, 1, 300);
  return NULL;
}

TEST("js-consume-15", "a wait for the next message that is given up loses none") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  nats_subscription *sub = consume(at.js, "{" SHORT "}");
  nothing(sub, 1);
  pthread_t thread = begin(fill_there, at.nc);
  int64_t end = now_ms() + WAIT_MS;
  int given_up = 0;
  for (int taken = 0; taken < 300;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    nats_status status = nats_subscription_next(sub, taken % 2, &msg, &err);
    if (status == NATS_OK) {
      EXPECT_INT(number_of(msg), ++taken);
      OK(nats_msg_free(msg));
    } else {
      EXPECT_INT(status, NATS_ERR_TIMEOUT);
      OK(nats_error_free(err));
      ++given_up;
    }
    EXPECT(now_ms() < end);
  }
  pthread_join(thread, NULL);
  EXPECT(given_up > 0);
  OK(nats_subscription_free(sub));
  leave(at);
}

static nats_status try_consume(nats_jetstream *js, const char *options) {
  nats_subscription *sub = NULL;
  return nats_jetstream_consume(js, S("S"), S("worker"), S(options), NULL, NULL, NULL, &sub, E);
}

TEST("js-consume-16", "options of messages without end that make no sense are refused, and named") {
  struct place at = start_stream("");
  nats_subscription *sub = NULL;
  make_worker(at.js, "");
  FAILS(NATS_ERR_INVALID_OPTION, try_consume(at.js, "{\"max_messages\":0}"));
  SAYS("max_messages");
  FAILS(NATS_ERR_INVALID_OPTION, try_consume(at.js, "{\"expires_ms\":999}"));
  SAYS("expires_ms");
  FAILS(NATS_ERR_INVALID_OPTION, try_consume(at.js, "{\"priority\":10}"));
  SAYS("priority");
  FAILS(NATS_ERR_INVALID_OPTION, try_consume(at.js, "{\"batch\":1}"));
  SAYS("batch");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        try_consume(at.js, "{\"expires_ms\":1000,\"heartbeat_ms\":501}"));
  SAYS("heartbeat");
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_consume(at.js, "{\"threshold\":500}"));
  SAYS("threshold");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_consume(at.js, S("S"), S("c"), NONE, NULL, NULL, NULL, NULL, E));
  SAYS("out");
  FAILS(NATS_ERR_INVALID_NAME,
        nats_jetstream_consume(at.js, S("a.b"), S("c"), NONE, NULL, NULL, NULL, &sub, E));
  leave(at);
}

TEST("js-consume-17", "several who take messages of one consumer get each message once") {
  struct place at = start_stream("");
  make_worker(at.js, UNBOUNDED);
  nats_subscription *subs[2];
  for (int i = 0; i < 2; ++i) subs[i] = consume(at.js, "{\"max_messages\":10," SHORT "}");
  until_asked(at.js, 2);
  fill(at.nc, 1, 300);
  share_out(subs, 300);
  for (int i = 0; i < 2; ++i) OK(nats_subscription_free(subs[i]));
  leave(at);
}

TEST("js-consume-20",
     "a consumer or a stream that is deleted ends messages behind those that had come") {
  struct place at = start_stream("");
  nats_msg *msg = NULL;
  nats_error *err = NULL;
  make_worker(at.js, "");
  store_numbers(at.js, 1, 3);
  nats_subscription *sub = consume(at.js, "");
  take_numbers(sub, 1, 1, true);
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  take_numbers(sub, 2, 3, false);
  ends_with(sub, NATS_ERR_CONSUMER_NOT_FOUND);
  make_worker(at.js, ",\"filter_subject\":\"s.none\"");
  sub = consume(at.js, "");
  until_asked(at.js, 1);
  do_js(at.js, nats_stream_delete, J({"stream":"S"}));
  nats_status end = nats_subscription_next(sub, WAIT_MS, &msg, &err);
  EXPECT(end == NATS_ERR_CONSUMER_NOT_FOUND || end == NATS_ERR_STREAM_NOT_FOUND);
  OK(nats_error_free(err));
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-21", "messages without end end when the connection is closed") {
  struct place at = start_stream("");
  make_worker(at.js, "");
  nats_subscription *sub = consume(at.js, "");
  OK(nats_connection_close(at.nc, E));
  ends_with(sub, NATS_ERR_CONNECTION_CLOSED);
  FAILS(NATS_ERR_CONNECTION_CLOSED, try_consume(at.js, ""));
  leave(at);
}
