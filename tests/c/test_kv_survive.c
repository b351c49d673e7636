/* Buckets watched over lost consumers, servers and connections. */
#include "kv.h"

#define OFTEN "{\"heartbeat_ms\":300}"
#define IS_RESET "\"what\":\"reset\""

/* Deletes the only consumer of the bucket b. */
static void delete_consumer(nats_jetstream *js) {
  char input[128];
  nats_doc *names = ask_js(js, nats_consumer_names, J({"stream":"KV_b"}));
  nats_str name = NONE;
  expect_len(names, "consumers", 1);
  OK(nats_doc_get_str(names, S("consumers.0"), &name, E));
  snprintf(input, sizeof input, "{\"stream\":\"KV_b\",\"consumer\":\"%.*s\"}", (int)name.len,
           name.ptr);
  OK(nats_doc_free(names));
  do_js(js, nats_consumer_delete, input);
}

TEST("kv-29", "a watch whose consumer is gone goes on without gap or double, and an event tells") {
  static struct events events;
  struct shelf b = start_heard_bucket(&events);
  put(b.kv, "a", "1");
  nats_subscription *sub = watch(b.kv, OFTEN);
  TOLD(b.kv, sub, "a=1", "-");
  for (int round = 0; round < 3; ++round) {
    char key[16], expected[32];
    delete_consumer(b.at.js);
    snprintf(key, sizeof key, "k.%d", round);
    snprintf(expected, sizeof expected, "%s=x", key);
    put(b.kv, key, "x");
    TOLD(b.kv, sub, expected);
  }
  events_await(&events, IS_RESET, "\"consumer\":\"KV_b\"");
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(b.kv));
  leave_heard(b.at, &events);
}

struct reader {
  nats_kv *kv;
  nats_subscription *sub;
};

static void *read_on(void *argument) {
  struct reader *reader = (struct reader *)argument;
  TOLD(reader->kv, reader->sub, "c=c");
  told_until(reader->kv, reader->sub, "a=new");
  return NULL;
}

TEST("kv-30", "a watch goes on over a restart of the server, read or not") {
  struct place at = start_place();
  nats_kv *kv = make_bucket(at.js, THE_BUCKET);
  put(kv, "a", "old");
  put(kv, "b", "b");
  nats_subscription *sub = watch(kv, "");
  nats_subscription *unread = watch(kv, "");
  TOLD(kv, sub, "a=old", "b=b", "-");
  struct reader reader = {kv, sub};
  pthread_t thread = begin(read_on, &reader);
  restart(at.server);
  put_surely(kv, "c", "c");
  uint64_t last = put_surely(kv, "a", "new");
  EXPECT_INT(pthread_join(thread, NULL), 0);
  /* What there was may have come before the restart, or behind it. */
  uint64_t seen = 0;
  int marks = 0;
  bool has_b = false, has_before_last = false;
  while (marks == 0 || seen != last) {
    nats_msg *msg = receive(unread);
    nats_kv_entry entry = entry_of(kv, msg);
    if (entry.operation == NATS_KV_CAUGHT_UP) {
      ++marks;
    } else {
      EXPECT(entry.revision > seen);
      seen = entry.revision;
      has_b |= seen == 2;
      has_before_last |= seen == last - 1;
    }
    OK(nats_msg_free(msg));
  }
  EXPECT_INT(marks, 1);
  EXPECT(has_b && has_before_last);
  OK(nats_subscription_free(unread));
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(kv));
  leave(at);
}

enum { MANY = 3000, SOME = 100 };

static void told_numbers(struct shelf *b, nats_subscription *sub, int first, int end) {
  for (int i = first; i < end; ++i) {
    char expected[32];
    snprintf(expected, sizeof expected, "n.%d=x", i);
    TOLD(b->kv, sub, expected);
  }
}

TEST("kv-31", "a watch goes on when the connection is lost amid what there was") {
  struct shelf b = start_bucket();
  for (int i = 0; i < MANY; ++i) {
    char key[16];
    snprintf(key, sizeof key, "n.%d", i);
    put(b.kv, key, "x");
  }
  nats_subscription *sub = watch(b.kv, "");
  told_numbers(&b, sub, 0, SOME);
  OK(nats_connection_force_reconnect(b.at.nc, E));
  told_numbers(&b, sub, SOME, MANY);
  TOLD(b.kv, sub, "-");
  put_surely(b.kv, "new", "x");
  TOLD(b.kv, sub, "new=x");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-32", "a watch of a bucket that is deleted ends, and a new one is refused") {
  struct shelf b = start_bucket();
  nats_doc *keys = NULL;
  nats_fetched *fetched = NULL;
  put(b.kv, "a", "1");
  nats_subscription *sub = watch(b.kv, "");
  TOLD(b.kv, sub, "a=1", "-");
  do_js(b.at.js, nats_kv_bucket_delete, THE_BUCKET);
  for (int i = 0; i < 2; ++i) FAILS(NATS_ERR_BUCKET_NOT_FOUND, ends(sub));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_watch(b.kv, ""));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_kv_keys(b.kv, NONE, &keys, E));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_kv_history(b.kv, S("a"), &fetched, E));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

static bool has_none(nats_doc *names, const void *about) {
  size_t len = 1;
  (void)about;
  OK(nats_doc_len(names, S("consumers"), &len, E));
  return len == 0;
}

TEST("kv-33", "a watch that is stopped tells nothing more, and takes its consumer with it") {
  struct shelf b = start_bucket();
  nats_subscription *sub = watch(b.kv, "");
  TOLD(b.kv, sub, "-");
  OK(nats_subscription_unsubscribe(sub, E));
  put(b.kv, "a", "1");
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(sub));
  OK(nats_doc_free(
      until_js(b.at.js, nats_consumer_names, J({"stream":"KV_b"}), has_none, NULL)));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-42", "a watch goes on over changes of the leader") {
  struct place at = {.server = server_start("cluster-jetstream", NULL)};
  at.js = open_js(at.server.url, &at.nc);
  nats_kv *kv = make_bucket(at.js, J({"bucket":"b","num_replicas":3}));
  nats_subscription *sub = watch(kv, "{\"heartbeat_ms\":500}");
  TOLD(kv, sub, "-");
  for (int round = 0; round < 3; ++round) {
    char key[16], expected[32];
    snprintf(key, sizeof key, "k.%d", round);
    snprintf(expected, sizeof expected, "%s=x", key);
    put_surely(kv, key, "x");
    OK(nats_doc_free(until_js(at.js, nats_stream_leader_stepdown, J({"stream":"KV_b"}), is_there,
                              NULL)));
    told_until(kv, sub, expected);
  }
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(kv));
  leave(at);
}
