/* Buckets on a queue: changed, read and listed without waiting. */
#include "kv.h"

static nats_queue *new_queue(void) {
  nats_queue *queue = NULL;
  OK(nats_queue_new(&queue, E));
  return queue;
}

static nats_event next_event(nats_queue *queue) {
  nats_event event = {0};
  size_t count = 0;
  OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
  EXPECT_INT(count, 1);
  EXPECT_INT(event.kind, NATS_EVENT_COMPLETION);
  return event;
}

/* What completes next, with success. */
static nats_event done_next(nats_queue *queue, uint64_t token) {
  nats_event event = next_event(queue);
  EXPECT_INT(event.token, token);
  EXPECT_INT(event.status, NATS_OK);
  return event;
}

/* What completes next fails so. */
static void fails_next(nats_queue *queue, uint64_t token, nats_status status) {
  nats_event event = next_event(queue);
  EXPECT_INT(event.token, token);
  EXPECT_INT(event.status, status);
  EXPECT_INT(nats_error_code((nats_error *)event.value), status);
  OK(nats_error_free((nats_error *)event.value));
}

/* What completes next is a change, with this revision. */
static void changes_next(nats_queue *queue, uint64_t token, uint64_t revision) {
  nats_event event = done_next(queue, token);
  EXPECT_INT(event.arg, revision);
  EXPECT(event.value == NULL);
}

TEST("c-kv-async-01", "changes complete on a queue with the new revision") {
  struct shelf b = start_bucket();
  nats_queue *queue = new_queue();
  nats_str k = S("k");
  OK(nats_kv_put_async(b.kv, k, B("1"), NONE, queue, 1, E));
  changes_next(queue, 1, 1);
  OK(nats_kv_put_async(b.kv, k, B("2"), S(EXPECTING(1)), queue, 2, E));
  changes_next(queue, 2, 2);
  OK(nats_kv_put_async(b.kv, k, B("3"), S(EXPECTING(1)), queue, 3, E));
  fails_next(queue, 3, NATS_ERR_WRONG_LAST_SEQUENCE);
  OK(nats_kv_create_async(b.kv, k, B("3"), NONE, queue, 4, E));
  fails_next(queue, 4, NATS_ERR_KEY_EXISTS);
  OK(nats_kv_delete_async(b.kv, k, S(EXPECTING(2)), queue, 5, E));
  changes_next(queue, 5, 3);
  OK(nats_kv_create_async(b.kv, k, B("4"), NONE, queue, 6, E));
  changes_next(queue, 6, 4);
  OK(nats_kv_purge_async(b.kv, k, NONE, queue, 7, E));
  changes_next(queue, 7, 5);
  EXPECT_INT(values(b.at.js), 1);
  /* What is known at once is told at once, and does not complete. */
  uint64_t before = sent(b.at.nc);
  FAILS(NATS_ERR_INVALID_NAME, nats_kv_put_async(b.kv, S("a b"), B(""), NONE, queue, 8, E));
  FAILS(NATS_ERR_INVALID_NAME, nats_kv_delete_async(b.kv, S("a b"), NONE, queue, 8, E));
  FAILS(NATS_ERR_INVALID_NAME, nats_kv_purge_async(b.kv, S(""), NONE, queue, 8, E));
  FAILS(NATS_ERR_INVALID_OPTION, nats_kv_put_async(b.kv, k, B(""), S("{\"x\":1}"), queue, 8, E));
  EXPECT_INT(sent(b.at.nc), before);
  OK(nats_queue_free(queue));
  leave_bucket(b);
}

enum { MANY = 1000 };

TEST("c-kv-async-02", "many changes and reads are under way at once") {
  struct shelf b = start_bucket();
  nats_queue *queue = new_queue();
  static bool seen[MANY];
  char key[16];
  memset(seen, 0, sizeof seen);
  for (int i = 0; i < MANY; ++i) {
    snprintf(key, sizeof key, "k.%d", i);
    OK(nats_kv_put_async(b.kv, S(key), B(key), NONE, queue, (uint64_t)i, E));
  }
  for (int i = 0; i < MANY; ++i) {
    nats_event event = next_event(queue);
    EXPECT_INT(event.status, NATS_OK);
    EXPECT_INT(event.arg, event.token + 1);
  }
  for (int i = 0; i < MANY; ++i) {
    snprintf(key, sizeof key, "k.%d", i);
    OK(nats_kv_get_async(b.kv, S(key), queue, (uint64_t)i, E));
  }
  for (int i = 0; i < MANY; ++i) {
    nats_event event = next_event(queue);
    char expected[40];
    EXPECT_INT(event.status, NATS_OK);
    EXPECT(event.token < MANY && !seen[event.token]);
    seen[event.token] = true;
    snprintf(expected, sizeof expected, "k.%d=k.%d", (int)event.token, (int)event.token);
    TELLS_ENTRY(b.kv, (nats_msg *)event.value, expected);
  }
  OK(nats_queue_free(queue));
  leave_bucket(b);
}

