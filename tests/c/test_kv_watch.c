/* Buckets watched: what is told, and when. */
#include "kv.h"

static void put_each(nats_kv *kv, const char *const *keys) {
  for (; *keys; ++keys) put(kv, *keys, *keys);
}

/* Gives keys their own names as values. */
#define PUT(kv, ...) put_each((kv), (const char *const[]){__VA_ARGS__, NULL})

enum { MANY = 5000 };

TEST("kv-20", "a watch tells what was done to each key last, that this was all, and what is done") {
  struct shelf b = start_bucket();
  char text[32];
  PUT(b.kv, "a", "b", "a", "c");
  delete_key(b.kv, "b");
  nats_subscription *sub = watch(b.kv, "");
  nats_msg *msg = receive(sub);
  nats_kv_entry entry = entry_of(b.kv, msg);
  EXPECT_INT(entry.revision, 3);
  EXPECT_INT(entry.delta, 2);
  TELLS_ENTRY(b.kv, msg, "a=a");
  TOLD(b.kv, sub, "c=c", "b deleted");
  msg = receive(sub);
  entry = entry_of(b.kv, msg);
  EXPECT_INT(entry.operation, NATS_KV_CAUGHT_UP);
  EXPECT_INT(entry.key.len + entry.value.len + entry.revision, 0);
  OK(nats_msg_free(msg));
  PUT(b.kv, "d", "a");
  purge_key(b.kv, "c");
  TOLD(b.kv, sub, "d=d", "a=a", "c purged");
  OK(nats_subscription_free(sub));
  for (int i = 0; i < MANY; ++i) {
    snprintf(text, sizeof text, "n.%d", i);
    put(b.kv, text, "x");
  }
  sub = watch(b.kv, "{\"keys\":[\"n.*\"]}");
  for (int i = 0; i < MANY; ++i) {
    snprintf(text, sizeof text, "n.%d=x", i);
    TOLD(b.kv, sub, text);
  }
  TOLD(b.kv, sub, "-");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

/* What a callback was told. */
struct heard {
  nats_kv *kv;
  char told[8][256];
  struct latch count, gone;
};

static void hear(nats_connection *nc, nats_subscription *sub, nats_msg *msg, void *user) {
  struct heard *heard = (struct heard *)user;
  (void)nc, (void)sub;
  in_short(heard->kv, msg, heard->told[latch_count(&heard->count)]);
  OK(nats_msg_free(msg));
  /* Another call about the bucket is fine. */
  HAS(heard->kv, "a", "a=a");
  latch_add(&heard->count);
}

static void forget(void *user) { latch_add(&((struct heard *)user)->gone); }

TEST("c-kv-watch-01", "a watch is delivered to a callback, whose destroy hook runs at its end") {
  struct shelf b = start_bucket();
  struct heard heard = {.kv = b.kv, .count = LATCH, .gone = LATCH};
  nats_subscription *sub = NULL;
  PUT(b.kv, "a", "b");
  OK(nats_kv_watch(b.kv, NONE, hear, &heard, forget, &sub, E));
  EXPECT(latch_wait(&heard.count, 3, WAIT_MS));
  PUT(b.kv, "c");
  EXPECT(latch_wait(&heard.count, 4, WAIT_MS));
  static const char *const EXPECTED[] = {"a=a", "b=b", "-", "c=c"};
  for (int i = 0; i < 4; ++i) EXPECT_TEXT(as_text(B(heard.told[i])), EXPECTED[i]);
  EXPECT_INT(latch_count(&heard.gone), 0);
  OK(nats_subscription_free(sub));
  EXPECT(latch_wait(&heard.gone, 1, WAIT_MS));
  FAILS(NATS_ERR_INVALID_NAME,
        nats_kv_watch(b.kv, S("{\"keys\":[\"a b\"]}"), hear, &heard, forget, &sub, E));
  EXPECT_INT(latch_count(&heard.gone), 2);
  leave_bucket(b);
}

TEST("kv-21", "a watch of nothing tells at once that this was all") {
  struct shelf b = start_bucket();
  nats_subscription *sub = watch(b.kv, NULL);
  TOLD(b.kv, sub, "-");
  PUT(b.kv, "a");
  nats_subscription *none = watch(b.kv, "{\"keys\":[\"other\"]}");
  TOLD(b.kv, none, "-");
  TOLD(b.kv, sub, "a=a");
  OK(nats_subscription_free(none));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-22", "with history a watch begins with all that there is of its keys") {
  struct shelf b = start_bucket();
  put(b.kv, "a", "1");
  PUT(b.kv, "b");
  put(b.kv, "a", "2");
  delete_key(b.kv, "a");
  nats_subscription *sub = watch(b.kv, "{\"include_history\":true}");
  TOLD(b.kv, sub, "a=1", "b=b", "a=2", "a deleted", "-");
  OK(nats_subscription_free(sub));
  sub = watch(b.kv, "{\"include_history\":true,\"keys\":[\"a\"]}");
  TOLD(b.kv, sub, "a=1", "a=2", "a deleted", "-");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-23", "a watch without deletes leaves markers out, but not the word that this was all") {
  struct shelf b = start_bucket();
  PUT(b.kv, "a", "b", "c");
  delete_key(b.kv, "a");
  delete_key(b.kv, "c");
  nats_subscription *sub = watch(b.kv, "{\"ignore_deletes\":true}");
  TOLD(b.kv, sub, "b=b", "-");
  purge_key(b.kv, "b");
  PUT(b.kv, "d");
  TOLD(b.kv, sub, "d=d");
  nats_subscription *none = watch(b.kv, "{\"ignore_deletes\":true,\"keys\":[\"a\"]}");
  TOLD(b.kv, none, "-");
  OK(nats_subscription_free(none));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-24", "a watch without values tells how long they are") {
  struct shelf b = start_bucket();
  put(b.kv, "a", "a value");
  delete_key(b.kv, "b");
  nats_subscription *sub = watch(b.kv, "{\"meta_only\":true}");
  nats_msg *msg = receive(sub);
  EXPECT_TEXT(header_of(msg, "Nats-Msg-Size"), "7");
  TELLS_ENTRY(b.kv, msg, "a=");
  TOLD(b.kv, sub, "b deleted", "-");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-25", "a watch of updates alone tells first that this was all") {
  struct shelf b = start_bucket();
  PUT(b.kv, "a", "b");
  nats_subscription *sub = watch(b.kv, "{\"updates_only\":true}");
  PUT(b.kv, "c", "a");
  TOLD(b.kv, sub, "-", "c=c", "a=a");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-26", "a watch begins with a revision, or, when there is none yet, with what comes") {
  struct shelf b = start_bucket();
  for (int i = 1; i <= 4; ++i) {
    char text[] = {(char)('0' + i), 0};
    put(b.kv, "a", text);
  }
  nats_subscription *sub = watch(b.kv, "{\"resume_from\":3}");
  TOLD(b.kv, sub, "a=3", "a=4", "-");
  nats_subscription *later = watch(b.kv, "{\"resume_from\":5}");
  TOLD(b.kv, later, "-");
  put(b.kv, "a", "5");
  TOLD(b.kv, later, "a=5");
  TOLD(b.kv, sub, "a=5");
  OK(nats_subscription_free(later));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-27", "several keys with wildcards are watched; filters that are none are refused") {
  static const char *const BAD[] = {"", ".", "a..b", "a b", "a*", ">.a"};
  struct shelf b = start_bucket();
  PUT(b.kv, "eu.1", "eu.2.x", "us.1", "us.2", "asia");
  nats_subscription *sub = watch(b.kv, "{\"keys\":[\"eu.>\",\"us.1\",\"af.*\"]}");
  TOLD(b.kv, sub, "eu.1=eu.1", "eu.2.x=eu.2.x", "us.1=us.1", "-");
  PUT(b.kv, "us.2", "af.7");
  TOLD(b.kv, sub, "af.7=af.7");
  OK(nats_subscription_free(sub));
  for (size_t i = 0; i < sizeof BAD / sizeof *BAD; ++i) {
    char options[64];
    nats_doc *keys = NULL;
    snprintf(options, sizeof options, "{\"keys\":[\"%s\"]}", BAD[i]);
    FAILS(NATS_ERR_INVALID_NAME, try_watch(b.kv, options));
    FAILS(NATS_ERR_INVALID_NAME, nats_kv_keys(b.kv, S(options), &keys, E));
  }
  leave_bucket(b);
}

struct excluded {
  const char *options, *said;
  nats_status status;
};

TEST("kv-28", "options of a watch that exclude each other are refused") {
  static const struct excluded EXCLUDED[] = {
      {"{\"updates_only\":true,\"include_history\":true}", "updates_only",
       NATS_ERR_INVALID_ARGUMENT},
      {"{\"updates_only\":true,\"resume_from\":1}", "updates_only", NATS_ERR_INVALID_ARGUMENT},
      {"{\"resume_from\":0}", "resume_from", NATS_ERR_INVALID_OPTION},
      {"{\"heartbeat_ms\":0}", "heartbeat_ms", NATS_ERR_INVALID_OPTION},
      {"{\"updates\":true}", "updates_only", NATS_ERR_INVALID_OPTION},
  };
  struct shelf b = start_bucket();
  for (size_t i = 0; i < sizeof EXCLUDED / sizeof *EXCLUDED; ++i) {
    FAILS(EXCLUDED[i].status, try_watch(b.kv, EXCLUDED[i].options));
    SAYS(EXCLUDED[i].said);
  }
  leave_bucket(b);
}

TEST("kv-34", "keys that have values are listed, all or filtered") {
  struct shelf b = start_bucket();
  has_keys(b.kv, "", "{\"keys\":[]}");
  PUT(b.kv, "eu.1", "eu.2", "us.1", "us.2");
  delete_key(b.kv, "eu.2");
  purge_key(b.kv, "us.2");
  has_keys(b.kv, "", "{\"keys\":[\"eu.1\",\"us.1\"]}");
  has_keys(b.kv, "{\"keys\":[\"eu.*\",\"asia\"]}", "{\"keys\":[\"eu.1\"]}");
  /* One by one. */
  nats_subscription *sub = watch(b.kv, "{\"meta_only\":true,\"ignore_deletes\":true}");
  TOLD(b.kv, sub, "eu.1=", "us.1=", "-");
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

TEST("kv-35", "the history of a key has all its values and markers in order") {
  struct shelf b = start_bucket();
  nats_fetched *fetched = NULL;
  has_history(b.kv, "a", "");
  put(b.kv, "a", "1");
  put(b.kv, "a", "2");
  put(b.kv, "a", "3");
  PUT(b.kv, "b");
  delete_key(b.kv, "a");
  has_history(b.kv, "a", " a=1 a=2 a=3 a deleted");
  FAILS(NATS_ERR_INVALID_NAME, nats_kv_history(b.kv, S("a.*"), &fetched, E));
  leave_bucket(b);
}

TEST("kv-36", "old markers are removed with what was before them; of young ones what was before") {
  struct shelf b = start_bucket();
  PUT(b.kv, "a", "a", "b", "c");
  delete_key(b.kv, "a");
  delete_key(b.kv, "b");
  EXPECT_INT(number_js(b.at.js, nats_kv_bucket_purge_deletes, THE_BUCKET, "purged"), 3);
  has_history(b.kv, "a", " a deleted");
  EXPECT_INT(number_js(b.at.js, nats_kv_bucket_purge_deletes, J({"bucket":"b","older_than_ms":0}),
                       "purged"),
             2);
  has_history(b.kv, "a", "");
  has_keys(b.kv, "", "{\"keys\":[\"c\"]}");
  leave_bucket(b);
}
