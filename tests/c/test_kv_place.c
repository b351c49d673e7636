/* Buckets: keys with a time of their own, many at once, changed by many; buckets that mirror others. */
#include "kv.h"

/* The key is without a value, once its time is over; the marker of that, to be freed. */
static nats_msg *marker_of(nats_kv *kv, const char *key) {
  for (int64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    if (nats_kv_get_revision(kv, S(key), 0, &msg, &err) != NATS_OK) {
      nats_error_free(err);
    } else if (entry_of(kv, msg).operation != NATS_KV_PUT) {
      return msg;
    } else {
      nats_msg_free(msg);
    }
  }
  check_fail(__FILE__, __LINE__, "%s: its time does not end", key);
  return NULL;
}

/* Nothing is known of the key any more. */
static void until_forgotten(nats_kv *kv, const char *key) {
  nats_status status = NATS_OK;
  for (int64_t end = now_ms() + WAIT_MS; status != NATS_ERR_KEY_NOT_FOUND;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    status = nats_kv_get_revision(kv, S(key), 0, &msg, &err);
    nats_error_free(err);
    nats_msg_free(msg);
    EXPECT(now_ms() < end);
  }
}

/* The bucket b with what servers have since 2.11; false: this one is older, and left. */
static bool start_marked(struct shelf *b, const char *config) {
  b->at = start_place();
  if (!do_newer(b->at.js, b->at.nc, 11, "allow_msg_ttl", nats_kv_bucket_create, config)) {
    leave(b->at);
    return false;
  }
  b->kv = bind_with(b->at.js, "b", NULL);
  return true;
}

TEST("kv-12", "a key, and the marker of a purge, have a time of their own in whole seconds") {
  struct shelf b;
  const char *config = J({"bucket":"b","storage":"memory","limit_marker_ttl":60000000000});
  if (!start_marked(&b, config)) return;
  OK(nats_kv_create(b.kv, S("k"), B("x"), S("{\"ttl_ms\":1000}"), NULL, E));
  HAS(b.kv, "k", "k=x");
  TELLS_ENTRY(b.kv, marker_of(b.kv, "k"), "k purged");
  OK(nats_kv_create(b.kv, S("k"), B("y"), NONE, NULL, E));
  OK(nats_kv_purge(b.kv, S("k"), S("{\"ttl_ms\":1000}"), NULL, E));
  until_forgotten(b.kv, "k");
  FAILS(NATS_ERR_INVALID_OPTION, try_create(b.kv, "k", "{\"ttl_ms\":10}"));
  leave_bucket(b);
}

TEST("kv-13", "a value that comes to the end of the bucket's time leaves a marker") {
  struct shelf b;
  const char *config =
      J({"bucket":"b","storage":"memory","ttl":1000000000,"limit_marker_ttl":60000000000});
  if (!start_marked(&b, config)) return;
  nats_subscription *sub = watch(b.kv, "");
  put(b.kv, "k", "x");
  TOLD(b.kv, sub, "-", "k=x", "k purged");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_get(b.kv, "k"));
  OK(try_create(b.kv, "k", ""));
  OK(nats_subscription_free(sub));
  leave_bucket(b);
}

enum { MANY = 1501 };

TEST("kv-14", "many keys are got in one request for each 1,024 of them, in their order") {
  struct shelf b = start_bucket();
  static char names[MANY][16];
  static nats_str keys[MANY];
  static nats_msg *msgs[MANY];
  for (int i = 0; i < MANY; ++i) {
    snprintf(names[i], sizeof names[i], "k.%d", i);
    keys[MANY - 1 - i] = S(names[i]);
    if (i < MANY - 1) put(b.kv, names[i], names[i] + 2);
  }
  delete_key(b.kv, "k.7");
  uint64_t before = sent(b.at.nc);
  if (!NEEDS(b.at.nc, 2, 11, "a batch of direct gets", nats_kv_get_many(b.kv, keys, MANY, msgs, E))) {
    leave_bucket(b);
    return;
  }
  EXPECT_INT(sent(b.at.nc) - before, 2);
  for (int i = 0; i < MANY; ++i) {
    int number = MANY - 1 - i;
    char expected[40];
    if (number == 7 || number == MANY - 1) {
      EXPECT(msgs[i] == NULL);
      continue;
    }
    snprintf(expected, sizeof expected, "k.%d=%d", number, number);
    TELLS_ENTRY(b.kv, msgs[i], expected);
  }
  OK(nats_kv_get_many(b.kv, NULL, 0, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_kv_get_many(b.kv, keys, 1, NULL, E));
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_kv_get_many(b.kv, NULL, 1, msgs, E));
  leave_bucket(b);
}