TEST("c-kv-async-03", "what a bucket has completes on a queue") {
  struct shelf b = start_bucket();
  nats_queue *queue = new_queue();
  nats_str keys[] = {S("b"), S("none"), S("a")};
  put(b.kv, "a", "1");
  put(b.kv, "a", "2");
  put(b.kv, "b", "3");
  OK(nats_kv_get_async(b.kv, S("a"), queue, 1, E));
  TELLS_ENTRY(b.kv, (nats_msg *)done_next(queue, 1).value, "a=2");
  OK(nats_kv_get_async(b.kv, S("none"), queue, 2, E));
  fails_next(queue, 2, NATS_ERR_KEY_NOT_FOUND);
  OK(nats_kv_get_revision_async(b.kv, S("a"), 1, queue, 3, E));
  TELLS_ENTRY(b.kv, (nats_msg *)done_next(queue, 3).value, "a=1");
  OK(nats_kv_get_revision_async(b.kv, S("b"), 1, queue, 4, E));
  fails_next(queue, 4, NATS_ERR_KEY_NOT_FOUND);
  OK(nats_kv_keys_async(b.kv, NONE, queue, 5, E));
  nats_doc *listed = (nats_doc *)done_next(queue, 5).value;
  expect_str(listed, "keys.1", "b");
  OK(nats_doc_free(listed));
  OK(nats_kv_history_async(b.kv, S("a"), queue, 6, E));
  lists(b.kv, (nats_fetched *)done_next(queue, 6).value, " a=1 a=2");
  if (is_at_least(b.at.nc, 2, 11)) {
    OK(nats_kv_get_many_async(b.kv, keys, 3, queue, 7, E));
    lists(b.kv, (nats_fetched *)done_next(queue, 7).value, " b=3 a=2");
  }
  FAILS(NATS_ERR_INVALID_NAME, nats_kv_get_async(b.kv, S("a b"), queue, 8, E));
  OK(nats_queue_free(queue));
  leave_bucket(b);
}

TEST("c-kv-async-04", "handles of buckets and caches complete on a queue, and watches mark it") {
  struct shelf b = start_bucket();
  nats_queue *queue = new_queue();
  nats_event event = {0};
  nats_msg *msgs[4], *msg = NULL;
  size_t count = 0;
  put(b.kv, "a", "1");
  OK(nats_kv_bind_async(b.at.js, S("b"), NONE, queue, 1, E));
  nats_kv *kv = (nats_kv *)done_next(queue, 1).value;
  HAS(kv, "a", "a=1");
  OK(nats_kv_bind_async(b.at.js, S("nothing"), NONE, queue, 2, E));
  fails_next(queue, 2, NATS_ERR_BUCKET_NOT_FOUND);
  FAILS(NATS_ERR_INVALID_OPTION,
        nats_kv_bind_async(b.at.js, S("b"), S("{\"x\":1}"), queue, 2, E));
  OK(nats_kv_cache_new_async(kv, NONE, queue, 3, E));
  nats_kv_cache *cache = (nats_kv_cache *)done_next(queue, 3).value;
  OK(nats_kv_cache_get(cache, S("a"), &msg, E));
  TELLS_ENTRY(kv, msg, "a=1");
  OK(nats_kv_cache_free(cache));
  nats_subscription *sub = watch(kv, "");
  OK(nats_subscription_watch(sub, queue, 4, E));
  for (size_t taken = 0; taken < 2; taken += count) {
    OK(nats_queue_poll(queue, &event, 1, WAIT_MS, &count, E));
    EXPECT_INT(event.kind, NATS_EVENT_READY);
    OK(nats_subscription_take(sub, msgs + taken, 2, 0, &count, E));
  }
  TELLS_ENTRY(kv, msgs[0], "a=1");
  TELLS_ENTRY(kv, msgs[1], "-");
  OK(nats_subscription_free(sub));
  /* Results that nobody takes are freed with the queue. */
  OK(nats_kv_bind_async(b.at.js, S("b"), NONE, queue, 5, E));
  OK(nats_kv_cache_new_async(kv, NONE, queue, 6, E));
  OK(nats_kv_keys_async(kv, NONE, queue, 7, E));
  OK(nats_connection_flush(b.at.nc, WAIT_MS, E));
  OK(nats_queue_free(queue));
  OK(nats_kv_free(kv));
  leave_bucket(b);
}

TEST("c-kv-async-05", "what is under way is cancelled") {
  struct shelf b = start_bucket();
  nats_queue *queue = new_queue();
  tell(b.at.server, "pause", NULL);
  OK(nats_kv_put_async(b.kv, S("a"), B("1"), NONE, queue, 1, E));
  OK(nats_kv_create_async(b.kv, S("b"), B("1"), NONE, queue, 2, E));
  OK(nats_kv_get_async(b.kv, S("a"), queue, 3, E));
  OK(nats_kv_history_async(b.kv, S("a"), queue, 4, E));
  OK(nats_kv_cache_new_async(b.kv, NONE, queue, 5, E));
  for (uint64_t token = 1; token <= 5; ++token) {
    OK(nats_queue_cancel(queue, token, E));
    fails_next(queue, token, NATS_ERR_CANCELLED);
  }
  tell(b.at.server, "resume", NULL);
  OK(nats_kv_get_async(b.kv, S("none"), queue, 6, E));
  fails_next(queue, 6, NATS_ERR_KEY_NOT_FOUND);
  OK(nats_queue_free(queue));
  leave_bucket(b);
}
