/* JetStream: one request for messages of a consumer. */
#include "stream.h"

enum { CAP = 128 };

/* A fetch on another thread. */
struct fetching {
  nats_jetstream *js;
  const char *options;
  nats_status expected;
  size_t count;
};

static void *fetch_there(void *argument) {
  struct fetching *fetching = argument;
  nats_msg *msgs[10];
  FAILS(fetching->expected,
        nats_jetstream_fetch(fetching->js, S("S"), S("worker"), S(fetching->options), msgs, 10,
                             &fetching->count, E));
  if (fetching->expected == NATS_OK) OK(nats_msgs_free(msgs, fetching->count));
  return NULL;
}

/* Fetches these numbers. */
static void fetch_numbers(nats_jetstream *js, const char *options, size_t cap, int first,
                          int last) {
  nats_msg *msgs[CAP];
  size_t count = fetch(js, options, msgs, cap);
  EXPECT_INT(count, last - first + 1);
  for (int i = first; i <= last; ++i) EXPECT_INT(number_of(msgs[i - first]), i);
  OK(nats_msgs_free(msgs, count));
}

TEST("js-consume-01",
     "a fetch hands out as many as were asked for, or those that are there in time") {
  struct place at = start_stream("");
  make_worker(at.js, "");
  store_numbers(at.js, 1, 25);
  fetch_numbers(at.js, "", 10, 1, 10);
  fetch_numbers(at.js, "{\"max_messages\":10}", CAP, 11, 20);
  int64_t begin = now_ms();
  fetch_numbers(at.js, "{\"expires_ms\":300}", 10, 21, 25);
  EXPECT(now_ms() - begin >= 290);
  leave(at);
}

TEST("js-consume-02", "a fetch that does not wait hands out what is there at once, be it nothing") {
  struct place at = start_stream("");
  make_worker(at.js, "");
  fetch_numbers(at.js, "{\"no_wait\":true}", 10, 1, 0);
  store_numbers(at.js, 1, 3);
  /* A consumer that is there hears of new messages with a delay. */
  do_js(at.js, nats_consumer_delete, J({"stream":"S","consumer":"worker"}));
  make_worker(at.js, "");
  fetch_numbers(at.js, "{\"no_wait\":true}", 10, 1, 3);
  leave(at);
}

TEST("js-consume-03", "a fetch by bytes hands out no more bytes than were asked for") {
  struct place at = start_stream("");
  nats_msg *msgs[CAP];
  make_worker(at.js, ",\"ack_policy\":\"none\"");
  fill_large(at.nc, 10, 1000);
  size_t count = fetch(at.js, "{\"max_bytes\":3500}", msgs, CAP);
  EXPECT_INT(count, 3);
  OK(nats_msgs_free(msgs, count));
  leave(at);
}

TEST("js-consume-04", "a fetch that waits hands out what is stored meanwhile, or nothing in time") {
  struct place at = start_stream("");
  nats_msg *msg = NULL;
  make_worker(at.js, "");
  EXPECT_INT(fetch(at.js, "{\"expires_ms\":300}", &msg, 1), 0);
  /* Five of the ten that it asks for: it waits for the others. */
  struct fetching fetching = {at.js, "{\"expires_ms\":2000}", NATS_OK, 0};
  pthread_t thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  store_numbers(at.js, 1, 5);
  pthread_join(thread, NULL);
  EXPECT_INT(fetching.count, 5);
  /* One: it returns when that has come. */
  fetching = (struct fetching){at.js, "{\"expires_ms\":3600000,\"max_messages\":1}", NATS_OK, 0};
  thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  store_numbers(at.js, 6, 6);
  pthread_join(thread, NULL);
  EXPECT_INT(fetching.count, 1);
  leave(at);
}