enum { THREADS = 4, EACH = 50 };

struct counter {
  char text[16];
  int calls;
};

static int32_t add_one(const nats_kv_entry *entry, nats_bytes *value, void *user) {
  struct counter *counter = (struct counter *)user;
  char text[16] = "0";
  if (entry) snprintf(text, sizeof text, "%.*s", (int)entry->value.len, entry->value.ptr);
  snprintf(counter->text, sizeof counter->text, "%d", atoi(text) + 1);
  *value = B(counter->text);
  ++counter->calls;
  return 1;
}

static void *add_often(void *kv) {
  struct counter counter = {"", 0};
  for (int i = 0; i < EACH; ++i) {
    uint64_t revision = 0;
    OK(nats_kv_modify((nats_kv *)kv, S("n"), add_one, &counter, &revision, E));
    EXPECT(revision > 0);
  }
  EXPECT(counter.calls >= EACH);
  return NULL;
}

static int32_t look(const nats_kv_entry *entry, nats_bytes *value, void *seen) {
  (void)value;
  EXPECT_TEXT(entry->key, "n");
  *(bool *)seen = true;
  return 0;
}

/* Reads another key of the bucket in between. */
static int32_t copy_other(const nats_kv_entry *entry, nats_bytes *value, void *kv) {
  EXPECT(entry == NULL);
  nats_msg *other = got((nats_kv *)kv, "n");
  EXPECT_INT(entry_of((nats_kv *)kv, other).revision, THREADS * EACH);
  OK(nats_msg_free(other));
  *value = B("copied");
  return 1;
}

TEST("kv-15", "a value that several change at once by what it was has every change") {
  struct shelf b = start_bucket();
  pthread_t threads[THREADS];
  bool seen = false;
  uint64_t revision = 99;
  for (int i = 0; i < THREADS; ++i) threads[i] = begin(add_often, b.kv);
  for (int i = 0; i < THREADS; ++i) EXPECT_INT(pthread_join(threads[i], NULL), 0);
  HAS(b.kv, "n", "n=200");
  OK(nats_kv_modify(b.kv, S("n"), look, &seen, &revision, E));
  EXPECT(seen);
  EXPECT_INT(revision, 0);
  OK(nats_kv_modify(b.kv, S("new"), copy_other, b.kv, NULL, E));
  HAS(b.kv, "new", "new=copied");
  FAILS(NATS_ERR_INVALID_ARGUMENT, nats_kv_modify(b.kv, S("n"), NULL, NULL, NULL, E));
  leave_bucket(b);
}

TEST("kv-16", "a handle for reading alone refuses all that writes, and sends nothing") {
  struct shelf b = start_bucket();
  put(b.kv, "k", "x");
  nats_kv *reader = bind_with(b.at.js, "b", "{\"read_only\":true}");
  HAS(reader, "k", "k=x");
  uint64_t before = sent(b.at.nc);
  FAILS(NATS_ERR_READ_ONLY, try_put(reader, "k", ""));
  FAILS(NATS_ERR_READ_ONLY, try_put(reader, "k", EXPECTING(1)));
  FAILS(NATS_ERR_READ_ONLY, try_create(reader, "n", ""));
  FAILS(NATS_ERR_READ_ONLY, nats_kv_delete(reader, S("k"), NONE, NULL, E));
  FAILS(NATS_ERR_READ_ONLY, nats_kv_purge(reader, S("k"), NONE, NULL, E));
  EXPECT_INT(sent(b.at.nc), before);
  EXPECT_INT(put(b.kv, "k", "z"), 2);
  OK(nats_kv_free(reader));
  leave_bucket(b);
}

