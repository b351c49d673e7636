/* The values of a bucket in memory. */
#include "kv.h"

static nats_kv_cache *cache_of(nats_kv *kv, const char *options) {
  nats_kv_cache *cache = NULL;
  OK(nats_kv_cache_new(kv, S(options), &cache, E));
  return cache;
}

/* Waits until the cache has seen the revision. */
static void until_seen(nats_kv_cache *cache, uint64_t revision) {
  OK(nats_kv_cache_wait(cache, revision, WAIT_MS, E));
}

/* The key has this entry in the cache, in short. */
static void has(nats_kv *kv, nats_kv_cache *cache, const char *key, const char *expected) {
  nats_msg *msg = NULL;
  OK(nats_kv_cache_get(cache, S(key), &msg, E));
  TELLS_ENTRY(kv, msg, expected);
}

static nats_status try_cached(nats_kv_cache *cache, const char *key) {
  nats_msg *msg = NULL;
  return nats_kv_cache_get(cache, S(key), &msg, E);
}

static void keys_are(nats_kv_cache *cache, const char *expected) {
  nats_doc *keys = NULL;
  nats_str json = NONE;
  OK(nats_kv_cache_keys(cache, &keys, E));
  OK(nats_doc_json(keys, &json, E));
  EXPECT_TEXT(json, expected);
  OK(nats_doc_free(keys));
}

/* The value is there, and later is not. */
static void until_over(nats_kv_cache *cache, const char *key) {
  nats_status status = NATS_OK;
  for (int64_t end = now_ms() + WAIT_MS; status == NATS_OK;) {
    nats_msg *msg = NULL;
    nats_error *err = NULL;
    status = nats_kv_cache_get(cache, S(key), &msg, &err);
    nats_error_free(err);
    nats_msg_free(msg);
    EXPECT(now_ms() < end);
  }
  EXPECT_INT(status, NATS_ERR_KEY_NOT_FOUND);
}

TEST("kv-40", "a cache answers without asking, follows the bucket, and forgets in time") {
  struct shelf b = start_bucket();
  put(b.kv, "eu.1", "one");
  put(b.kv, "eu.2", "two");
  put(b.kv, "us.1", "three");
  delete_key(b.kv, "eu.2");
  nats_kv_cache *cache = cache_of(b.kv, "{\"keys\":[\"eu.>\"]}");
  uint64_t before = sent(b.at.nc);
  has(b.kv, cache, "eu.1", "eu.1=one");
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_cached(cache, "eu.2"));
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_cached(cache, "us.1"));
  FAILS(NATS_ERR_INVALID_NAME, try_cached(cache, "a b"));
  keys_are(cache, "{\"keys\":[\"eu.1\"]}");
  EXPECT_INT(sent(b.at.nc), before);
  until_seen(cache, put(b.kv, "eu.3", "3"));
  has(b.kv, cache, "eu.3", "eu.3=3");
  until_seen(cache, purge_key(b.kv, "eu.1"));
  FAILS(NATS_ERR_KEY_NOT_FOUND, try_cached(cache, "eu.1"));
  FAILS(NATS_ERR_TIMEOUT, nats_kv_cache_wait(cache, 1000, 1, E));
  OK(nats_kv_cache_free(cache));

  nats_kv *brief = make_bucket(b.at.js, J({"bucket":"brief","storage":"memory","ttl":500000000}));
  cache = cache_of(brief, "");
  until_seen(cache, put(brief, "k", "x"));
  until_over(cache, "k");
  keys_are(cache, "{\"keys\":[]}");
  OK(nats_kv_cache_free(cache));
  OK(nats_kv_free(brief));
  leave_bucket(b);
}

TEST("kv-41", "a cache goes on after a lost connection, and ends with its bucket") {
  struct shelf b = start_bucket();
  put(b.kv, "a", "1");
  nats_kv_cache *cache = cache_of(b.kv, NULL), *none = NULL;
  OK(nats_connection_force_reconnect(b.at.nc, E));
  until_seen(cache, put_surely(b.kv, "a", "2"));
  has(b.kv, cache, "a", "a=2");
  do_js(b.at.js, nats_kv_bucket_delete, THE_BUCKET);
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_kv_cache_wait(cache, UINT64_MAX, WAIT_MS, E));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, try_cached(cache, "a"));
  FAILS(NATS_ERR_BUCKET_NOT_FOUND, nats_kv_cache_new(b.kv, NONE, &none, E));
  OK(nats_kv_cache_free(cache));
  leave_bucket(b);
}