TEST("js-consume-05", "a fetch from a server that has stopped answering ends") {
  struct place at = start_stream("");
  nats_msg *msg = NULL;
  make_worker(at.js, "");
  /* With heartbeats it goes on. */
  EXPECT_INT(fetch(at.js, "{\"expires_ms\":1500,\"heartbeat_ms\":300}", &msg, 1), 0);
  struct fetching fetching = {at.js, "{\"expires_ms\":3600000,\"heartbeat_ms\":300}",
                              NATS_ERR_HEARTBEAT_MISSED, 0};
  pthread_t thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  tell(at.server, "pause", NULL);
  pthread_join(thread, NULL);
  tell(at.server, "resume", NULL);
  leave(at);
}

TEST("js-consume-06", "options of a fetch that make no sense are refused, and named") {
  struct place at = start_stream("");
  nats_msg *msg = NULL;
  size_t count = 0;
  make_worker(at.js, "");
  FAILS(NATS_ERR_INVALID_OPTION, fetch_fails(at.js, "{\"max_messages\":0}"));
  SAYS("max_messages");
  FAILS(NATS_ERR_INVALID_OPTION, fetch_fails(at.js, "{\"expires_ms\":0}"));
  SAYS("expires_ms");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        fetch_fails(at.js, "{\"expires_ms\":1000,\"heartbeat_ms\":501}"));
  SAYS("heartbeat");
  FAILS(NATS_ERR_INVALID_OPTION, fetch_fails(at.js, "{\"priority\":10}"));
  SAYS("priority");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(at.js, S("S"), S("worker"), NONE, &msg, 0, &count, E));
  SAYS("cap");
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_jetstream_fetch(at.js, S("S"), S("worker"), NONE, NULL, 1, &count, E));
  SAYS("msgs");
  static const char *const names[][2] = {{"S", "a.b"}, {"S", "a b"}, {"S", ""}, {"S*", "a"}};
  for (int i = 0; i < 4; ++i) {
    FAILS(NATS_ERR_INVALID_NAME,
          nats_jetstream_fetch(at.js, S(names[i][0]), S(names[i][1]), NONE, &msg, 1, &count, E));
  }
  leave(at);
}

TEST("js-consume-07", "a consumer that is not there, and one that allows no such request") {
  struct place at = start_stream("");
  nats_msg *msgs[CAP];
  size_t count = 0;
  FAILS(NATS_ERR_NO_RESPONDERS, fetch_fails(at.js, ""));
  make_worker(at.js, ",\"max_batch\":5");
  FAILS(NATS_ERR_PULL_REFUSED,
        nats_jetstream_fetch(at.js, S("S"), S("worker"), NONE, msgs, CAP, &count, E));
  SAYS("409 Exceeded MaxRequestBatch of 5");
  leave(at);
}

TEST("js-consume-08", "a consumer that is deleted during a fetch") {
  struct place at = start_stream("");
  make_worker(at.js, "");
  store_numbers(at.js, 1, 2);
  struct fetching fetching = {at.js, "{\"expires_ms\":3600000}", NATS_OK, 0};
  pthread_t thread = begin(fetch_there, &fetching);
  until_int(at.js, nats_consumer_info, WORKER_IS, "delivered.consumer_seq", 2);
  until_asked(at.js, 1);
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  pthread_join(thread, NULL);
  EXPECT_INT(fetching.count, 2);
  make_worker(at.js, ",\"filter_subject\":\"s.none\"");
  fetching.expected = NATS_ERR_CONSUMER_NOT_FOUND;
  thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  do_js(at.js, nats_consumer_delete, WORKER_IS);
  pthread_join(thread, NULL);
  leave(at);
}

TEST("js-consume-09", "a fetch ends when the connection is lost, and when it is closed") {
  struct place at = start_stream("");
  make_worker(at.js, "");
  struct fetching fetching = {at.js, "{\"expires_ms\":3600000}", NATS_ERR_CONNECTION_LOST, 0};
  pthread_t thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  OK(nats_connection_force_reconnect(at.nc, E));
  pthread_join(thread, NULL);
  fetching.expected = NATS_ERR_CONNECTION_CLOSED;
  thread = begin(fetch_there, &fetching);
  until_asked(at.js, 1);
  OK(nats_connection_close(at.nc, E));
  pthread_join(thread, NULL);
  FAILS(NATS_ERR_CONNECTION_CLOSED, fetch_fails(at.js, ""));
  leave(at);
}
