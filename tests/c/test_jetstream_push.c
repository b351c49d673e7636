/* JetStream: messages that a consumer pushes. */
#include "stream.h"

#define MISSED "\"what\":\"heartbeat_missed\""

/* The worker as one that pushes; `more`: further members of its configuration. */
static void make_pusher(nats_jetstream *js, const char *more) {
  char members[256];
  snprintf(members, sizeof members,
           ",\"deliver_subject\":\"pushed.here\",\"idle_heartbeat\":200000000%s", more);
  make_worker(js, members);
}

static nats_subscription *pushed(nats_jetstream *js) {
  nats_subscription *sub = NULL;
  OK(nats_jetstream_consume_pushed(js, S("S"), S("worker"), NONE, NULL, NULL, NULL, &sub, E));
  return sub;
}

static nats_status try_pushed(nats_jetstream *js, const char *stream, const char *consumer) {
  nats_subscription *sub = NULL;
  return nats_jetstream_consume_pushed(js, S(stream), S(consumer), NONE, NULL, NULL, NULL, &sub, E);
}

static void is_bound(nats_jetstream *js, bool expected) {
  nats_doc *info = ask_js(js, nats_consumer_info, WORKER_IS);
  int32_t bound = 0;
  nats_error *err = NULL;
  nats_doc_get_bool(info, S("push_bound"), &bound, &err);
  nats_error_free(err);
  EXPECT_INT(bound, expected);
  OK(nats_doc_free(info));
}

TEST("js-consume-22", "messages of a consumer that pushes, and heartbeats while there are none") {
  static struct events events;
  struct place at = start_heard(&events);
  make_pusher(at.js, "");
  nats_subscription *sub = pushed(at.js);
  store_numbers(at.js, 1, 100);
  take_numbers(sub, 1, 99, true);
  nats_msg *last = receive(sub);
  EXPECT_INT(number_of(last), 100);
  EXPECT_INT(about(last).consumer_sequence, 100);
  OK(nats_jetstream_ack_sync(at.js, last, WAIT_MS, E));
  OK(nats_msg_free(last));
  EXPECT_INT(worker_number(at.js, "num_ack_pending"), 0);
  EXPECT_INT(worker_number(at.js, "ack_floor.stream_seq"), 100);
  is_bound(at.js, true);
  /* Nothing for some heartbeats, and nothing is missed. */
  nothing(sub, 1000);
  EXPECT(!events_told(&events, MISSED, ""));
  OK(nats_subscription_unsubscribe(sub, E));
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(sub));
  OK(nats_subscription_free(sub));
  /* The consumer stays, and nobody listens. */
  flush(at.nc);
  is_bound(at.js, false);
  leave_heard(at, &events);
}

TEST("js-consume-23", "those who listen to a consumer with a deliver_group share its messages") {
  struct place at = start_stream("");
  nats_subscription *subs[2];
  make_pusher(at.js, ",\"deliver_group\":\"workers\"");
  for (int i = 0; i < 2; ++i) {
    subs[i] = pushed(at.js);
    flush(at.nc);
  }
  store_numbers(at.js, 1, 200);
  share_out(subs, 200);
  for (int i = 0; i < 2; ++i) OK(nats_subscription_free(subs[i]));
  leave(at);
}

TEST("js-consume-24",
     "with flow control the server pushes only so far ahead as messages are taken") {
  enum { COUNT = 2000, SIZE = 16 * 1024 };
  struct place at = start_stream("");
  nats_sub_stats stats;
  fill_large(at.nc, COUNT, SIZE);
  make_pusher(at.js, ",\"flow_control\":true,\"ack_policy\":\"none\"");
  nats_subscription *sub = pushed(at.js);
  for (int i = 0; i < COUNT; ++i) {
    nats_msg *msg = receive(sub);
    EXPECT_INT(nats_msg_payload(msg).len, SIZE);
    EXPECT_INT(about(msg).stream_sequence, i + 1);
    OK(nats_msg_free(msg));
  }
  OK(nats_subscription_stats(sub, &stats, E));
  /* Of 32 MB. */
  EXPECT(stats.max_pending_bytes < 24 << 20);
  EXPECT_INT(stats.dropped, 0);
  OK(nats_subscription_free(sub));
  leave(at);
}

TEST("js-consume-25", "consumers that cannot be listened to") {
  struct place at = start_stream("");
  do_js(at.js, nats_consumer_create, J({"stream":"S","config":{"durable_name":"pulled"}}));
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_pushed(at.js, "S", "pulled"));
  SAYS("deliver_subject");
  FAILS(NATS_ERR_CONSUMER_NOT_FOUND, try_pushed(at.js, "S", "nobody"));
  FAILS(NATS_ERR_STREAM_NOT_FOUND, try_pushed(at.js, "T", "worker"));
  FAILS(NATS_ERR_INVALID_NAME, try_pushed(at.js, "S", "a.b"));
  make_pusher(at.js, "");
  nats_subscription *bound = pushed(at.js);
  flush(at.nc);
  FAILS(NATS_ERR_INVALID_ARGUMENT, try_pushed(at.js, "S", "worker"));
  SAYS("deliver_group");
  /* Who asks it for messages is told, too. */
  FAILS(NATS_ERR_PULL_REFUSED, fetch_fails(at.js, ""));
  SAYS("push based");
  OK(nats_subscription_free(bound));
  leave(at);
}

TEST("js-consume-26", "pushed messages end once their consumer is gone") {
  struct place at = start_stream("");
  nats_msg *msg = NULL;
  nats_error *err = NULL;
  make_pusher(at.js, "");
  nats_subscription *sub = pushed(at.js);
  store_numbers(at.js, 1, 1);
  take_numbers(sub, 1, 1, true);
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  for (int i = 0; i < 2; ++i) FAILS(NATS_ERR_CONSUMER_NOT_FOUND, ends(sub));
  OK(nats_subscription_free(sub));
  make_pusher(at.js, ",\"filter_subject\":\"s.none\"");
  sub = pushed(at.js);
  do_js(at.js, nats_stream_delete, J({"stream":"S"}));
  nats_status end = nats_subscription_next(sub, WAIT_MS, &msg, &err);
  EXPECT(end == NATS_ERR_CONSUMER_NOT_FOUND || end == NATS_ERR_STREAM_NOT_FOUND);
  OK(nats_error_free(err));
  OK(nats_subscription_free(sub));
  leave(at);
}
