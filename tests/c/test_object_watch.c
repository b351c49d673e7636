/* Watches of objects. */
#include "objects.h"

static nats_subscription *watch(nats_object_store *objects, const char *options) {
  nats_subscription *sub = NULL;
  OK(nats_object_watch(objects, S(options), NULL, NULL, NULL, &sub, E));
  return sub;
}

/* The next thing that is told: an object by its name; "-name": it was deleted; "": the mark. */
static void told(nats_object_store *objects, nats_subscription *sub, const char *expected) {
  nats_msg *msg = receive(sub);
  nats_doc *info = NULL;
  OK(nats_object_read(objects, msg, &info, E));
  OK(nats_msg_free(msg));
  if (!*expected) {
    EXPECT(info == NULL);
    return;
  }
  EXPECT(info != NULL);
  int32_t deleted = 0;
  nats_error *err = NULL;
  nats_doc_get_bool(info, S("deleted"), &deleted, &err);
  nats_error_free(err);
  EXPECT_INT(deleted, *expected == '-');
  expect_str(info, "name", expected + (*expected == '-'));
  OK(nats_doc_free(info));
}

static nats_status ends(nats_subscription *sub) {
  nats_msg *msg = NULL;
  return nats_subscription_next(sub, WAIT_MS, &msg, E);
}

static void seen(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *latch) {
  (void)nc, (void)sub;
  nats_msg_free(msg);
  latch_add((struct latch *)latch);
}

TEST("object-20", "a watch tells what there is, that this was all, and what is done") {
  struct bucket at = start_bucket();
  nats_subscription *empty = watch(at.objects, "");
  told(at.objects, empty, "");
  /* What is replaced before it was sent is not told any more, so each is awaited. */
  static const char *const ALL[] = {"x", "x", "y"};
  for (int i = 0; i < 3; ++i) {
    put(at.objects, ALL[i], i == 0 ? "1" : "two");
    told(at.objects, empty, ALL[i]);
  }
  do_js(at.js, nats_object_delete, of("y", ""));
  told(at.objects, empty, "-y");
  OK(nats_subscription_free(empty));
  nats_subscription *sub = watch(at.objects, "");
  told(at.objects, sub, "x");
  told(at.objects, sub, "-y");
  told(at.objects, sub, "");
  OK(nats_subscription_free(sub));
  static struct latch heard = LATCH;
  OK(nats_object_watch(at.objects, NONE, seen, &heard, NULL, &sub, E));
  EXPECT(latch_wait(&heard, 3, WAIT_MS));
  OK(nats_subscription_free(sub));
  leave_bucket(at);
}

TEST("object-21", "watches without deletes, of updates alone, and with all that there is") {
  struct bucket at = start_bucket();
  put(at.objects, "x", "x");
  put(at.objects, "y", "y");
  do_js(at.js, nats_object_delete, of("y", ""));
  nats_subscription *no_deletes = watch(at.objects, "{\"ignore_deletes\":true}");
  nats_subscription *updates = watch(at.objects, "{\"updates_only\":true}");
  nats_subscription *history = watch(at.objects, "{\"include_history\":true}");
  told(at.objects, no_deletes, "x");
  told(at.objects, history, "x");
  told(at.objects, history, "-y");
  for (int i = 0; i < 3; ++i) {
    told(at.objects, (nats_subscription *[]){no_deletes, updates, history}[i], "");
  }
  do_js(at.js, nats_object_delete, of("x", ""));
  put(at.objects, "z", "");
  told(at.objects, no_deletes, "z");
  told(at.objects, updates, "-x");
  told(at.objects, updates, "z");
  told(at.objects, history, "-x");
  nats_subscription *none = NULL;
  FAILS(NATS_ERR_INVALID_ARGUMENT,
        nats_object_watch(at.objects, S("{\"updates_only\":true,\"include_history\":true}"), NULL,
                          NULL, NULL, &none, E));
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_object_watch(at.objects, S("{\"history\":true}"), NULL, NULL, NULL, &none, E));
  OK(nats_subscription_free(no_deletes));
  OK(nats_subscription_free(updates));
  OK(nats_subscription_free(history));
  leave_bucket(at);
}

TEST("object-22", "what is no object gives PROTOCOL, and the watch goes on") {
  struct bucket at = start_bucket();
  nats_subscription *sub = watch(at.objects, "");
  told(at.objects, sub, "");
  store(at.js, "$O.b.M.YQ==", "{");
  put(at.objects, "z", "z");
  nats_doc *info = NULL;
  nats_msg *msg = receive(sub);
  FAILS(NATS_ERR_PROTOCOL, nats_object_read(at.objects, msg, &info, E));
  OK(nats_msg_free(msg));
  told(at.objects, sub, "z");
  OK(nats_subscription_free(sub));
  leave_bucket(at);
}

TEST("object-23", "a watch that is stopped, and one of a bucket that is deleted") {
  struct bucket at = start_bucket();
  nats_subscription *stopped = watch(at.objects, ""), *sub = watch(at.objects, "");
  told(at.objects, stopped, "");
  told(at.objects, sub, "");
  OK(nats_subscription_unsubscribe(stopped, E));
  FAILS(NATS_ERR_SUBSCRIPTION_CLOSED, ends(stopped));
  do_js(at.js, nats_object_store_delete, THE_BUCKET);
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, ends(sub));
  OK(nats_subscription_free(stopped));
  OK(nats_subscription_free(sub));
  leave_bucket(at);
}

TEST("object-24", "a watch goes on over a lost connection") {
  static struct events events;
  struct bucket at = start_bucket();
  char name[32];
  nats_jetstream *js = NULL;
  nats_connection *nc =
      dial_watched(at.server.url, "{\"reconnect_delay_max_ms\":100}", &events);
  OK(nats_jetstream_new(nc, NONE, &js, E));
  nats_object_store *objects = bind_bucket(js, "b");
  nats_subscription *sub = watch(objects, "");
  told(objects, sub, "");
  for (int round = 1; round <= 3; ++round) {
    OK(nats_connection_force_reconnect(nc, E));
    for (int i = 0; i < 10; ++i) {
      snprintf(name, sizeof name, "%d-%d", round, i);
      put(at.objects, name, "");
    }
    for (int i = 0; i < 10; ++i) {
      snprintf(name, sizeof name, "%d-%d", round, i);
      told(objects, sub, name);
    }
  }
  OK(nats_subscription_free(sub));
  OK(nats_object_store_free(objects));
  OK(nats_jetstream_free(js));
  hang_up_watched(nc, &events);
  leave_bucket(at);
}