/* The key has the value that is to come from elsewhere. */
static void until_copied(nats_kv *kv, const char *key, const char *expected) {
  for (int64_t end = now_ms() + WAIT_MS; now_ms() < end;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    if (nats_kv_get(kv, S(key), &msg, &err) == NATS_OK) {
      TELLS_ENTRY(kv, msg, expected);
      return;
    }
    nats_error_free(err);
  }
  check_fail(__FILE__, __LINE__, "%s does not come", key);
}

static nats_kv *make_origin(nats_jetstream *js) {
  nats_kv *origin = make_bucket(js, J({"bucket":"origin","storage":"memory"}));
  put(origin, "eu.1", "one");
  put(origin, "us.1", "two");
  return origin;
}

TEST("kv-17", "a mirror has the keys of its origin; what is put into it goes there") {
  struct place at = start_place();
  nats_kv *origin = make_origin(at.js);
  nats_kv *mirror =
      make_bucket(at.js, J({"bucket":"mirror","storage":"memory","mirror":{"name":"origin"}}));
  until_copied(mirror, "eu.1", "eu.1=one");
  uint64_t revision = put(mirror, "eu.2", "three");
  nats_msg *there = got(origin, "eu.2");
  EXPECT_INT(entry_of(origin, there).revision, revision);
  OK(nats_msg_free(there));
  until_copied(mirror, "eu.2", "eu.2=three");
  nats_subscription *sub = watch(mirror, "{\"keys\":[\"eu.2\"]}");
  TOLD(mirror, sub, "eu.2=three", "-");
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(origin));
  OK(nats_kv_free(mirror));
  leave(at);
}

TEST("kv-18", "a bucket has the keys of its sources; an aggregate has no others") {
  struct place at = start_place();
  nats_kv *origin = make_origin(at.js);
  nats_kv *some = make_bucket(
      at.js, J({"bucket":"some","storage":"memory",
                "sources":[{"name":"KV_origin","filter_subject":"eu.>"}]}));
  until_copied(some, "eu.1", "eu.1=one");
  put(origin, "eu.2", "three");
  until_copied(some, "eu.2", "eu.2=three");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_get(some, "us.1"));
  put(some, "own", "x");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_get(origin, "own"));
  do_js(at.js, nats_stream_create,
        J({"name":"EVENTS","subjects":["events.>"],"storage":"memory"}));
  store(at.js, "events.a", "told");
  nats_kv *all = make_bucket(
      at.js, J({"bucket":"all","storage":"memory","aggregate":true,
                "sources":[{"name":"origin"},
                           {"name":"EVENTS","subject_transforms":
                            [{"src":"events.>","dest":"$KV.all.events.>"}]}]}));
  until_copied(all, "us.1", "us.1=two");
  until_copied(all, "events.a", "events.a=told");
  FAILS(NATS_ERR_READ_ONLY, try_put(all, "k", ""));
  nats_doc *status = ask_js(at.js, nats_kv_bucket_status, J({"bucket":"all"}));
  expect_bool(status, "aggregate", true);
  OK(nats_doc_free(status));
  OK(nats_kv_free(origin));
  OK(nats_kv_free(some));
  OK(nats_kv_free(all));
  leave(at);
}

TEST("kv-19", "a bucket of another domain is written, read and watched") {
  struct place at = {.server = server_start("plain", "jetstream {domain: hub}")};
  nats_jetstream *here = open_js(at.server.url, &at.nc);
  OK(nats_jetstream_new(at.nc, S("{\"domain\":\"hub\"}"), &at.js, E));
  nats_kv *there = make_bucket(at.js, BUCKET);
  put(there, "k", "x");
  HAS(there, "k", "k=x");
  nats_kv *local = bind_with(here, "b", NULL);
  HAS(local, "k", "k=x");
  nats_subscription *sub = watch(there, "");
  TOLD(there, sub, "k=x", "-");
  has_keys(there, "", "{\"keys\":[\"k\"]}");
  OK(nats_subscription_free(sub));
  OK(nats_kv_free(local));
  OK(nats_kv_free(there));
  OK(nats_jetstream_free(here));
  leave(at);
}
